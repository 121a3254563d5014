package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadDirectory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Names, paths and trees. */
class NamespaceTest {

  private final DaemonCluster cluster = new DaemonCluster(11, 4, Map.of("inline.max", "64"));
  private final SimulatedClient client = new SimulatedClient(cluster);
  private final AdhocFileSystem fs = client.fileSystem;

  NamespaceTest() throws FsException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  private InodeId mkdir(String path) throws FsException {
    return client.await(fs.createDirectoryAsync(path(path), 0755)).id();
  }

  private InodeId touch(String path) throws FsException {
    OpenFile file = client.await(fs.openAsync(path(path), OpenOptions.CREATE));
    client.await(file.closeAsync());
    return file.inode();
  }

  private void symlink(String path, String target) throws FsException {
    client.await(fs.symlinkAsync(path(path), target.getBytes(StandardCharsets.UTF_8)));
  }

  private InodeId stat(String path) throws FsException {
    return client.await(fs.statAsync(path(path))).id();
  }

  @Test
  void walksPathsThroughSymbolicLinksAndParents() throws FsException {
    InodeId a = mkdir("/a");
    InodeId b = mkdir("/a/b");
    mkdir("/c");
    InodeId file = touch("/a/b/file");
    symlink("/c/absolute", "/a/b");
    symlink("/c/relative", "../a/./b//");
    symlink("/c/chain", "relative/file");

    assertThat(stat("/a/b/..")).isEqualTo(a);
    assertThat(stat("/../..")).isEqualTo(InodeId.ROOT);
    assertThat(stat("/c/absolute")).isEqualTo(b);
    assertThat(stat("/c/absolute/..")).isEqualTo(a);
    assertThat(stat("/c/relative/file")).isEqualTo(file);
    assertThat(stat("/c/chain")).isEqualTo(file);
    FileAttributes link = client.await(fs.statLinkAsync(path("/c/chain")));
    assertThat(link.type()).isEqualTo(FileType.SYMLINK);
    assertThat(
            new String(client.await(fs.readSymlinkAsync(path("/c/chain"))), StandardCharsets.UTF_8))
        .isEqualTo("relative/file");
    assertThat(client.error(fs.statAsync(path("/a/b/file/..")))).isEqualTo(FsError.NOT_DIRECTORY);
    assertThat(client.error(fs.statAsync(path("/a/none/..")))).isEqualTo(FsError.NOT_FOUND);
  }

  private String pathOf(InodeId directory) throws FsException {
    return client.await(fs.inodes().pathOf(directory)).toString();
  }

  @Test
  void findsThePathOfADirectory() throws FsException {
    mkdir("/a");
    mkdir("/a/b");
    // Several pages of entries.
    for (int i = 0; i < 3000; i++) {
      touch("/a/b/" + "long".repeat(20) + i);
    }
    InodeId inner = mkdir("/a/b/c");
    InodeId deep = mkdir("/a/b/c/d");
    assertThat(pathOf(deep)).isEqualTo("/a/b/c/d");
    assertThat(pathOf(inner)).isEqualTo("/a/b/c");
    assertThat(pathOf(InodeId.ROOT)).isEqualTo("/");
    client.await(fs.renameAsync(path("/a/b"), path("/e"), RenameMode.REPLACE));
    assertThat(pathOf(deep)).isEqualTo("/e/c/d");
    client.await(fs.removeAsync(path("/e/c/d")));
    assertThat(client.error(fs.inodes().pathOf(deep))).isEqualTo(FsError.NOT_FOUND);
    assertThat(client.error(fs.inodes().pathOf(touch("/file")))).isEqualTo(FsError.NOT_DIRECTORY);
  }

  /** Has a directory move to and fro, each time when its parent is about to be listed. */
  private void moveWhileListed(String name, int times) {
    var listings = new AtomicInteger();
    client.rpc.fates =
        (_, request) -> {
          // Every other listing is sent again, when the move is over.
          if (!(request instanceof ReadDirectory)
              || listings.get() >= 2 * times
              || listings.getAndIncrement() % 2 == 1) {
            return Fate.ARRIVES;
          }
          String from = listings.get() % 4 == 1 ? "/a/" : "/b/";
          String to = from.equals("/a/") ? "/b/" : "/a/";
          try {
            var _ = fs.renameAsync(path(from + name), path(to + name), RenameMode.REPLACE);
          } catch (FsException e) {
            throw new AssertionError(e);
          }
          return Fate.OVERLOADED;
        };
  }

  @Test
  void looksAgainForADirectoryThatMovesMeanwhile() throws FsException {
    mkdir("/a");
    mkdir("/b");
    InodeId directory = mkdir("/a/d");
    moveWhileListed("d", 3);
    assertThat(pathOf(directory)).isEqualTo("/b/d");
    client.await(fs.renameAsync(path("/b/d"), path("/a/d"), RenameMode.REPLACE));
    moveWhileListed("d", 1000);
    assertThat(client.error(fs.inodes().pathOf(directory))).isEqualTo(FsError.BUSY);
  }

