package io.adhocfs.malleability.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * One verification of an instance: reads everything that the nodes store, compares it, and reads
 * again what did not fit.
 *
 * <p>The rules: a name points to an inode of the type that the name records. An inode that is not a
 * directory has as many names as its link count, and none only while a program has it open. A
 * directory has one name, in its parent; its link count is 2 + its subdirectories, its size is the
 * number of its entries, and its parents lead to the root. In a spread directory, each partition
 * counts its own entries, which lie in the partition's slot, and the partitions together give these
 * numbers; no entries are left that were staged for a partition that was never made. Every record
 * lies on the node that owns its slot. A chunk belongs to a file and lies in the slot that the
 * file's layout says; past the file's end it is only space to be reclaimed.
 *
 * <p>Not thread-safe; used once.
 */
final class Verifier {
  private static final Duration MAP_PATIENCE = Duration.ofSeconds(10);

  /** Comparing all chunk files with the index may take long. */
  private static final Duration CHECK_PATIENCE = Duration.ofMinutes(10);

  private final AdminConnection connection;
  private final ClusterMap known;
  private final Consumer<String> progress;
  private final Findings findings = new Findings();
  private final InodeTable inodes = new InodeTable();
  private final ShareTable shares = new ShareTable();
  private final Suspects suspects = new Suspects();
  private final Scan scan;
  private ClusterMap map;
  private List<NodeId> reachable = List.of();
  private boolean everyNodeSeen = true;
  private long entryCount;
  private long chunkCount;
  private long chunksPastEnd;
  private long dataChunks;
  private long openChunks;
  private long dataBytes;

  /**
   * A verification over a connection, which stays open.
   *
   * @param known a map with the addresses of all nodes
   * @param progress told the current step, now and then
   */
  Verifier(AdminConnection connection, ClusterMap known, Consumer<String> progress) {
    this.connection = connection;
    this.known = known;
    this.map = known;
    this.progress = progress;
    this.scan = new Scan(connection);
  }

  /**
   * Verifies. The report names the nodes that do not answer.
   *
   * @param data whether all file data is also read and compared with its checksums
   */
  VerifyReport verify(boolean data) {
    long started = System.nanoTime();
    findNodes();
    progress.accept("reading inodes");
    scan.inodes(reachable, this::takeInode);
    progress.accept("reading names of " + inodes.size() + " inodes");
    scan.shares(reachable, this::takeShare);
    scan.entries(reachable, this::takeEntry);
    everyNodeSeen &= scan.failures().isEmpty();
    progress.accept("comparing");
    judgeInodes();
    judgeReachability();
    progress.accept("reading chunks");
    scan.chunks(reachable, this::takeChunk);
    checkStorage();
    if (data) {
      compareData();
    }
    int readAgain = suspects.count();
    if (!suspects.isEmpty()) {
      progress.accept("reading " + readAgain + " items again");
      new SecondLook(connection, scan, reachable, map, findings, everyNodeSeen).examine(suspects);
    }
    if (suspects.overflowed()) {
      findings.unseen(
          "more than "
              + Suspects.MAX
              + " items changed or looked wrong; the rest was not read again");
    }
    scan.failures().forEach((node, e) -> findings.unseen("node " + node + ": " + e.getMessage()));
    if (chunksPastEnd > 0) {
      findings.note(
          chunksPastEnd
              + " chunks lie past the ends of their files: space that is freed with the files or at their next truncation");
    }
    long directories = 0;
    for (int row = 0; row < inodes.size(); row++) {
      directories += inodes.isDirectory(row) ? 1 : 0;
    }
    return findings.report(
        inodes.size(),
        directories,
        entryCount,
        chunkCount,
        readAgain,
        (System.nanoTime() - started) / 1_000_000);
  }

  /** The newest map that this verification has seen. */
  ClusterMap map() {
    return map;
  }

