package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/**
 * The contract of requests for names and attributes, on three nodes, so that most operations cross
 * nodes.
 */
class NamespaceServiceTest extends ServiceFixture {
  NamespaceServiceTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
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
    instance.restartAll();
    assertThat(client.has(ROOT, "a")).isTrue();
    assertThat(inspection.inodes()).hasSize(2);
  }

  @Test
  void createMakesInodeAndNameAndCountsThemInTheDirectory() throws FsException {
    client.nowNanos += 5_000;
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
    assertThat(file.mtimeNanos()).isEqualTo(client.nowNanos);
    assertThat(file.layout().inline()).isTrue();
    assertThat(file.layout().chunkSizeBytes()).isEqualTo(CHUNK);
    assertThat(file.layout().firstSlot()).isEqualTo(Placement.wideFirstSlot(file.id()));
    FileAttributes root = client.attributes(ROOT);
    assertThat(root.sizeBytes()).isEqualTo(1);
    assertThat(root.linkCount()).isEqualTo(2);
    assertThat(root.mtimeNanos()).isEqualTo(client.nowNanos);
    var entry =
        (Reply.Entry) client.call(new NamespaceRequest.Lookup(RequestClient.key(ROOT, "a")));
    assertThat(entry.attributes()).isEqualTo(file);
  }

  private Function<OperationStamp, Request> create(
      InodeId directory, String name, FileType type, String target, boolean exclusive, long pin) {
    return stamp ->
        new NamespaceRequest.Create(
            stamp,
            RequestClient.key(directory, name),
            new NewInode(
                type,
                0600,
                new Owner(3, 4),
                type == FileType.CHARACTER_DEVICE ? 7 : 0,
                target.getBytes(StandardCharsets.UTF_8)),
            exclusive,
            pin,
            Request.NO_SLOT,
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
    client.at(
        instance.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file, 3))));
    assertThat(errorOf(() -> client.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    InodeId directory = directoryElsewhere("d");
    client.create(directory, "f");
    client.rename(directory, "f", ROOT, "far", 0);
    var far = (Reply.Created) client.call(create(ROOT, "far", FileType.REGULAR, "", false, 3));
    assertThat(far.existed()).isTrue();
    assertThat(far.attributes()).isNull();
    inspection.requireSoundInTheEnd();
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
    for (Function<OperationStamp, Request> wrong :
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
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.SYMLINK)).isZero();
  }

  @Test
  void namesInWhatIsNoDirectoryAreRefused() throws FsException {
    InodeId file = client.create(ROOT, "f");
    InodeId gone = directoryElsewhere("gone");
    client.removeDirectory(ROOT, nameOf(gone));
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
    inspection.requireSoundInTheEnd();
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
                            new OperationStamp(1, 1),
                            key,
                            NewInode.regularFile(0, new Owner(0, 0)),
                            true,
                            0,
                            Request.NO_SLOT,
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
    return client.at(instance.owner(request.slotValue()), request);
  }

  @Test
  void aRequestForASlotOfAnotherNodeIsRefused() {
    assertThat(
            errorOf(() ->
                client.at(instance.daemons().get(1), new NamespaceRequest.GetAttributes(ROOT))))
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
    inspection.requireSoundInTheEnd();
  }

  @Test
  void newInodesInheritTheGroupOfASetGroupIdDirectory() throws FsException {
    InodeId directory = directoryElsewhere("d");
    client.setAttributes(directory, AttributeChange.NONE.withMode(02770).withGid(55));
    assertThat(client.attributes(client.create(directory, "f")).gid()).isEqualTo(55);
    FileAttributes below = client.attributes(client.makeDirectory(directory, "d"));
    assertThat(below.gid()).isEqualTo(55);
    assertThat(below.mode()).isEqualTo(02755);
  }

  @Test
  void setAttributesChangesWhatTheChangeNamesAndTheChangeTime() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    FileAttributes before = client.attributes(file);
    client.nowNanos += 300_000;
    FileAttributes after = client.setAttributes(file, AttributeChange.NONE.withMode(04711));
    assertThat(after).isEqualTo(client.attributes(file));
    assertThat(after.mode()).isEqualTo(04711);
    assertThat(after.gid()).isEqualTo(before.gid());
    assertThat(after.uid()).isEqualTo(before.uid());
    assertThat(after.mtimeNanos()).isEqualTo(before.mtimeNanos());
    assertThat(after.ctimeNanos()).isEqualTo(client.nowNanos);
    assertThat(after.sizeBytes()).isEqualTo(3);
    AttributeChange five =
        AttributeChange.NONE
            .withMode(0600)
            .withUid(8)
            .withGid(9)
            .withAtimeNanos(100)
            .withMtimeNanos(200);
    FileAttributes all = client.setAttributes(file, five);
    assertThat(List.of(all.mode(), all.uid(), all.gid())).isEqualTo(List.of(0600, 8, 9));
    assertThat(List.of(all.atimeNanos(), all.mtimeNanos())).isEqualTo(List.of(100L, 200L));
    var badMode =
        new AttributeChange(AttributeChange.NONE.withMode(0).mask(), 010000, 0, 0, 0, 0, 0, 0);
    assertThat(errorOf(() -> client.setAttributes(file, badMode))).isEqualTo(FsError.INVALID);
  }

  @Test
  void whatIsMadeInADatasetBelongsToItAndItsTimesStay() throws FsException {
    InodeId directory = directoryElsewhere("d");
    FileAttributes before = client.attributes(directory);
    client.nowNanos += 9_000;
    FileAttributes moved = client.setAttributes(directory, AttributeChange.NONE.withDataset(12));
    assertThat(moved.layout()).isEqualTo(before.layout().inDataset(12));
    assertThat(moved.ctimeNanos()).isEqualTo(before.ctimeNanos());
    assertThat(client.attributes(client.create(directory, "f")).layout().dataset()).isEqualTo(12);
    InodeId below = client.makeDirectory(directory, "d");
    assertThat(client.attributes(client.create(below, "f")).layout().dataset()).isEqualTo(12);
    assertThat(client.attributes(client.create(ROOT, "f")).layout().dataset()).isZero();
  }

  @Test
  void linksCountNamesAndTheDataGoesWithTheLast() throws FsException {
    InodeId directory = directoryElsewhere("d");
    InodeId file = client.create(directory, "a");
    client.nowNanos += 9_000;
    client.link(file, ROOT, "b");
    assertThat(client.attributes(file).linkCount()).isEqualTo(2);
    assertThat(client.attributes(file).ctimeNanos()).isEqualTo(client.nowNanos);
    assertThat(client.attributes(ROOT).mtimeNanos()).isEqualTo(client.nowNanos);
    assertThat(errorOf(() -> client.link(file, ROOT, "b"))).isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.link(directory, ROOT, "c"))).isEqualTo(FsError.NOT_PERMITTED);
    client.unlink(directory, "a");
    assertThat(client.attributes(file).linkCount()).isEqualTo(1);
    assertThat(client.lookup(ROOT, "b")).isEqualTo(file);
    client.unlink(ROOT, "b");
    assertThat(errorOf(() -> client.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.link(file, ROOT, "b"))).isEqualTo(FsError.NOT_FOUND);
    inspection.requireSoundInTheEnd();
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
  void inodeNumbersAreNeverUsedAgainAlsoAfterRestarts() throws FsException {
    Set<InodeId> all = new HashSet<>();
    for (int round = 0; round < 4; round++) {
      for (int i = 0; i < 300; i++) {
        assertThat(all.add(client.create(ROOT, "f"))).isTrue();
        client.unlink(ROOT, "f");
      }
      instance.restartAll();
    }
  }

  @Test
  void anOperationThatNeedsADeadNodeIsDoneWhenItIsBack() throws FsException {
    InodeId d = directoryElsewhere("d");
    instance.restarts(false);
    String name = nameOf(d);
    SimulatedDaemon owner = instance.owner(d.slotValue());
    owner.kill();
    CompletableFuture<Void> removal = client.removeDirectoryLater(ROOT, name);
    pass(40_000_000_000L);
    assertThat(removal.isDone()).isFalse();
    owner.restart();
    client.await(removal, "removal");
    inspection.requireSoundInTheEnd();
  }
}
