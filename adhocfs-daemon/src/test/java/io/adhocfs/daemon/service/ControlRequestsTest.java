package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a daemon tells of itself and of what it has stored. */
class ControlRequestsTest extends ServiceFixture {
  ControlRequestsTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
  }

  @Test
  void scansAreCutIntoPagesAndRefuseOddCursors() throws FsException {
    for (int i = 0; i < 30; i++) {
      client.create(client.makeDirectory(ROOT, "d" + i), "f");
    }
    Set<InodeId> inodes = new TreeSet<>();
    for (SimulatedDaemon node : instance.daemons()) {
      byte[] cursor = {};
      do {
        var page = (Reply.InodePage) client.at(node, new ControlRequest.ScanInodes(cursor, 3));
        assertThat(page.inodes().size()).isLessThanOrEqualTo(3);
        page.inodes().forEach(inode -> assertThat(inodes.add(inode.attributes().id())).isTrue());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    assertThat(inodes).hasSize(61);
    for (byte[] odd : List.of(new byte[1], new byte[3], new byte[] {0, 0, 99, 1})) {
      SimulatedDaemon node = instance.daemons().getFirst();
      assertThat(errorOf(() -> client.at(node, new ControlRequest.ScanInodes(odd, 3))))
          .isEqualTo(FsError.INVALID);
    }
    var chunks =
        (Reply.ChunkPage)
            client.at(instance.daemons().getFirst(), new ControlRequest.ScanChunks(new byte[0], 9));
    assertThat(chunks.chunks()).isEmpty();
  }

  @Test
  void aSyncWaitsForNoCheckOfTheStorage() throws FsException {
    for (SimulatedDaemon node : instance.daemons()) {
      node.checksHang(true);
    }
    assertThat(client.call(new NamespaceRequest.SyncInode(ROOT))).isEqualTo(new Reply.Done());
  }

  @Test
  void aCheckTellsWhatIsWrongWithTheStorage() throws FsException {
    var _ = chunkedFile("f", 6);
    SimulatedDaemon node = instance.daemons().get(1);
    var check = new ControlRequest.CheckStorage();
    assertThat(((Reply.Findings) client.at(node, check)).findings()).isEmpty();
    Path stray = filesOf(node).resolve("stray");
    node.disk().makeFile(stray);
    assertThat(((Reply.Findings) client.at(node, check)).findings())
        .singleElement()
        .asString()
        .contains(stray.toString());
  }

  private static Path filesOf(SimulatedDaemon node) {
    Path directory = node.disk().directory();
    @Nullable Path below = directory;
    while (below != null) {
      directory = below;
      below =
          node.disk().list(directory).stream()
              .filter(node.disk()::isDirectory)
              .findFirst()
              .orElse(null);
    }
    return directory;
  }

  @Test
  void controlRequestsAreAnswered() throws FsException {
    SimulatedDaemon node = instance.daemons().get(1);
    client.makeDirectory(ROOT, "d");
    assertThat(((Reply.Map) client.at(node, new ControlRequest.GetMap())).map())
        .isEqualTo(instance.map());
    var status =
        (Reply.Status) client.at(instance.daemons().getFirst(), new ControlRequest.GetStatus());
    assertThat(status.status().directories()).isBetween(1L, 2L);
    assertThat(client.at(node, new ControlRequest.GetCapacity()))
        .isInstanceOf(Reply.Capacity.class);
    assertThat(client.call(new NamespaceRequest.SyncInode(ROOT))).isEqualTo(new Reply.Done());
  }

  @Test
  void aNewerAddressOfANodeStays() throws FsException {
    SimulatedDaemon node = instance.daemons().get(1);
    ClusterMap.Node other = instance.map().nodes().get(2);
    var moved = new ClusterMap.Node(other.id(), "elsewhere", 9, "", 5, other.state());
    client.at(node, new ControlRequest.InstallMap(instance.map().withNode(moved)));
    assertThat(node.cluster().map()).isEqualTo(instance.map().withNode(moved));
    node.kill();
    node.restart();
    instance.awaitServing();
    assertThat(node.cluster().map().node(other.id())).isEqualTo(moved);
    client.at(node, new ControlRequest.InstallMap(instance.map()));
    assertThat(node.cluster().map().node(other.id())).isEqualTo(moved);
  }
}
