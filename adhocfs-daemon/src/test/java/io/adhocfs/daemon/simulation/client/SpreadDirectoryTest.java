package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.wire.NamespaceRequest.Create;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadDirectory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Directories that are spread over the nodes while clients use them. */
class SpreadDirectoryTest {
  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));
  private static final int NODES = 4;

  /** Of a directory that is spread over these nodes. */
  private static final int PARTITIONS = 16;

  private final DaemonCluster cluster = cluster(NODES, 30);
  private final SimulatedClient client = new SimulatedClient(cluster);
  private final AdhocFileSystem fs = client.fileSystem;

  SpreadDirectoryTest() throws FsException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  private static DaemonCluster cluster(int nodes, int spreadEntries) {
    return new DaemonCluster(
        11,
        nodes,
        Map.of("inline.max", "64", "directory.spread-entries", String.valueOf(spreadEntries)));
  }

  private void touch(String path) throws FsException {
    OpenFile file = client.await(fs.openAsync(path(path), OpenOptions.CREATE));
    client.await(file.closeAsync());
  }

  /** A directory has 1, 8, 16 and 64 partitions at so many nodes. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 16})
  void listsNamesOfArbitraryBytesOnceInEveryPageSize(int nodes) throws FsException {
    Set<String> made = new TreeSet<>();
    try (DaemonCluster some = cluster(nodes, 250)) {
      var lister = new SimulatedClient(some);
      var random = new Random(11);
      for (int i = 0; i < 300; i++) {
        EntryName name = anyName(random);
        lister.await(lister.fileSystem.inodes().create(InodeId.ROOT, name, FILE));
        made.add(new String(name.bytes(), StandardCharsets.ISO_8859_1));
        if (i == 100) {
          assertThat(listed(lister, 500)).containsExactlyElementsOf(made);
        }
      }
      some.awaitSpread(InodeId.ROOT, nodes == 1 ? 1 : Math.min(64, 4 * nodes));
      for (int pageBytes : new int[] {1, 100, 1 << 20}) {
        assertThat(listed(lister, pageBytes)).containsExactlyElementsOf(made);
      }
    }
  }

  private static EntryName anyName(Random random) throws FsException {
    var bytes = new byte[1 + random.nextInt(30)];
    for (int i = 0; i < bytes.length; i++) {
      do {
        bytes[i] = (byte) random.nextInt();
      } while (bytes[i] == 0 || bytes[i] == '/');
    }
    return EntryName.of(bytes);
  }

  private static List<String> listed(SimulatedClient lister, int pageBytes) throws FsException {
    List<String> names = new ArrayList<>();
    long cookie = 0;
    while (true) {
      DirectoryPage page =
          lister.await(
              lister.fileSystem.inodes().readDirectory(InodeId.ROOT, cookie, pageBytes, true));
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
    cluster.awaitSpread(InodeId.ROOT, PARTITIONS);
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
    assertThat(client.rpc.sent(ReadDirectory.class::isInstance)).isEqualTo(PARTITIONS);
  }

  @Test
  void findsOutHowADirectoryIsSpread() throws FsException {
    InodeId directory = client.await(fs.createDirectoryAsync(path("/big"), 0755)).id();
    touch("/big/a");
    var other = new SimulatedClient(cluster);
    for (int i = 0; i < 30; i++) {
      other.await(other.fileSystem.createDirectoryAsync(path("/big/" + i), 0700));
    }
    cluster.awaitSpread(directory, PARTITIONS);
    client.rpc.forgetSent();
    touch("/big/b");
    assertThat(client.rpc.sent(Create.class::isInstance)).isEqualTo(1);
    client.await(fs.statAsync(path("/big/a")));
    client.await(fs.renameAsync(path("/big/a"), path("/big/c"), RenameMode.REPLACE));
    client.await(fs.removeRecursivelyAsync(path("/big")));
  }
}
