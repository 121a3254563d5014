package io.adhocfs.client;

import static io.adhocfs.client.simulation.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.simulation.SimulatedClient;
import io.adhocfs.client.simulation.SimulatedCluster;
import io.adhocfs.client.simulation.SimulatedRpc.Fate;
import io.adhocfs.client.simulation.Simulation;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.NamespaceRequest.Create;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadDirectory;
import io.adhocfs.protocol.wire.NamespaceRequest.ReleasePins;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Names, paths, listings and pins. */
class NamespaceTest {
  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));

  private final Simulation simulation = new Simulation(11);
  private final SimulatedCluster cluster = new SimulatedCluster(simulation, 4, 4096, 64);
  private final SimulatedClient client;
  private final AdhocFileSystem fs;

  NamespaceTest() throws FsException {
    client = new SimulatedClient(simulation, cluster, 1, Map.of());
    fs = client.fileSystem;
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
    simulation.pass(Duration.ofSeconds(1));
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
  void listsNamesOfArbitraryBytesOnceInEveryPageSize() throws FsException {
    var random = new Random(simulation.seed);
    Set<String> made = new TreeSet<>();
    for (int i = 0; i < 300; i++) {
      byte[] bytes = new byte[1 + random.nextInt(30)];
      for (int j = 0; j < bytes.length; j++) {
        do {
          bytes[j] = (byte) random.nextInt();
        } while (bytes[j] == 0 || bytes[j] == '/');
      }
      EntryName name = EntryName.of(bytes);
      client.await(fs.inodes().create(InodeId.ROOT, name, FILE));
      made.add(new String(bytes, StandardCharsets.ISO_8859_1));
    }
    for (int exponent : new int[] {0, 1, 4, 7}) {
      cluster.spread(InodeId.ROOT, exponent);
      for (int pageBytes : new int[] {1, 100, 1 << 20}) {
        assertThat(listed(pageBytes)).containsExactlyElementsOf(made);
      }
    }
  }

  private List<String> listed(int pageBytes) throws FsException {
    List<String> names = new ArrayList<>();
    long cookie = 0;
    while (true) {
      DirectoryPage page =
          client.await(fs.inodes().readDirectory(InodeId.ROOT, cookie, pageBytes, true));
      for (DirectoryItem item : page.items()) {
        names.add(new String(item.name().bytes(), StandardCharsets.ISO_8859_1));
        assertThat(item.attributes()).isNotNull();
        // A reader may go on after any entry.
        assertThat(item.cookie()).isGreaterThan(cookie);
      }
      cookie = page.nextCookie();
      if (page.last()) {
        names.sort(null);
        return names;
      }
    }
  }

  @Test
  void asksAPartitionOnceWhenItsPageWasTheLast() throws FsException {
    for (int i = 0; i < 40; i++) {
      touch("/f" + i);
    }
    cluster.spread(InodeId.ROOT, 2);
    client.await(fs.inodes().readDirectory(InodeId.ROOT, 0, 1 << 20, false));
    client.rpc.forgetSent();
    DirectoryListing listing = client.await(fs.listAsync(AdhocPath.ROOT, false));
    int entries = 0;
    DirectoryPage page;
    do {
      page = client.await(listing.nextPage());
      entries += page.items().size();
    } while (!page.last());
    assertThat(entries).isEqualTo(40);
    assertThat(client.rpc.sent(ReadDirectory.class::isInstance)).isEqualTo(4);
  }

  @Test
  void findsOutHowADirectoryIsSpread() throws FsException {
    InodeId directory = mkdir("/big");
    touch("/big/a");
    cluster.spread(directory, 3);
    client.rpc.forgetSent();
    touch("/big/b");
    assertThat(client.rpc.sent(Create.class::isInstance)).isEqualTo(1);
    stat("/big/a");
    client.await(fs.renameAsync(path("/big/a"), path("/big/c"), RenameMode.REPLACE));
    cluster.spread(directory, 4);
    client.rpc.forgetSent();
    touch("/big/d");
    client.await(fs.removeRecursivelyAsync(path("/big")));
  }

  @Test
  void anUnlinkedFileLivesUntilItsLastHandleIsClosed() throws FsException {
    OpenFile first = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    OpenFile second = client.await(fs.openAsync(path("/file"), OpenOptions.READ));
    client.await(fs.removeAsync(path("/file")));
    client.await(first.closeAsync());
    simulation.pass(Duration.ofSeconds(1));
    assertThat(cluster.exists(first.inode())).isTrue();
    client.await(second.readBuffer(0, 10, null)).release();
    client.await(second.closeAsync());
    simulation.pass(Duration.ofSeconds(1));
    assertThat(cluster.exists(first.inode())).isFalse();
  }

  @Test
  void anOpenInBetweenKeepsThePin() throws FsException {
    OpenFile first = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    client.await(first.closeAsync());
    // The release waits for others to travel with; this open overtakes it.
    OpenFile second = client.await(fs.openAsync(path("/file"), OpenOptions.READ));
    simulation.pass(Duration.ofSeconds(1));
    assertThat(client.rpc.sent(ReleasePins.class::isInstance)).isEqualTo(1);
    assertThat(cluster.isPinned(second.inode())).isTrue();
    client.await(second.closeAsync());
    simulation.pass(Duration.ofSeconds(1));
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
    simulation.pass(Duration.ofMillis(60));
    assertThat(client.rpc.sent(ReleasePins.class::isInstance)).isEqualTo(1);
  }

  @Test
  void releasesReachTheOwnerAfterSlotsHaveMoved() throws FsException {
    OpenFile file = client.await(fs.openAsync(path("/file"), OpenOptions.CREATE));
    client.await(file.closeAsync());
    cluster.moveSlots(slot -> (slot + 1) % 4);
    simulation.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(file.inode())).isFalse();
  }

  @Test
  void anOpenThatNobodyWaitsForLeavesNoPin() throws FsException {
    InodeId file = touch("/file");
    simulation.pass(Duration.ofSeconds(1));
    client.rpc.fates = (_, _) -> Fate.REPLY_LOST;
    CompletableFuture<OpenFile> open = fs.inodes().open(file);
    simulation.pass(Duration.ofMillis(100));
    open.cancel(true);
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    simulation.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(file)).isFalse();
  }

  @Test
  void aCreateThatNobodyWaitsForLeavesNoPin() throws FsException {
    client.rpc.fates = (_, request) -> request instanceof Create ? Fate.REPLY_LOST : Fate.ARRIVES;
    CompletableFuture<CreatedFile> create =
        fs.inodes().createAndOpen(InodeId.ROOT, EntryName.ofText("file"), FILE, true);
    simulation.pass(Duration.ofMillis(100));
    create.cancel(true);
    simulation.pass(Duration.ofSeconds(2));
    assertThat(cluster.isPinned(stat("/file"))).isFalse();
  }

  @Test
  void opensAnExistingFileOfAnotherNodeByItsName() throws FsException {
    // A name that was renamed lies in another slot than its inode.
    InodeId inode = touch("/a");
    mkdir("/d");
    client.await(fs.renameAsync(path("/a"), path("/d/b"), RenameMode.REPLACE));
    OpenFile file = client.await(fs.openAsync(path("/d/b"), OpenOptions.CREATE_EMPTY));
    assertThat(file.inode()).isEqualTo(inode);
    CreatedFile created =
        client.await(fs.inodes().createAndOpen(stat("/d"), EntryName.ofText("b"), FILE, false));
    assertThat(created.existed()).isTrue();
    assertThat(created.file().inode()).isEqualTo(inode);
    client.await(created.file().closeAsync());
    client.await(file.closeAsync());
    simulation.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(inode)).isFalse();
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