  @Test
  void followsFortyLinksAndNoMore() throws FsException {
    InodeId end = mkdir("/l0");
    for (int i = 1; i <= 41; i++) {
      symlink("/l" + i, "l" + (i - 1));
    }
    symlink("/loop", "loop");
    assertThat(stat("/l40")).isEqualTo(end);
    assertThat(client.error(fs.statAsync(path("/l41")))).isEqualTo(FsError.TOO_MANY_SYMLINKS);
    FsException failure = client.failure(fs.statAsync(path("/loop/x")));
    assertThat(failure.error()).isEqualTo(FsError.TOO_MANY_SYMLINKS);
    assertThat(failure).hasMessageContaining("stat /loop/x");
  }

  @Test
  void createsWhatADanglingLinkNames() throws FsException {
    symlink("/link", "target");
    OpenFile file = client.await(fs.openAsync(path("/link"), OpenOptions.CREATE));
    assertThat(stat("/target")).isEqualTo(file.inode());
    assertThat(client.error(fs.openAsync(path("/link"), OpenOptions.CREATE_NEW)))
        .isEqualTo(FsError.EXISTS);
    assertThat(client.error(fs.openAsync(path("/link"), OpenOptions.READ.withoutFollowing())))
        .isEqualTo(FsError.TOO_MANY_SYMLINKS);
  }

  @Test
  void refusesToOpenWhatHasNoBytes() throws FsException {
    mkdir("/d");
    assertThat(client.error(fs.openAsync(path("/d"), OpenOptions.READ)))
        .isEqualTo(FsError.IS_DIRECTORY);
    client.await(
        fs.inodes()
            .create(
                InodeId.ROOT,
                EntryName.ofText("fifo"),
                NewInode.node(FileType.FIFO, 0600, new Owner(0, 0), 0)));
    assertThat(client.error(fs.openAsync(path("/fifo"), OpenOptions.READ)))
        .isEqualTo(FsError.NOT_SUPPORTED);
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(stat("/d"))).isFalse();
  }

  @Test
  void makesDirectoriesWithTheirParents() throws FsException {
    FileAttributes made = client.await(fs.createDirectoriesAsync(path("/x/y/z"), 0700));
    assertThat(made.isDirectory()).isTrue();
    assertThat(client.await(fs.createDirectoriesAsync(path("/x/y/z"), 0700)).id())
        .isEqualTo(made.id());
    touch("/x/file");
    assertThat(client.error(fs.createDirectoriesAsync(path("/x/file"), 0700)))
        .isEqualTo(FsError.EXISTS);
    assertThat(client.error(fs.createDirectoriesAsync(path("/x/file/below"), 0700)))
        .isEqualTo(FsError.NOT_DIRECTORY);
  }

  @Test
  void removesAndRenamesAndLinks() throws FsException {
    InodeId file = touch("/a");
    client.await(fs.renameAsync(path("/a"), path("/b"), RenameMode.REPLACE));
    assertThat(stat("/b")).isEqualTo(file);
    FileAttributes linked = client.await(fs.linkAsync(path("/b"), path("/c")));
    assertThat(linked.linkCount()).isEqualTo(2);
    assertThat(client.error(fs.renameAsync(path("/b"), path("/c"), RenameMode.NO_REPLACE)))
        .isEqualTo(FsError.EXISTS);
    mkdir("/d");
    client.await(fs.renameAsync(path("/b"), path("/d"), RenameMode.EXCHANGE));
    assertThat(stat("/d")).isEqualTo(file);
    client.await(fs.removeAsync(path("/d")));
    client.await(fs.removeAsync(path("/b")));
    assertThat(client.error(fs.statAsync(path("/b")))).isEqualTo(FsError.NOT_FOUND);
    assertThat(client.error(fs.removeAsync(path("/")))).isEqualTo(FsError.BUSY);
  }

  @Test
  void removesATreeAndNothingThatLinksLeadTo() throws FsException {
    mkdir("/keep");
    touch("/keep/file");
    mkdir("/tree");
    for (int i = 0; i < 20; i++) {
      mkdir("/tree/d" + i);
      for (int j = 0; j < 10; j++) {
        touch("/tree/d" + i + "/f" + j);
      }
      mkdir("/tree/d" + i + "/deeper");
      symlink("/tree/d" + i + "/deeper/link", "/keep");
    }
    client.await(fs.removeRecursivelyAsync(path("/tree")));
    assertThat(client.error(fs.statAsync(path("/tree")))).isEqualTo(FsError.NOT_FOUND);
    stat("/keep/file");
    assertThat(client.error(fs.removeRecursivelyAsync(path("/tree")))).isEqualTo(FsError.NOT_FOUND);
    client.await(fs.removeRecursivelyAsync(AdhocPath.ROOT));
    assertThat(client.error(fs.statAsync(path("/keep")))).isEqualTo(FsError.NOT_FOUND);
  }

  @Test
  void setsWhatIsGivenAndNothingElse() throws FsException {
    touch("/file");
    FileAttributes before = client.await(fs.statAsync(path("/file")));
    FileAttributes after =
        client.await(
            fs.setAttributesAsync(
                path("/file"), AttributeChange.NONE.withMode(0400).withAtimeNanos(-5)));
    assertThat(after.mode()).isEqualTo(0400);
    assertThat(after.atimeNanos()).isEqualTo(-5);
    assertThat(after.mtimeNanos()).isEqualTo(before.mtimeNanos());
    assertThat(after.uid()).isEqualTo(10);
    assertThat(after.ctimeNanos()).isGreaterThan(before.ctimeNanos());
  }
}
