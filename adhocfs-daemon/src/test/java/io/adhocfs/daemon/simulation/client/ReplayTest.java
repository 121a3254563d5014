package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What a client sends follows from the seed alone. */
class ReplayTest {
  private static final int WAITING = 20;
  private static final NodeId DOWN = new NodeId(3);

  @Test
  void whatWaitsGoesOnInTheSameOrder() throws FsException {
    assertThat(sentAfterALoss()).isEqualTo(sentAfterALoss());
  }

  /** What is sent when a session ends at a node, which has all that waits try again. */
  private static List<String> sentAfterALoss() throws FsException {
    try (var cluster = new DaemonCluster(17, 4, Map.of())) {
      var client = new SimulatedClient(cluster);
      client.rpc.setDown(DOWN, true);
      List<CompletableFuture<FileAttributes>> waiting = new ArrayList<>();
      for (int i = 0; i < WAITING; i++) {
        var inode = new InodeId((long) DOWN.value() << 48 | i + 1);
        waiting.add(client.fileSystem.inodes().getAttributes(inode));
      }
      cluster.pass(Duration.ofSeconds(10));
      client.rpc.setDown(DOWN, false);
      client.rpc.forgetSent();
      cluster.expireAt(new NodeId(0), client.rpc.session(0));
      client.await(client.fileSystem.statAsync(path("/")));
      waiting.forEach(client::error);
      return client.rpc.sent().stream().map(Object::toString).toList();
    }
  }
}