  private void findNodes() {
    NodeAnswers<Reply.Map> first = connection.askMaps(presentIn(known), MAP_PATIENCE);
    map = connection.useNewest(known, first);
    // Nodes that were added since the instance's file was written are asked too, and nodes that
    // have left need not answer.
    List<NodeId> more = new ArrayList<>(presentIn(map));
    more.removeAll(presentIn(known));
    NodeAnswers<Reply.Map> second = connection.askMaps(more, MAP_PATIENCE);
    map = connection.useNewest(map, second);
    List<NodeId> present = presentIn(map);
    var answers = new TreeMap<>(first.answers());
    answers.putAll(second.answers());
    answers.keySet().retainAll(present);
    var failures = new TreeMap<>(first.failures());
    failures.putAll(second.failures());
    failures.keySet().retainAll(present);
    // A node that was added and owns no slots stores nothing to check.
    List<NodeId> idle =
        failures.keySet().stream().filter(node -> !map.owningNodes().contains(node)).toList();
    findings.idle(idle);
    idle.forEach(failures::remove);
    failures.forEach((node, e) -> findings.unseen("node " + node + ": " + e.getMessage()));
    everyNodeSeen = failures.isEmpty();
    reachable = List.copyOf(answers.keySet());
    answers.forEach((node, answer) -> {
      if (!answer.map().epoch().equals(map.epoch())) {
        findings.note(
            "node %s is at epoch %d, others at %d"
                .formatted(node, answer.map().epoch().value(), map.epoch().value()));
      }
    });
  }

  private static List<NodeId> presentIn(ClusterMap nodes) {
    return nodes.nodes().stream()
        .filter(ClusterMap.Node::isMember)
        .map(ClusterMap.Node::id)
        .toList();
  }

  private void takeInode(NodeId node, ScannedInode inode) {
    InodeId id = inode.attributes().id();
    requireOwner(node, id.slotValue(), () -> "inode " + id);
    if (inodes.add(inode) == InodeTable.NONE) {
      findings.inconsistent("inode " + id + " is stored more than once");
    }
  }

  private void takeShare(NodeId node, ScannedShare share) {
    InodeId directory = share.share().id();
    int partition = share.partition();
    requireOwner(node, share.slot(), () -> "partition " + partition + " of directory " + directory);
    int row = inodes.row(directory.value());
    boolean fits =
        share.active()
            && (row == InodeTable.NONE
                ? !seen(directory)
                : inodes.isDirectory(row)
                    && inodes.partitionExponent(row) == share.share().partitionExponent());
    if (!fits) {
      suspects.add(new ShareTable.Partition(directory, partition));
    }
    if (Placement.partitionSlot(directory, partition).value() != share.slot()
        || (share.active() && !shares.add(share))) {
      findings.inconsistent(
          "partition %d of directory %s is also stored in slot %d"
              .formatted(partition, directory, share.slot()));
    }
  }

  private void takeEntry(NodeId node, ScannedEntry entry) {
    entryCount++;
    int directory = inodes.row(entry.directory().value());
    int exponent = directory == InodeTable.NONE ? 0 : inodes.partitionExponent(directory);
    int partition = Placement.partition(entry.name(), exponent);
    requireOwner(
        node,
        entry.slot(),
        () -> "the name '" + entry.name() + "' in directory " + entry.directory());
    if (Placement.partitionSlot(entry.directory(), partition).value() != entry.slot()) {
      // Staged, or left behind; no lookup sees this entry.
      suspects.add(new Suspects.EntryPlace(entry.directory(), entry.name(), entry.slot()));
      return;
    }
    if (exponent != 0) {
      shares.count(entry.directory(), partition, entry.fileType() == FileType.DIRECTORY);
    }
    int target = inodes.row(entry.inode().value());
    if (directory != InodeTable.NONE) {
      inodes.countChild(directory, entry.fileType() == FileType.DIRECTORY);
    }
    if (target != InodeTable.NONE) {
      inodes.countName(target, entry.directory().value());
    }
    boolean wrong =
        entry.inTransaction()
            || directory == InodeTable.NONE
            || !inodes.isDirectory(directory)
            || (target == InodeTable.NONE
                ? seen(entry.inode())
                : inodes.type(target) != entry.fileType());
    if (wrong) {
      suspects.add(new Suspects.EntryPlace(entry.directory(), entry.name(), entry.slot()));
    }
  }

  private void takeChunk(NodeId node, ScannedChunk chunk) {
    chunkCount++;
    requireOwner(
        node, chunk.slot(), () -> "chunk " + chunk.chunkIndex() + " of inode " + chunk.inode());
    int row = inodes.row(chunk.inode().value());
    if (row == InodeTable.NONE) {
      if (seen(chunk.inode())) {
        suspects.add(
            new Suspects.ChunkPlace(node, chunk.inode(), chunk.chunkIndex()), chunk.slot());
      }
      return;
    }
    FileLayout layout = inodes.layout(row);
    if (!ChunkRule.fits(inodes.type(row), layout, chunk.chunkIndex(), chunk.slot())) {
      suspects.add(new Suspects.ChunkPlace(node, chunk.inode(), chunk.chunkIndex()), chunk.slot());
    } else if (chunk.chunkIndex()
        >= Striping.chunkCount(inodes.sizeBytes(row), layout.chunkSizeBytes())) {
      chunksPastEnd++;
    }
  }

