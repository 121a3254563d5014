package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FsException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Three daemons, and a client that has one new file open; what opening it took is not seen. */
abstract class OpenFileFixture {
  final DaemonCluster cluster;
  final SimulatedClient client;
  final OpenFile file;

  OpenFileFixture(Map<String, String> settings) throws FsException {
    cluster = new DaemonCluster(5, 3, settings);
    client = new SimulatedClient(cluster);
    file = client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
  }

  @BeforeEach
  void forgetOpening() {
    client.rpc.forgetSent();
  }

  @AfterEach
  void close() {
    cluster.close();
  }
}
