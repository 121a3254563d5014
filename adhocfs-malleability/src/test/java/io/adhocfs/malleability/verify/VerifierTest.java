package io.adhocfs.malleability.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.malleability.verify.VerifyReport.Verdict;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class VerifierTest {
  private final FakeCluster cluster = new FakeCluster(3);
  private InodeId directory = InodeId.NONE;
  private InodeId file = InodeId.NONE;

  @BeforeEach
  void fill() throws FsException {
    directory = cluster.addDirectory(InodeId.ROOT, "dir");
    InodeId deep = cluster.addDirectory(directory, "deep");
    file = cluster.addFile(deep, "file", 20_000);
    for (int i = 0; i < 10; i++) {
      InodeId other = cluster.addFile(InodeId.ROOT, "f" + i, i * 1000L);
      cluster.addEntry(deep, "link" + i, other, FileType.REGULAR);
      cluster.change(other, 1, 0);
    }
  }

  private VerifyReport verify() {
    try (var connection = new AdminConnection(cluster)) {
      return new Verifier(connection, cluster.map(), step -> {}).verify(false);
    }
  }

  private void assertInconsistent(String... words) {
    VerifyReport report = verify();
    assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.INCONSISTENT);
    assertThat(report.inconsistencies())
        .anySatisfy(sentence -> assertThat(sentence).contains(words));
  }

  private void assertClean() {
    VerifyReport report = verify();
    assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.CLEAN);
  }

  @Test
  void findsNothingInAWholeInstance() {
    VerifyReport report = verify();
    assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.CLEAN);
    assertThat(report.inodes()).isEqualTo(14);
    assertThat(report.directories()).isEqualTo(3);
    assertThat(report.entries()).isEqualTo(23);
    assertThat(report.readAgain()).isZero();
  }

  @Test
  void findsNothingWrongWithADirectoryThatIsSpread() {
    cluster.spread(InodeId.ROOT, 2);
    cluster.spread(directory, 3);
    VerifyReport report = verify();
    assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.CLEAN);
    assertThat(report.inodes()).isEqualTo(14);
    assertThat(report.entries()).isEqualTo(23);
    assertThat(report.readAgain()).isZero();
  }

  @Test
  void namesAPartitionThatCountsWrong() {
    cluster.spread(InodeId.ROOT, 2);
    ScannedShare share = cluster.shares.removeLast();
    cluster.addShare(
        InodeId.ROOT,
        share.partition(),
        2,
        share.share().linkCount(),
        share.share().sizeBytes() + 1,
        true);
    assertInconsistent("directory 1 (adhoc:)", "count wrong");
  }

  @Test
  void namesAPartitionThatIsMissing() {
    cluster.spread(InodeId.ROOT, 2);
    cluster.shares.removeFirst();
    assertInconsistent("2^2 partitions are missing or count wrong");
  }

  @Test
  void namesAPartitionOfADirectoryThatIsNotSpread() {
    cluster.addShare(directory, 1, 1, 0, 0, true);
    assertInconsistent("partition 1 of directory", "not spread so");
  }

  @Test
  void namesWhatWasStagedAndLeftUnlessSomethingIsUnderWay() {
    cluster.addShare(directory, 1, 1, 0, 0, false);
    cluster.pendingOperations = 1;
    assertClean();
    cluster.pendingOperations = 0;
    assertInconsistent("staged for partition 1", "left behind");
  }

  @Test
  void namesANameInAnotherPartitionThanItsOwn() {
    cluster.spread(InodeId.ROOT, 4);
    ScannedEntry entry =
        cluster.entries.stream()
            .filter(one -> one.directory().equals(InodeId.ROOT) && one.slot() != 0)
            .findFirst()
            .orElseThrow();
    cluster.entries.add(
        new ScannedEntry(
            entry.directory(), entry.name(), entry.inode(), entry.fileType(), 0, false));
    assertInconsistent(entry.name().toString(), "lies in slot 0, where no lookup finds it");
  }

  @Test
  void namesADanglingNameByItsPath() {
    cluster.inodes.remove(file);
    cluster.chunks.values().forEach(list -> list.removeIf(chunk -> chunk.inode().equals(file)));
    assertInconsistent("adhoc:/dir/deep/file", "does not exist");
  }

  @Test
  void namesAWrongLinkCount() {
    cluster.change(file, 1, 0);
    assertInconsistent("1 names and link count 2", "adhoc:/dir/deep");
  }

  @Test
  void namesAnInodeWithoutNamesUnlessItIsOpen() {
    var orphan =
        FakeCluster.attributes(InodeId.of(new SlotId(9), 77), FileType.REGULAR, 0, 0, InodeId.NONE);
    cluster.put(orphan, 1);
    assertClean();
    cluster.put(orphan, 0);
    assertInconsistent("no name", orphan.id().toString());
  }

  @Test
  void namesAWrongEntryCountOfADirectory() {
    cluster.change(directory, 0, 1);
    assertInconsistent("adhoc:/dir", "size 2 with 1 entries");
  }

  @Test
  void namesAWrongParentAndACycle() throws FsException {
    InodeId a = cluster.addDirectory(InodeId.ROOT, "a");
    InodeId b = cluster.addDirectory(a, "b");
    cluster.put(FakeCluster.attributes(b, FileType.DIRECTORY, 2, 0, directory), 0);
    assertInconsistent("directory " + b, "parent " + directory);
    // a in b in a: cut off from the root, every count right.
    cluster.entries.removeIf(entry -> entry.inode().equals(a));
    cluster.change(InodeId.ROOT, -1, -1);
    cluster.put(FakeCluster.attributes(b, FileType.DIRECTORY, 2, 0, a), 0);
    cluster.put(FakeCluster.attributes(a, FileType.DIRECTORY, 3, 1, b), 0);
    cluster.addEntry(b, "a", a, FileType.DIRECTORY);
    assertInconsistent("directory " + a, "do not lead to the root");
  }

  @Test
  void namesAWrongType() throws FsException {
    cluster.addEntry(InodeId.ROOT, "wrong", file, FileType.SYMLINK);
    cluster.change(file, 1, 0);
    assertInconsistent("adhoc:/wrong", "SYMLINK", "REGULAR");
  }

  @Test
  void namesRecordsOnTheWrongNode() {
    NodeId owner = cluster.map().owner(file.slot());
    cluster.misplaced.put(file, new NodeId((owner.value() + 1) % 3));
    assertInconsistent("inode " + file, "lies on node");
  }

  @Test
  void namesChunksWithoutAFileAndInTheWrongSlot() {
    InodeId gone = InodeId.of(new SlotId(4), 99);
    cluster.addChunk(gone, 0);
    assertInconsistent("chunk 0 of inode " + gone, "does not exist");
    cluster.chunks.values().forEach(list -> list.removeIf(chunk -> chunk.inode().equals(gone)));
    SlotId wrong = new SlotId(3 * 1000);
    cluster.chunksOn(cluster.map().owner(wrong)).add(new ScannedChunk(file, 0, wrong.value()));
    assertInconsistent("chunk 0 of inode " + file, "slot 3000");
  }

  @Test
  void chunksPastTheEndAreOnlyNoted() {
    cluster.addChunk(file, 50);
    VerifyReport report = verify();
    assertThat(report.verdict()).isEqualTo(Verdict.CLEAN);
    assertThat(report.notes()).anySatisfy(note -> assertThat(note).contains("1 chunks lie past"));
  }

  @Test
  void whatANodeFindsInItsStorageIsNamed() {
    cluster.storageFindings.add("chunk file 17 is missing");
    assertInconsistent("node n0", "chunk file 17 is missing");
  }

  @Test
  void whatANodeFindsInItsDataIsNamedWhereDataIsCompared() {
    cluster.dataFindings.add("block 3 does not match");
    assertClean();
    VerifyReport report;
    try (var connection = new AdminConnection(cluster)) {
      report = new Verifier(connection, cluster.map(), step -> {}).verify(true);
    }
    assertThat(report.verdict()).isEqualTo(Verdict.INCONSISTENT);
    assertThat(report.inconsistencies()).containsExactly("node n0: block 3 does not match");
    assertThat(report.notes())
        .anySatisfy(note -> assertThat(note).contains("6.0 MiB", "6 chunks"))
        .anySatisfy(note -> assertThat(note).contains("6 of these chunks", "no checksum"));
  }

  @Test
  void aDeadNodeMeansThatNotEverythingWasSeen() {
    for (int node = 0; node < 3; node++) {
      cluster.dead.clear();
      cluster.dead.add(new NodeId(node));
      VerifyReport report = verify();
      assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.INCOMPLETE);
      assertThat(report.unseen()).anySatisfy(why -> assertThat(why).contains("node n"));
    }
  }

  @Test
  void whatIsUnlinkedDuringTheScanIsNotNamed() {
    var done = new AtomicBoolean();
    cluster.onRequest =
        request -> {
          if (request instanceof ControlRequest.ScanEntries && done.compareAndSet(false, true)) {
            InodeId parent = parentOf(file);
            cluster.entries.removeIf(entry -> entry.inode().equals(file));
            cluster.inodes.remove(file);
            cluster.change(parent, 0, -1);
          }
        };
    cluster.chunks.values().forEach(list -> list.removeIf(chunk -> chunk.inode().equals(file)));
    VerifyReport report = verify();
    assertThat(report.verdict()).as(report.toString()).isEqualTo(Verdict.CLEAN);
    assertThat(report.readAgain()).isPositive();
  }

  @Test
  void whatIsCreatedDuringTheScanIsNotNamed() {
    var done = new AtomicBoolean();
    cluster.onRequest =
        request -> {
          if (request instanceof ControlRequest.ScanEntries && done.compareAndSet(false, true)) {
            try {
              InodeId made = cluster.addDirectory(InodeId.ROOT, "new");
              var _ = cluster.addFile(made, "newer", 9000);
            } catch (FsException e) {
              throw new AssertionError(e);
            }
          }
        };
    assertClean();
  }

  @Test
  void whatIsInATransactionIsReadAgainUntilItIsDecided() {
    ScannedInode inode = cluster.scanned(file);
    ScannedEntry entry =
        cluster.entries.stream().filter(e -> e.inode().equals(file)).findFirst().orElseThrow();
    cluster.entries.remove(entry);
    cluster.entries.add(
        new ScannedEntry(
            entry.directory(), entry.name(), entry.inode(), entry.fileType(), entry.slot(), true));
    cluster.inodes.put(file, new ScannedInode(inode.attributes(), 0, 0, true));
    int[] scans = {0};
    cluster.onRequest =
        request -> {
          if (request instanceof ControlRequest.ScanInodes scan
              && scan.cursor().length == 0
              && ++scans[0] == 6) {
            cluster.inodes.put(file, inode);
            cluster.entries.removeIf(e -> e.inode().equals(file));
            cluster.entries.add(entry);
          }
        };
    VerifyReport report = verify();
    assertThat(report.inconsistencies()).isEmpty();
  }

  @Test
  void theRootMustBeThere() {
    cluster.inodes.remove(InodeId.ROOT);
    assertInconsistent("the root directory is missing");
  }

  private InodeId parentOf(InodeId inode) {
    return cluster.entries.stream()
        .filter(entry -> entry.inode().equals(inode))
        .findFirst()
        .orElseThrow()
        .directory();
  }
}