  private void judgeInodes() {
    if (inodes.row(InodeId.ROOT.value()) == InodeTable.NONE && seen(InodeId.ROOT)) {
      suspects.add(InodeId.ROOT);
    }
    for (int row = 0; row < inodes.size(); row++) {
      InodeId id = inodes.id(row);
      int exponent = inodes.partitionExponent(row);
      if (exponent != 0 && !shares.partitionsFit(id, exponent, everyNodeSeen)) {
        suspects.add(id);
        continue;
      }
      boolean fits =
          inodes.isDirectory(row)
              ? InodeRule.directoryFits(
                  id,
                  inodes.linkCount(row) + shares.subdirectories(id, exponent),
                  inodes.sizeBytes(row) + shares.entries(id, exponent),
                  inodes.parent(row),
                  inodes.names(row),
                  inodes.namedIn(row),
                  inodes.children(row),
                  inodes.subdirectories(row),
                  everyNodeSeen)
              : InodeRule.fileFits(
                  inodes.linkCount(row), inodes.names(row), inodes.isPinned(row), everyNodeSeen);
      if (!fits) {
        suspects.add(inodes.id(row));
      }
    }
  }

  /**
   * Follows parents up to the root; a directory that was reached once need not be followed again.
   */
  private void judgeReachability() {
    var reached = new byte[inodes.size()]; // 1 = on the way being followed, 2 = reached, 3 = not
    var way = new ArrayList<Integer>();
    for (int start = 0; start < inodes.size(); start++) {
      if (!inodes.isDirectory(start)) {
        continue;
      }
      way.clear();
      int row = start;
      byte outcome = 0;
      while (outcome == 0) {
        if (row == InodeTable.NONE) {
          // If the parent's node was not seen, nothing can be said.
          outcome = (byte) (everyNodeSeen ? 3 : 2);
        } else if (reached[row] == 1) {
          outcome = 3;
        } else if (reached[row] != 0) {
          outcome = reached[row];
        } else if (inodes.id(row).equals(InodeId.ROOT)) {
          reached[row] = 2;
          outcome = 2;
        } else {
          reached[row] = 1;
          way.add(row);
          row = inodes.row(inodes.parent(row));
        }
      }
      for (int passed : way) {
        reached[passed] = outcome;
        if (outcome == 3) {
          suspects.add(inodes.id(passed));
        }
      }
    }
  }

  private void checkStorage() {
    progress.accept("comparing chunk files with their index");
    Map<NodeId, FsException> failed = new LinkedHashMap<>();
    NodeAnswers<Reply.Findings> answers =
        connection.askAll(
            reachable, new ControlRequest.CheckStorage(), Reply.Findings.class, CHECK_PATIENCE);
    answers
        .answers()
        .forEach((node, found) ->
            found
                .findings()
                .forEach(finding -> findings.inconsistent("node " + node + ": " + finding)));
    failed.putAll(answers.failures());
    failed.forEach((node, e) -> findings.unseen("node " + node + ": " + e.getMessage()));
  }

  private void compareData() {
    progress.accept("comparing file data with its checksums");
    scan.data(reachable, this::takeData);
    findings.note(
        "compared %.1f MiB of file data in %d chunks with checksums"
            .formatted(dataBytes / 1048576.0, dataChunks));
    if (openChunks > 0) {
      findings.note(
          openChunks
              + " of these chunks were written within the last seconds, or checksums=wire: their data that has no checksum was only read");
    }
  }

  private void takeData(NodeId node, Reply.VerifiedData part) {
    part.findings().forEach(finding -> findings.inconsistent("node " + node + ": " + finding));
    dataChunks += part.chunks();
    openChunks += part.openChunks();
    dataBytes += part.bytes();
    progress.accept(
        "compared %d of %d chunks with their checksums".formatted(dataChunks, chunkCount));
  }

  private boolean seen(InodeId inode) {
    return reachable.contains(map.owner(inode.slot()))
        && !scan.failures().containsKey(map.owner(inode.slot()));
  }

  private void requireOwner(NodeId node, int slot, java.util.function.Supplier<String> what) {
    if (map.ownerValue(slot) != node.value()) {
      findings.inconsistent(
          "%s lies on node %s, but slot %d belongs to node n%d"
              .formatted(what.get(), node, slot, map.ownerValue(slot)));
    }
  }
}
