package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.CreatedFile;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.wire.NamespaceRequest.Create;
import io.adhocfs.protocol.wire.NamespaceRequest.ReleasePins;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an open file keeps alive, and for how long. */
class PinTest {
  private static final int NODES = 4;
  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));

  private final DaemonCluster cluster = new DaemonCluster(11, NODES, Map.of("inline.max", "64"));
  private final SimulatedClient client = new SimulatedClient(cluster);
  private final AdhocFileSystem fs = client.fileSystem;

  PinTest() throws FsException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  private InodeId touch(String path) throws FsException {
    OpenFile file = client.await(fs.openAsync(path(path), OpenOptions.CREATE));
    client.await(file.closeAsync());
    return file.inode();
  }

  @Test
  void anUnlinkedFileLivesUntilItsLastHandleIsClosed() throws FsException {
    OpenFile first = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    OpenFile second = client.await(fs.openAsync(path("/file"), OpenOptions.READ));
    client.await(fs.removeAsync(path("/file")));
    client.await(first.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.exists(first.inode())).isTrue();
    client.await(second.readBuffer(0, 10, null)).release();
    client.await(second.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.exists(first.inode())).isFalse();
  }

  @Test
  void anOpenInBetweenKeepsThePin() throws FsException {
    OpenFile first = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    client.await(first.closeAsync());
    // The release waits for others to travel with; this open overtakes it.
    OpenFile second = client.await(fs.openAsync(path("/file"), OpenOptions.READ));
    cluster.pass(Duration.ofSeconds(1));
    assertThat(client.rpc.sent(ReleasePins.class::isInstance)).isEqualTo(1);
    assertThat(cluster.isPinned(second.inode())).isTrue();
    client.await(second.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(second.inode())).isFalse();
  }

  @Test
  void releasesTravelTogether() throws FsException {
    List<OpenFile> files = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      files.add(client.await(fs.openAsync(path("/f" + i), OpenOptions.CREATE)));
    }
    client.rpc.forgetSent();
    for (OpenFile file : files) {
      client.await(file.closeAsync());
    }
    assertThat(client.rpc.sent()).isEmpty();
    cluster.pass(Duration.ofMillis(60));
    assertThat(client.rpc.sent(ReleasePins.class::isInstance)).isEqualTo(1);
  }

  @Test
  void releasesReachTheOwnerAfterSlotsHaveMoved() throws FsException {
    OpenFile file = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    client.await(file.closeAsync());
    cluster.moveSlots(slot -> (slot + 1) % NODES);
    cluster.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(file.inode())).isFalse();
  }

  @Test
  void anOpenThatNobodyWaitsForLeavesNoPin() throws FsException {
    InodeId file = touch("/file");
    cluster.pass(Duration.ofSeconds(1));
    client.rpc.fates = (_, _) -> Fate.REPLY_LOST;
    CompletableFuture<OpenFile> open = fs.inodes().open(file);
    cluster.pass(Duration.ofMillis(100));
    open.cancel(true);
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    cluster.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(file)).isFalse();
  }

  @Test
  void aCreateThatNobodyWaitsForLeavesNoPin() throws FsException {
    client.rpc.fates = (_, request) -> request instanceof Create ? Fate.REPLY_LOST : Fate.ARRIVES;
    CompletableFuture<CreatedFile> create =
        fs.inodes().createAndOpen(InodeId.ROOT, EntryName.ofText("file"), FILE, true);
    cluster.pass(Duration.ofMillis(100));
    create.cancel(true);
    cluster.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(client.await(fs.statAsync(path("/file"))).id())).isFalse();
  }

  @Test
  void opensAnExistingFileOfAnotherNodeByItsName() throws FsException {
    // A name that was renamed lies in another slot than its inode.
    InodeId inode = touch("/a");
    client.await(fs.createDirectoryAsync(path("/d"), 0755));
    client.await(fs.renameAsync(path("/a"), path("/d/b"), RenameMode.REPLACE));
    OpenFile file = client.await(fs.openAsync(path("/d/b"), OpenOptions.CREATE_EMPTY));
    assertThat(file.inode()).isEqualTo(inode);
    CreatedFile created =
        client.await(
            fs.inodes()
                .createAndOpen(
                    client.await(fs.statAsync(path("/d"))).id(),
                    EntryName.ofText("b"),
                    FILE,
                    false));
    assertThat(created.existed()).isTrue();
    assertThat(created.file().inode()).isEqualTo(inode);
    client.await(created.file().closeAsync());
    client.await(file.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(inode)).isFalse();
  }
}
