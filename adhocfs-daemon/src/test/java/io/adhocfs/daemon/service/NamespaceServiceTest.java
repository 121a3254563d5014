package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract of every namespace request, on three nodes, so that most operations cross nodes. */
class NamespaceServiceTest {
  private static final InodeId ROOT = InodeId.ROOT;
  private static final int CHUNK = 4096;

  private SimulatedCluster cluster;
  private SimulatedClient client;
  private ClusterInspection inspection;

  @BeforeEach
  void start(@TempDir Path directory) throws FsException {
    cluster =
        new SimulatedCluster(
            3, directory, 1, new Settings(Map.of("chunk.size", "4KiB", "inline.max", "100")));
    client = new SimulatedClient(cluster, 77);
    inspection = new ClusterInspection(cluster);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private interface Call {
    void run() throws FsException;
  }

  private static FsError errorOf(Call call) {
    try {
      call.run();
    } catch (FsException e) {
      return e.error();
    }
    throw new AssertionError("no error");
  }

  /** A directory of the root at a node that is not the root's. */
  private InodeId directoryElsewhere(String prefix) throws FsException {
    for (int i = 0; ; i++) {
      EntryName name = EntryName.ofText(prefix + i);
      if (cluster.map.ownerValue(Placement.newDirectorySlot(ROOT, name).value()) != 0) {
        return client.makeDirectory(ROOT, prefix + i);
      }
    }
  }

  @Test
  void theFirstStartMakesTheRootOnceAtTheOwnerOfItsSlot() throws FsException {
    FileAttributes root = client.attributes(ROOT);
    assertThat(root.isDirectory()).isTrue();
    assertThat(root.mode()).isEqualTo(0755);
    assertThat(root.uid()).isEqualTo(1000);
    assertThat(root.gid()).isEqualTo(100);
    assertThat(root.linkCount()).isEqualTo(2);
    assertThat(root.parent()).isEqualTo(ROOT);
    client.create(ROOT, "a");
    cluster.restartAll();
    assertThat(client.has(ROOT, "a")).isTrue();
    assertThat(inspection.inodes()).hasSize(2);
  }

  @Test
  void createMakesInodeAndNameAndCountsThemInTheDirectory() throws FsException {
    client.nowNanos = 5_000;
    var created = (Reply.Created) client.call(client.createRequest(ROOT, "a", 0));
    FileAttributes file = client.attributes(created.inode());
    assertThat(created.attributes()).isEqualTo(file);
    assertThat(created.existed()).isFalse();
    assertThat(created.inode().slotValue()).isZero();
    assertThat(file.type()).isEqualTo(FileType.REGULAR);
    assertThat(file.mode()).isEqualTo(0644);
    assertThat(file.uid()).isEqualTo(1);
    assertThat(file.gid()).isEqualTo(2);
    assertThat(file.linkCount()).isEqualTo(1);
    assertThat(file.sizeBytes()).isZero();
    assertThat(file.mtimeNanos()).isEqualTo(5_000);
    assertThat(file.layout().inline()).isTrue();
    assertThat(file.layout().chunkSizeBytes()).isEqualTo(CHUNK);
    assertThat(file.layout().firstSlot()).isEqualTo(Placement.wideFirstSlot(file.id()));
    FileAttributes root = client.attributes(ROOT);
    assertThat(root.sizeBytes()).isEqualTo(1);
    assertThat(root.linkCount()).isEqualTo(2);
    assertThat(root.mtimeNanos()).isEqualTo(5_000);
    var entry =
        (Reply.Entry) client.call(new NamespaceRequest.Lookup(SimulatedClient.key(ROOT, "a")));
    assertThat(entry.attributes()).isEqualTo(file);
  }

  private NamespaceRequest.Create create(
      InodeId directory, String name, FileType type, String target, boolean exclusive, long pin) {
    return new NamespaceRequest.Create(
        client.stamp(),
        SimulatedClient.key(directory, name),
        type,
        0600,
        3,
        4,
        type == FileType.CHARACTER_DEVICE ? 7 : 0,
        target.getBytes(StandardCharsets.UTF_8),
        exclusive,
        pin,
        client.nowNanos);
  }

  @Test
  void anExistingNameIsAnErrorOnlyForExclusiveCreates() throws FsException {
    InodeId file = client.create(ROOT, "a");
    assertThat(errorOf(() -> client.create(ROOT, "a"))).isEqualTo(FsError.EXISTS);
    var again = (Reply.Created) client.call(create(ROOT, "a", FileType.REGULAR, "", false, 3));
    assertThat(again.existed()).isTrue();
    assertThat(again.inode()).isEqualTo(file);
    assertThat(again.attributes()).isEqualTo(client.attributes(file));
    // It has set the pin.
    client.unlink(ROOT, "a");
    assertThat(client.attributes(file).linkCount()).isZero();
    client.at(cluster.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file, 3))));
    assertThat(errorOf(() -> client.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    InodeId directory = directoryElsewhere("d");
    client.create(directory, "f");
    client.rename(directory, "f", ROOT, "far", 0);
    var far = (Reply.Created) client.call(create(ROOT, "far", FileType.REGULAR, "", false, 3));
    assertThat(far.existed()).isTrue();
    assertThat(far.attributes()).isNull();
    inspection.requireSound();
  }

  @Test
  void createsEveryTypeAndRefusesWhatIsNone() throws FsException {
    var link = (Reply.Created) client.call(create(ROOT, "s", FileType.SYMLINK, "../x", true, 0));
    var bytes = (Reply.Bytes) client.call(new NamespaceRequest.ReadSymlink(link.inode()));
    assertThat(new String(bytes.bytes(), StandardCharsets.UTF_8)).isEqualTo("../x");
    assertThat(client.attributes(link.inode()).sizeBytes()).isEqualTo(4);
    for (FileType type :
        List.of(FileType.FIFO, FileType.SOCKET, FileType.CHARACTER_DEVICE, FileType.BLOCK_DEVICE)) {
      var made = (Reply.Created) client.call(create(ROOT, "" + type, type, "", true, 0));
      assertThat(client.attributes(made.inode()).type()).isEqualTo(type);
      assertThat(client.attributes(made.inode()).layout().inline()).isFalse();
      assertThat(errorOf(() -> client.call(new NamespaceRequest.ReadSymlink(made.inode()))))
          .isEqualTo(FsError.INVALID);
      assertThat(errorOf(() -> client.truncate(made.inode(), 1))).isEqualTo(FsError.INVALID);
    }
    for (Request wrong :
        List.of(
            create(ROOT, "x", FileType.DIRECTORY, "", true, 0),
            create(ROOT, "x", FileType.SYMLINK, "", true, 0),
            create(ROOT, "x", FileType.REGULAR, "t", true, 0))) {
      assertThat(errorOf(() -> client.call(wrong))).isEqualTo(FsError.INVALID);
    }
    assertThat(
            errorOf(
                () -> client.call(create(ROOT, "x", FileType.SYMLINK, "t".repeat(4096), true, 0))))
        .isEqualTo(FsError.NAME_TOO_LONG);
    for (FileType type : FileType.values()) {
      if (type != FileType.DIRECTORY && type != FileType.REGULAR) {
        client.unlink(ROOT, type == FileType.SYMLINK ? "s" : "" + type);
      }
    }
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.SYMLINK)).isZero();
  }

  @Test
  void namesInWhatIsNoDirectoryAreRefused() throws FsException {
    InodeId file = client.create(ROOT, "f");
    InodeId gone = directoryElsewhere("gone");
    String goneName = "gone" + nameOf(gone).substring(4);
    client.removeDirectory(ROOT, goneName);
    for (InodeId where : List.of(file, gone)) {
      FsError wanted = where.equals(file) ? FsError.NOT_DIRECTORY : FsError.NOT_FOUND;
      assertThat(errorOf(() -> client.create(where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.lookup(where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.makeDirectory(where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.unlink(where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.removeDirectory(where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.link(file, where, "a"))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.rename(ROOT, "f", where, "a", 0))).isEqualTo(wanted);
      assertThat(errorOf(() -> client.rename(where, "a", ROOT, "b", 0))).isEqualTo(wanted);
      assertThat(errorOf(() -> list(where, 1000, false))).isEqualTo(wanted);
    }
    inspection.requireSound();
  }

  private String nameOf(InodeId inode) throws FsException {
    return inspection.entries().stream()
        .filter(entry -> entry.inode().equals(inode))
        .map(entry -> entry.name().toString())
        .findAny()
        .orElseThrow();
  }

  @Test
  void aWrongBeliefInHowADirectoryIsSpreadIsToldSo() throws FsException {
    for (int exponent = 1; exponent < 4; exponent++) {
      for (String name : List.of("a", "b", "c")) {
        var key = new EntryKey(ROOT, exponent, EntryName.ofText(name));
        assertThat(errorOf(() -> refusing(new NamespaceRequest.Lookup(key))))
            .isEqualTo(FsError.SPREAD_CHANGED);
        assertThat(
                errorOf(() ->
                    refusing(
                        new NamespaceRequest.Create(
                            client.stamp(),
                            key,
                            FileType.REGULAR,
                            0,
                            0,
                            0,
                            0,
                            new byte[0],
                            true,
                            0,
                            0))))
            .isEqualTo(FsError.SPREAD_CHANGED);
      }
    }
    assertThat(
            errorOf(
                () -> client.call(new NamespaceRequest.ReadDirectory(ROOT, 1, 1, 0, 100, false))))
        .isEqualTo(FsError.SPREAD_CHANGED);
  }

  /** Asks once, without learning from a refusal. */
  private Reply refusing(NamespaceRequest request) throws FsException {
    return client.at(cluster.owner(request.slotValue()), request);
  }

  @Test
  void aRequestForASlotOfAnotherNodeIsRefused() {
    assertThat(
            errorOf(
                () -> client.at(cluster.nodes.get(1), new NamespaceRequest.GetAttributes(ROOT))))
        .isEqualTo(FsError.WRONG_OWNER);
  }

  @Test
  void directoriesAreMadeCountedAndRemoved() throws FsException {
    InodeId directory = directoryElsewhere("d");
    String name = nameOf(directory);
    assertThat(directory.slotValue())
        .isEqualTo(Placement.newDirectorySlot(ROOT, EntryName.ofText(name)).value());
    FileAttributes attributes = client.attributes(directory);
    assertThat(attributes.linkCount()).isEqualTo(2);
    assertThat(attributes.mode()).isEqualTo(0755);
    assertThat(attributes.parent()).isEqualTo(ROOT);
    assertThat(client.attributes(ROOT).linkCount()).isEqualTo(3);
    assertThat(errorOf(() -> client.makeDirectory(ROOT, name))).isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.unlink(ROOT, name))).isEqualTo(FsError.IS_DIRECTORY);
    client.create(directory, "f");
    assertThat(errorOf(() -> client.removeDirectory(ROOT, name))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(errorOf(() -> client.removeDirectory(directory, "f")))
        .isEqualTo(FsError.NOT_DIRECTORY);
    client.unlink(directory, "f");
    client.removeDirectory(ROOT, name);
    assertThat(client.has(ROOT, name)).isFalse();
    assertThat(errorOf(() -> client.attributes(directory))).isEqualTo(FsError.NOT_FOUND);
    assertThat(client.attributes(ROOT).linkCount()).isEqualTo(2);
    assertThat(errorOf(() -> client.removeDirectory(ROOT, name))).isEqualTo(FsError.NOT_FOUND);
    inspection.requireSound();
  }

  @Test
  void newInodesInheritTheGroupOfASetGroupIdDirectory() throws FsException {
    InodeId directory = directoryElsewhere("d");
    setAttributes(
        directory,
        NamespaceRequest.SetAttributes.MASK_MODE | NamespaceRequest.SetAttributes.MASK_GID,
        02770,
        55);
    assertThat(client.attributes(client.create(directory, "f")).gid()).isEqualTo(55);
    FileAttributes below = client.attributes(client.makeDirectory(directory, "d"));
    assertThat(below.gid()).isEqualTo(55);
    assertThat(below.mode()).isEqualTo(02755);
  }

  private FileAttributes setAttributes(InodeId inode, int mask, int mode, int gid)
      throws FsException {
    return ((Reply.Attributes)
            client.call(
                new NamespaceRequest.SetAttributes(
                    client.stamp(), inode, mask, mode, 8, gid, 100, 200, 300_000, 0)))
        .attributes();
  }

  @Test
  void setAttributesChangesWhatTheMaskNamesAndTheChangeTime() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    FileAttributes before = client.attributes(file);
    FileAttributes after = setAttributes(file, NamespaceRequest.SetAttributes.MASK_MODE, 04711, 9);
    assertThat(after).isEqualTo(client.attributes(file));
    assertThat(after.mode()).isEqualTo(04711);
    assertThat(after.gid()).isEqualTo(before.gid());
    assertThat(after.uid()).isEqualTo(before.uid());
    assertThat(after.mtimeNanos()).isEqualTo(before.mtimeNanos());
    assertThat(after.ctimeNanos()).isEqualTo(300_000);
    assertThat(after.sizeBytes()).isEqualTo(3);
    FileAttributes all = setAttributes(file, 31, 0600, 9);
    assertThat(List.of(all.mode(), all.uid(), all.gid())).isEqualTo(List.of(0600, 8, 9));
    assertThat(List.of(all.atimeNanos(), all.mtimeNanos())).isEqualTo(List.of(100L, 200L));
    assertThat(errorOf(() -> setAttributes(file, 1, 010000, 0))).isEqualTo(FsError.INVALID);
  }

  @Test
  void whatIsMadeInADatasetBelongsToItAndItsTimesStay() throws FsException {
    InodeId directory = directoryElsewhere("d");
    FileAttributes before = client.attributes(directory);
    client.nowNanos = 9_000;
    var policy =
        (Reply.Attributes)
            client.call(
                new NamespaceRequest.SetAttributes(
                    client.stamp(),
                    directory,
                    NamespaceRequest.SetAttributes.MASK_POLICY,
                    0,
                    0,
                    0,
                    0,
                    0,
                    9_000,
                    12));
    assertThat(policy.attributes().layout()).isEqualTo(before.layout().inPolicy(12));
    assertThat(policy.attributes().ctimeNanos()).isEqualTo(before.ctimeNanos());
    assertThat(client.attributes(client.create(directory, "f")).layout().policyId()).isEqualTo(12);
    InodeId below = client.makeDirectory(directory, "d");
    assertThat(client.attributes(client.create(below, "f")).layout().policyId()).isEqualTo(12);
    assertThat(client.attributes(client.create(ROOT, "f")).layout().policyId()).isZero();
  }

  @Test
  void linksCountNamesAndTheDataGoesWithTheLast() throws FsException {
    InodeId directory = directoryElsewhere("d");
    InodeId file = client.create(directory, "a");
    client.nowNanos = 9_000;
    client.link(file, ROOT, "b");
    assertThat(client.attributes(file).linkCount()).isEqualTo(2);
    assertThat(client.attributes(file).ctimeNanos()).isEqualTo(9_000);
    assertThat(client.attributes(ROOT).mtimeNanos()).isEqualTo(9_000);
    assertThat(errorOf(() -> client.link(file, ROOT, "b"))).isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.link(directory, ROOT, "c"))).isEqualTo(FsError.NOT_PERMITTED);
    client.unlink(directory, "a");
    assertThat(client.attributes(file).linkCount()).isEqualTo(1);
    assertThat(client.lookup(ROOT, "b")).isEqualTo(file);
    client.unlink(ROOT, "b");
    assertThat(errorOf(() -> client.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.link(file, ROOT, "b"))).isEqualTo(FsError.NOT_FOUND);
    inspection.requireSound();
  }

  @Test
  void renameMovesFilesBetweenDirectoriesOfAllNodes() throws FsException {
    List<InodeId> directories = new ArrayList<>(List.of(ROOT));
    for (int i = 0; i < 6; i++) {
      directories.add(client.makeDirectory(ROOT, "d" + i));
    }
    InodeId file = client.create(ROOT, "f");
    InodeId from = ROOT;
    for (InodeId to : directories) {
      for (InodeId replaced : List.of(InodeId.NONE, client.create(to, "g"))) {
        client.nowNanos += 1_000;
        if (replaced.exists() || !from.equals(to)) {
          client.rename(from, "f", to, replaced.exists() ? "g" : "f", 0);
          assertThat(client.has(from, "f") && !from.equals(to)).isFalse();
          assertThat(client.lookup(to, replaced.exists() ? "g" : "f")).isEqualTo(file);
          assertThat(client.attributes(file).ctimeNanos()).isEqualTo(client.nowNanos);
          assertThat(client.attributes(from).mtimeNanos()).isEqualTo(client.nowNanos);
          assertThat(client.attributes(to).mtimeNanos()).isEqualTo(client.nowNanos);
          if (replaced.exists()) {
            assertThat(errorOf(() -> client.attributes(replaced))).isEqualTo(FsError.NOT_FOUND);
            client.rename(to, "g", to, "f", 0);
          }
        }
        from = to;
      }
    }
    inspection.requireSound();
  }

  @Test
  void renameObeysTheRulesOfPosix() throws FsException {
    InodeId d = directoryElsewhere("d");
    InodeId e = directoryElsewhere("e");
    String dName = nameOf(d);
    String eName = nameOf(e);
    client.create(d, "f");
    client.create(e, "g");
    client.makeDirectory(d, "sub");
    client.makeDirectory(e, "empty");
    assertThat(errorOf(() -> client.rename(d, "f", e, "empty", 0))).isEqualTo(FsError.IS_DIRECTORY);
    assertThat(errorOf(() -> client.rename(d, "sub", e, "g", 0))).isEqualTo(FsError.NOT_DIRECTORY);
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, eName, 0))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(errorOf(() -> client.rename(d, "none", e, "x", 0))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.rename(d, "f", e, "g", 1))).isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.rename(d, "f", e, "x", 2))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.rename(d, "f", e, "g", 3))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.rename(d, "f", e, "g", 4))).isEqualTo(FsError.INVALID);
    // Into itself, and below itself.
    assertThat(errorOf(() -> client.rename(ROOT, dName, d, "x", 0))).isEqualTo(FsError.INVALID);
    InodeId sub = client.lookup(d, "sub");
    assertThat(errorOf(() -> client.rename(ROOT, dName, sub, "x", 0))).isEqualTo(FsError.INVALID);
    // Over an ancestor.
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, dName, 0))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, dName, 2))).isEqualTo(FsError.INVALID);
    // Over an empty directory.
    client.rename(d, "sub", e, "empty", 0);
    assertThat(client.lookup(e, "empty")).isEqualTo(sub);
    assertThat(client.attributes(sub).parent()).isEqualTo(e);
    assertThat(client.attributes(d).linkCount()).isEqualTo(2);
    assertThat(client.attributes(e).linkCount()).isEqualTo(3);
    // Two names of one inode: nothing happens.
    client.link(client.lookup(d, "f"), e, "f2");
    client.rename(d, "f", e, "f2", 0);
    assertThat(client.has(d, "f")).isTrue();
    assertThat(client.has(e, "f2")).isTrue();
    client.rename(d, "f", d, "f", 0);
    assertThat(errorOf(() -> client.rename(d, "f", d, "f", 1))).isEqualTo(FsError.EXISTS);
    inspection.requireSound();
  }

  @Test
  void exchangeSwapsInodesOfAnyTwoTypes() throws FsException {
    InodeId d = directoryElsewhere("d");
    InodeId e = directoryElsewhere("e");
    InodeId file = client.create(d, "f");
    InodeId sub = client.makeDirectory(e, "sub");
    client.rename(d, "f", e, "sub", 2);
    assertThat(client.lookup(d, "f")).isEqualTo(sub);
    assertThat(client.lookup(e, "sub")).isEqualTo(file);
    assertThat(client.attributes(sub).parent()).isEqualTo(d);
    assertThat(client.attributes(d).linkCount()).isEqualTo(3);
    assertThat(client.attributes(e).linkCount()).isEqualTo(2);
    inspection.requireSound();
  }

  private Reply.DirectoryPage page(InodeId directory, long after, int bytes, boolean attributes)
      throws FsException {
    return (Reply.DirectoryPage)
        client.call(new NamespaceRequest.ReadDirectory(directory, 0, 0, after, bytes, attributes));
  }

  private List<DirectoryEntry> list(InodeId directory, int bytes, boolean attributes)
      throws FsException {
    List<DirectoryEntry> all = new ArrayList<>();
    long after = 0;
    while (true) {
      Reply.DirectoryPage page = page(directory, after, bytes, attributes);
      all.addAll(page.entries());
      if (page.last()) {
        return all;
      }
      after = page.entries().getLast().name().hash();
    }
  }

  @Test
  void listingsAreInHashOrderAndMissOrDoubleNothingWhileEntriesComeAndGo() throws FsException {
    InodeId d = directoryElsewhere("d");
    Set<String> stay = new HashSet<>();
    for (int i = 0; i < 120; i++) {
      client.create(d, "stay" + i);
      stay.add("stay" + i);
      client.create(d, "go" + i);
    }
    List<String> seen = new ArrayList<>();
    long after = 0;
    boolean last = false;
    for (int i = 0; !last; i++) {
      Reply.DirectoryPage page = page(d, after, 200, i % 2 == 0);
      for (DirectoryEntry entry : page.entries()) {
        assertThat(entry.name().hash()).isGreaterThan(after);
        after = entry.name().hash();
        seen.add(entry.name().toString());
        if (i % 2 == 0) {
          assertThat(entry.attributes()).isEqualTo(client.attributes(entry.inode()));
        } else {
          assertThat(entry.attributes()).isNull();
        }
      }
      last = page.last();
      if (i < 120) {
        client.unlink(d, "go" + i);
        client.create(d, "new" + i);
      }
    }
    assertThat(seen).doesNotHaveDuplicates().containsAll(stay);
    assertThat(list(d, 1, false)).hasSize((int) client.attributes(d).sizeBytes());
    assertThat(list(d, Integer.MAX_VALUE, true)).hasSize((int) client.attributes(d).sizeBytes());
  }

  @Test
  void inlineDataIsWrittenReadAndCut() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.nowNanos = 50_000;
    FileAttributes after = client.writeInline(file, 3, new byte[] {1, 2});
    assertThat(after).isEqualTo(client.attributes(file));
    assertThat(after.sizeBytes()).isEqualTo(5);
    assertThat(after.mtimeNanos()).isEqualTo(50_000);
    assertThat(after.dataVersion()).isEqualTo(1);
    assertThat(client.readInline(file)).containsExactly(0, 0, 0, 1, 2);
    client.writeInline(file, 0, new byte[] {9});
    assertThat(client.readInline(file)).containsExactly(9, 0, 0, 1, 2);
    assertThat(client.truncate(file, 4).sizeBytes()).isEqualTo(4);
    assertThat(client.truncate(file, 6).sizeBytes()).isEqualTo(6);
    assertThat(client.readInline(file)).containsExactly(9, 0, 0, 1, 0, 0);
    assertThat(errorOf(() -> client.writeInline(file, 100, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(errorOf(() -> client.writeInline(file, Long.MAX_VALUE, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(errorOf(() -> client.writeInline(file, -1, new byte[] {1})))
        .isEqualTo(FsError.INVALID);
    client.writeInline(file, 99, new byte[] {1});
    assertThat(client.truncate(file, 0).sizeBytes()).isZero();
    assertThat(client.readInline(file)).isEmpty();
    assertThat(errorOf(() -> client.readInline(ROOT))).isEqualTo(FsError.IS_DIRECTORY);
    client.unlink(ROOT, "f");
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.INLINE_DATA)).isZero();
  }

  private FakeChunks chunkOwner(FileAttributes file, long index) {
    return cluster.owner(Placement.chunkSlot(file.layout(), index).value()).chunks;
  }

  @Test
  void leavingInlineFormMovesTheDataToTheFirstChunkOnce() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    FileAttributes left = client.leaveInline(file);
    assertThat(left.layout().inline()).isFalse();
    assertThat(left).isEqualTo(client.attributes(file));
    assertThat(chunkOwner(left, 0).chunk(file, 0)).containsExactly(1, 2, 3);
    assertThat(client.leaveInline(file)).isEqualTo(left);
    assertThat(client.readInline(file)).isEmpty();
    assertThat(errorOf(() -> client.writeInline(file, 0, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(inspection.records(RecordKind.INLINE_DATA)).isZero();
    InodeId empty = client.create(ROOT, "empty");
    assertThat(client.leaveInline(empty).layout().inline()).isFalse();
    client.unlink(ROOT, "f");
    client.unlink(ROOT, "empty");
    inspection.requireSound();
    assertThat(chunkOwner(left, 0).chunk(file, 0)).isEmpty();
  }

  @Test
  void aFileThatFindsNoSpaceForItsFirstChunkStaysInline() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    cluster.nodes.forEach(node -> node.chunks.full = true);
    assertThat(errorOf(() -> client.leaveInline(file))).isEqualTo(FsError.NO_SPACE);
    assertThat(client.readInline(file)).containsExactly(1, 2, 3);
    client.writeInline(file, 0, new byte[] {7});
    cluster.nodes.forEach(node -> node.chunks.full = false);
    FileAttributes left = client.leaveInline(file);
    assertThat(chunkOwner(left, 0).chunk(file, 0)).containsExactly(7, 2, 3);
    inspection.requireSound();
  }

  private void writeChunk(FileAttributes file, long index, int length) {
    var request =
        new DataRequest.WriteChunks(
            file.id(),
            file.layout(),
            file.dataGeneration(),
            List.of(new ChunkSpan(index, 0, length)));
    var data = new byte[length];
    Arrays.fill(data, (byte) (index + 1));
    var node = cluster.owner(Placement.chunkSlot(file.layout(), index).value());
    try {
      client.await(client.once(node.id, request, Unpooled.wrappedBuffer(data)), request);
    } catch (FsException e) {
      throw new AssertionError(e);
    }
  }

  private FileAttributes chunkedFile(String name, int chunks) throws FsException {
    FileAttributes file = client.leaveInline(client.create(ROOT, name));
    for (int i = 0; i < chunks; i++) {
      writeChunk(file, i, CHUNK);
    }
    return chunks == 0
        ? file
        : client.reportWrite(file.id(), file.dataGeneration(), (long) chunks * CHUNK);
  }

  @Test
  void reportsGrowSizeAndTimesAndNeverTakeThemBack() throws FsException {
    FileAttributes file = chunkedFile("f", 2);
    assertThat(file.sizeBytes()).isEqualTo(2 * CHUNK);
    client.nowNanos = 80_000;
    FileAttributes later = client.reportWrite(file.id(), file.dataGeneration(), 10);
    assertThat(later.sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(later.mtimeNanos()).isEqualTo(80_000);
    assertThat(later.dataVersion()).isEqualTo(file.dataVersion() + 1);
    client.nowNanos = 70_000;
    FileAttributes behind = client.reportWrite(file.id(), file.dataGeneration(), 0);
    assertThat(behind.mtimeNanos()).isEqualTo(80_000);
    assertThat(behind.ctimeNanos()).isEqualTo(80_000);
    assertThat(errorOf(() -> client.reportWrite(file.id(), 99, 10))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.reportWrite(file.id(), 0, -1))).isEqualTo(FsError.INVALID);
    FileAttributes longest = client.reportWrite(file.id(), file.dataGeneration(), Long.MAX_VALUE);
    assertThat(longest.sizeBytes()).isEqualTo(Long.MAX_VALUE);
    assertThat(errorOf(() -> client.reportWrite(ROOT, 0, 1))).isEqualTo(FsError.IS_DIRECTORY);
    InodeId inline = client.create(ROOT, "inline");
    assertThat(errorOf(() -> client.reportWrite(inline, 0, 1))).isEqualTo(FsError.INVALID);
  }

  @Test
  void onlyAWriteBehindTheEndLeavesAHole() throws FsException {
    FileAttributes file = chunkedFile("f", 2);
    assertThat(file.mayHaveHoles()).isFalse();
    long generation = file.dataGeneration();
    file = client.reportWrite(file.id(), generation, 2 * CHUNK, 3 * CHUNK);
    assertThat(file.mayHaveHoles()).isFalse();
    file = client.reportWrite(file.id(), generation, CHUNK, 4 * CHUNK);
    assertThat(file.mayHaveHoles()).isFalse();
    file = client.reportWrite(file.id(), generation, 4 * CHUNK + 1, 5 * CHUNK);
    assertThat(file.mayHaveHoles()).isTrue();
    assertThat(file.sizeBytes()).isEqualTo(5 * CHUNK);
    InodeId id = file.id();
    assertThat(errorOf(() -> client.reportWrite(id, generation, -1, 6 * CHUNK)))
        .isEqualTo(FsError.INVALID);
  }

  @Test
  void aCutReachesEveryOwnerOfItsRangeBeforeItIsAnswered() throws FsException {
    FileAttributes file = chunkedFile("f", 7);
    FileAttributes cut = client.truncate(file.id(), CHUNK + 10);
    assertThat(cut.sizeBytes()).isEqualTo(CHUNK + 10);
    assertThat(cut.dataGeneration()).isEqualTo(DataGeneration.afterCut(file.dataGeneration()));
    assertThat(cut).isEqualTo(client.attributes(file.id()));
    assertThat(chunkOwner(file, 0).chunk(file.id(), 0)).hasSize(CHUNK);
    assertThat(chunkOwner(file, 1).chunk(file.id(), 1)).hasSize(10);
    for (int i = 2; i < 7; i++) {
      assertThat(chunkOwner(file, i).chunk(file.id(), i)).isEmpty();
    }
    assertThat(errorOf(() -> client.reportWrite(file.id(), file.dataGeneration(), 7 * CHUNK)))
        .isEqualTo(FsError.STALE_GENERATION);
    // Only the owners of a small range are asked.
    cluster.nodes.forEach(node -> node.chunks.discards.clear());
    client.truncate(file.id(), CHUNK + 5);
    long asked = cluster.nodes.stream().filter(n -> !n.chunks.discards.isEmpty()).count();
    assertThat(asked).isEqualTo(1);
    FileAttributes grown = client.truncate(file.id(), 1L << 40);
    assertThat(grown.sizeBytes()).isEqualTo(1L << 40);
    assertThat(grown.mayHaveHoles()).isTrue();
    assertThat(errorOf(() -> client.truncate(file.id(), -1))).isEqualTo(FsError.INVALID);
    assertThat(client.truncate(file.id(), Long.MAX_VALUE).sizeBytes()).isEqualTo(Long.MAX_VALUE);
    assertThat(errorOf(() -> client.truncate(ROOT, 0))).isEqualTo(FsError.IS_DIRECTORY);
    client.truncate(file.id(), 0);
    inspection.requireSound();
  }

  @Test
  void aCutReachesAllNodesToTheEndWhereAnotherSessionHasTheFileOpen() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    // Its own sizes a session tells before it cuts.
    Reply _ = client.call(new NamespaceRequest.Open(file.id(), 5));
    client.truncate(file.id(), 2 * CHUNK + 5);
    long asked = cluster.nodes.stream().filter(n -> !n.chunks.discards.isEmpty()).count();
    assertThat(asked).isEqualTo(1);
    var other = new SimulatedClient(cluster, 1234);
    Reply _ = other.call(new NamespaceRequest.Open(file.id(), 1));
    for (long size : new long[] {CHUNK, CHUNK}) {
      cluster.nodes.forEach(node -> node.chunks.discards.clear());
      long before = client.attributes(file.id()).dataGeneration();
      FileAttributes cut = client.truncate(file.id(), size);
      assertThat(cut.dataGeneration()).isEqualTo(DataGeneration.afterCut(before));
      assertThat(cluster.nodes)
          .allSatisfy(node ->
              assertThat(node.chunks.discards)
                  .singleElement()
                  .satisfies(discard -> {
                    assertThat(discard.fromByte()).isEqualTo(size);
                    assertThat(discard.toByte()).isEqualTo(FileLayout.FILE_BYTES_MAX);
                  }));
    }
    cluster.nodes.forEach(node -> node.chunks.discards.clear());
    assertThat(client.truncate(file.id(), 2 * CHUNK).sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(cluster.nodes).allSatisfy(node -> assertThat(node.chunks.discards).isEmpty());
  }

  @Test
  void anOpenWaitsForACutThatAChunkOwnerHasNotConfirmed() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    SimulatedNode owner = cluster.owner(Placement.chunkSlot(file.layout(), 2).value());
    cluster.restartsTheDead = false;
    if (owner == cluster.owner(0)) {
      throw new AssertionError("this test needs another seed of placement");
    }
    owner.stop();
    CompletableFuture<Response> cut =
        client.start(
            new NamespaceRequest.Truncate(client.stamp(), file.id(), 0, 1000), new byte[0]);
    cluster.time.pass(10_000_000);
    var other = new SimulatedClient(cluster, 1234);
    CompletableFuture<Response> opened =
        other.start(new NamespaceRequest.Open(file.id(), 1), new byte[0]);
    CompletableFuture<Response> created =
        other.start(
            new NamespaceRequest.Create(
                other.stamp(),
                SimulatedClient.key(ROOT, "f"),
                FileType.REGULAR,
                0644,
                1,
                2,
                0,
                new byte[0],
                false,
                2,
                1000),
            new byte[0]);
    cluster.time.pass(100_000_000);
    assertThat(cut).isNotDone();
    assertThat(opened).isNotDone();
    assertThat(created).isNotDone();
    cluster.restart(owner);
    Response _ = client.await(cut, "the cut");
    long generation = client.attributes(file.id()).dataGeneration();
    assertThat(((Reply.Attributes) other.await(opened, "the open").reply()).attributes())
        .returns(generation, FileAttributes::dataGeneration);
    assertThat(((Reply.Created) other.await(created, "the open by name").reply()).attributes())
        .returns(generation, FileAttributes::dataGeneration);
  }

  @Test
  void growthWaitsForACutThatAChunkOwnerHasNotConfirmed() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    SimulatedNode other = cluster.owner(Placement.chunkSlot(file.layout(), 2).value());
    InodeId elsewhere = file.id();
    cluster.restartsTheDead = false;
    if (other == cluster.owner(0)) {
      throw new AssertionError("this test needs another seed of placement");
    }
    other.stop();
    var cut =
        client.start(
            new NamespaceRequest.Truncate(client.stamp(), elsewhere, 2 * CHUNK, 1), new byte[0]);
    cluster.time.pass(1_000_000_000L);
    // The size is cut, the new generation is told to nobody yet.
    FileAttributes meanwhile = client.attributes(elsewhere);
    assertThat(meanwhile.sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(DataGeneration.isSameCut(meanwhile.dataGeneration(), file.dataGeneration()))
        .isTrue();
    var inside = client.reportWriteLater(elsewhere, file.dataGeneration(), 10);
    var growth =
        client.start(
            new NamespaceRequest.Truncate(client.stamp(), elsewhere, 5 * CHUNK, 1), new byte[0]);
    cluster.time.pass(2_000_000_000L);
    assertThat(cut.isDone() || growth.isDone() || inside.isDone()).isFalse();
    // The inode's owner dies and goes on with the cut.
    cluster.owner(0).stop();
    cluster.restart(cluster.owner(0));
    cluster.time.pass(1_000_000_000L);
    assertThat(cut.isDone() || growth.isDone() || inside.isDone()).isFalse();
    assertThat(chunkOwner(file, 2).chunk(elsewhere, 2)).hasSize(CHUNK);
    cluster.restart(other);
    client.await(cut, "cut");
    assertThat(chunkOwner(file, 2).chunk(elsewhere, 2)).isEmpty();
    client.await(growth, "growth");
    assertThat(errorOf(() -> client.await(inside, "report"))).isEqualTo(FsError.STALE_GENERATION);
    assertThat(client.attributes(elsewhere).sizeBytes()).isEqualTo(5 * CHUNK);
    inspection.requireSound();
  }

  @Test
  void truncationOverTheInlineLimitLeavesInlineFormFirst() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {5, 6});
    FileAttributes grown = client.truncate(file, 101);
    assertThat(grown.layout().inline()).isFalse();
    assertThat(grown.sizeBytes()).isEqualTo(101);
    assertThat(chunkOwner(grown, 0).chunk(file, 0)).containsExactly(5, 6);
    inspection.requireSound();
  }

  @Test
  void dataOfAnUnlinkedFileLivesUntilTheLastPinOfAllSessionsIsReleased() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    var second = new SimulatedClient(cluster, 78);
    client.call(new NamespaceRequest.Open(file.id(), 5));
    second.call(new NamespaceRequest.Open(file.id(), 1));
    client.unlink(ROOT, "f");
    assertThat(client.attributes(file.id()).linkCount()).isZero();
    // An older release does not take a newer pin.
    client.at(
        cluster.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file.id(), 4))));
    second.at(
        cluster.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file.id(), 1))));
    assertThat(client.attributes(file.id()).sizeBytes()).isEqualTo(3 * CHUNK);
    cluster.restartAll();
    assertThat(second.attributes(file.id()).sizeBytes()).isEqualTo(3 * CHUNK);
    var release =
        new NamespaceRequest.ReleasePins(
            List.of(new PinRelease(file.id(), 5), new PinRelease(file.id(), 5)));
    client.at(cluster.owner(0), release);
    assertThat(errorOf(() -> client.attributes(file.id()))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.call(new NamespaceRequest.Open(file.id(), 9))))
        .isEqualTo(FsError.NOT_FOUND);
    client.at(cluster.owner(0), release);
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
  }

  @Test
  void aSilentSessionLosesItsPinsAndIsRefusedAfterItsLease() throws FsException {
    InodeId file = ((Reply.Created) client.call(client.createRequest(ROOT, "f", 1))).inode();
    var second = new SimulatedClient(cluster, 78);
    second.unlink(ROOT, "f");
    for (int i = 0; i < 10; i++) {
      cluster.time.pass(60_000_000_000L);
      client.at(cluster.owner(0), new ControlRequest.RenewSession());
      assertThat(second.attributes(file).linkCount()).isZero();
    }
    cluster.time.pass(500_000_000_000L);
    var third = new SimulatedClient(cluster, 79);
    assertThat(errorOf(() -> third.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.attributes(ROOT))).isEqualTo(FsError.SESSION_EXPIRED);
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
    assertThat(inspection.records(RecordKind.REPLY)).isZero();
  }

  @Test
  void closingASessionDropsItsPinsAndReplies() throws FsException {
    List<InodeId> files = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      files.add(((Reply.Created) client.call(client.createRequest(ROOT, "f" + i, 1))).inode());
    }
    var second = new SimulatedClient(cluster, 78);
    for (int i = 0; i < 600; i++) {
      second.unlink(ROOT, "f" + i);
    }
    assertThat(second.attributes(files.getFirst()).linkCount()).isZero();
    client.at(cluster.owner(0), new ControlRequest.CloseSession());
    for (InodeId file : files) {
      assertThat(errorOf(() -> second.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    }
    second.at(cluster.owner(0), new ControlRequest.CloseSession());
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.REPLY)).isZero();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
  }

  @Test
  void aRepeatedRequestIsAnsweredAsTheFirstAlsoAfterARestart() throws FsException {
    InodeId d = directoryElsewhere("d");
    NamespaceRequest.Create create = client.createRequest(d, "f", 0);
    NamespaceRequest.MakeDirectory make = client.makeDirectoryRequest(d, "sub");
    Reply first = client.call(create);
    assertThat(client.call(create)).isEqualTo(first);
    Reply made = client.call(make);
    cluster.restartAll();
    assertThat(client.call(create)).isEqualTo(first);
    assertThat(client.call(make)).isEqualTo(made);
    NamespaceRequest.Unlink unlink = client.unlinkRequest(d, "f");
    client.call(unlink);
    client.create(d, "f");
    assertThat(errorOf(() -> client.call(unlink))).isEqualTo(FsError.INVALID);
    assertThat(client.has(d, "f")).isTrue();
    // A failure is remembered too, until it is acknowledged.
    NamespaceRequest.Unlink none = client.unlinkRequest(d, "none");
    assertThat(errorOf(() -> client.call(none))).isEqualTo(FsError.NOT_FOUND);
    var another = new SimulatedClient(cluster, 80);
    another.create(d, "none");
    assertThat(errorOf(() -> client.call(none))).isEqualTo(FsError.NOT_FOUND);
    assertThat(client.has(d, "none")).isTrue();
  }

  @Test
  void acknowledgedRepliesGo() throws FsException {
    for (int i = 0; i < 200; i++) {
      client.create(ROOT, "f" + i);
    }
    assertThat(inspection.records(RecordKind.REPLY)).isLessThan(5);
  }

  @Test
  void inodeNumbersAreNeverUsedAgainAlsoAfterRestarts() throws FsException {
    Set<InodeId> all = new HashSet<>();
    for (int round = 0; round < 4; round++) {
      for (int i = 0; i < 300; i++) {
        assertThat(all.add(client.create(ROOT, "f"))).isTrue();
        client.unlink(ROOT, "f");
      }
      cluster.restartAll();
    }
  }

  @Test
  void scansAreCutIntoPagesAndRefuseOddCursors() throws FsException {
    for (int i = 0; i < 30; i++) {
      client.create(client.makeDirectory(ROOT, "d" + i), "f");
    }
    Set<InodeId> inodes = new TreeSet<>();
    for (SimulatedNode node : cluster.nodes) {
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
      SimulatedNode node = cluster.nodes.getFirst();
      assertThat(errorOf(() -> client.at(node, new ControlRequest.ScanInodes(odd, 3))))
          .isEqualTo(FsError.INVALID);
    }
    var chunks =
        (Reply.ChunkPage)
            client.at(cluster.nodes.getFirst(), new ControlRequest.ScanChunks(new byte[0], 9));
    assertThat(chunks.chunks()).isEmpty();
  }

  @Test
  void aSyncWaitsForNoCheckOfTheStorage() throws FsException {
    for (SimulatedNode node : cluster.nodes) {
      node.checksHang = true;
    }
    assertThat(client.call(new NamespaceRequest.SyncInode(ROOT))).isEqualTo(new Reply.Done());
  }

  @Test
  void controlRequestsAreAnswered() throws FsException {
    SimulatedNode node = cluster.nodes.get(1);
    client.makeDirectory(ROOT, "d");
    assertThat(((Reply.Map) client.at(node, new ControlRequest.GetMap())).map())
        .isEqualTo(cluster.map);
    var status = (Reply.Status) client.at(cluster.nodes.getFirst(), new ControlRequest.GetStatus());
    assertThat(status.status().directories()).isBetween(1L, 2L);
    assertThat(client.at(node, new ControlRequest.GetCapacity()))
        .isInstanceOf(Reply.Capacity.class);
    assertThat(((Reply.Findings) client.at(node, new ControlRequest.CheckStorage())).findings())
        .containsExactly("checked n1");
    assertThat(client.call(new NamespaceRequest.SyncInode(ROOT))).isEqualTo(new Reply.Done());
    var moved =
        cluster.map.withNode(
            new io.adhocfs.protocol.placement.ClusterMap.Node(
                node.id, "elsewhere", 9, "", 5, cluster.map.nodes().get(1).state()));
    client.at(node, new ControlRequest.InstallMap(moved));
    assertThat(node.state().map()).isEqualTo(moved);
    node.stop();
    cluster.restart(node);
    assertThat(node.state().map()).isEqualTo(moved);
    // An older address does not come back.
    client.at(node, new ControlRequest.InstallMap(cluster.map));
    assertThat(node.state().map()).isEqualTo(moved);
  }

  @Test
  void anOperationThatNeedsADeadNodeIsDoneWhenItIsBack() throws FsException {
    InodeId d = directoryElsewhere("d");
    cluster.restartsTheDead = false;
    SimulatedNode owner = cluster.owner(d.slotValue());
    owner.stop();
    var removal = client.start(client.removeDirectoryRequest(ROOT, nameOfLater(d)), new byte[0]);
    cluster.time.pass(40_000_000_000L);
    assertThat(removal.isDone()).isFalse();
    cluster.restart(owner);
    client.await(removal, "removal");
    inspection.requireSound();
  }

  private String nameOfLater(InodeId directory) throws FsException {
    for (DirectoryEntry entry : page(ROOT, 0, 10_000, false).entries()) {
      if (entry.inode().equals(directory)) {
        return entry.name().toString();
      }
    }
    throw new AssertionError("no name");
  }

  @Test
  void stampsOfOneSessionAreIndependentOfAnothers() throws FsException {
    var second = new SimulatedClient(cluster, 78);
    client.call(client.createRequest(ROOT, "a", 0));
    second.call(second.createRequest(ROOT, "b", 0));
    assertThat(list(ROOT, 1000, false)).hasSize(2);
  }
}
