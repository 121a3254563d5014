package io.adhocfs.malleability.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads suspects again, in rounds. A scan of a running instance is no snapshot: a file that is
 * renamed meanwhile may be seen twice or not at all. So each round reads a suspect inode, counts
 * all its names, and reads the inode once more, by a request that waits for running operations.
 * Only a suspect that did not fit in {@value #STRIKES} rounds, and did not change during them, is
 * inconsistent.
 */
final class SecondLook {
  private static final int ROUNDS_MAX = 7;
  private static final int STRIKES = 3;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(50);

  /** A request for an item that an undecided operation holds waits for the decision. */
  private static final Duration READ_PATIENCE = Duration.ofSeconds(5);

  /** Chunks of removed files are reclaimed in the background. */
  private static final Duration RECLAIM_PATIENCE = Duration.ofSeconds(20);

  private static final int DEPTH_MAX = 4096;

  private final AdminConnection connection;
  private final Scan scan;
  private final List<NodeId> nodes;
  private final ClusterMap map;
  private final Findings findings;
  private final boolean everyNodeSeen;
  private final PathFinder paths;
  private final Map<Object, Integer> strikes = new HashMap<>();
  private final Set<InodeId> held = new HashSet<>();

  SecondLook(
      AdminConnection connection,
      Scan scan,
      List<NodeId> nodes,
      ClusterMap map,
      Findings findings,
      boolean everyNodeSeen) {
    this.connection = connection;
    this.scan = scan;
    this.nodes = nodes;
    this.map = map;
    this.findings = findings;
    this.everyNodeSeen = everyNodeSeen;
    this.paths = new PathFinder(connection, map);
  }

  /** What was counted for one suspect inode in a round. */
  private static final class Count {
    private @Nullable ScannedInode before;
    private int names;
    private long namedIn;
    private int children;
    private int subdirectories;
  }

  /** What one round has seen of spread directories. */
  private static final class SpreadDirectories {
    private final Map<InodeId, Integer> exponents = new HashMap<>();
    private final Map<ShareTable.Partition, ScannedShare> before = new HashMap<>();
    private final Map<ShareTable.Partition, ScannedShare> after = new HashMap<>();
    private final ShareTable table = new ShareTable();

    int exponent(InodeId directory) {
      return exponents.getOrDefault(directory, 0);
    }

    /** Whether no share of a directory has changed while names were counted. */
    boolean unchanged(InodeId directory) {
      for (int partition = 1; partition < 1 << exponent(directory); partition++) {
        var key = new ShareTable.Partition(directory, partition);
        ScannedShare share = before.get(key);
        if (!Objects.equals(share, after.get(key)) || (share != null && share.inTransaction())) {
          return false;
        }
      }
      return true;
    }
  }

  /** Clears or reports every suspect; no suspects are left afterwards. */
  void examine(Suspects suspects) {
    Duration pause = FIRST_PAUSE;
    for (int round = 0; round < ROUNDS_MAX && !suspects.isEmpty(); round++) {
      lookAtNames(suspects);
      if (!suspects.chunks().isEmpty()) {
        lookAtChunks(suspects, round == ROUNDS_MAX - 1);
      }
      if (!suspects.isEmpty()) {
        pause(pause);
        pause = pause.multipliedBy(2);
      }
    }
    for (InodeId inode : held) {
      findings.unseen(
          "inode %s (%s) is held by an operation that is not decided yet"
              .formatted(inode, paths.of(inode)));
    }
    int changing = suspects.inodes().size() + suspects.entries().size() + suspects.shares().size();
    if (changing > 0) {
      findings.note(
          changing + " items changed each time they were read; none was seen to be wrong");
    }
    if (!suspects.chunks().isEmpty()) {
      findings.note(suspects.chunks().size() + " chunks of removed files wait to be reclaimed");
    }
  }

  private void lookAtNames(Suspects suspects) {
    Map<InodeId, Count> counts = new HashMap<>();
    suspects.inodes().forEach(inode -> counts.put(inode, new Count()));
    Map<Suspects.EntryPlace, ScannedEntry> entries = new HashMap<>();
    Set<ShareTable.Partition> left = new HashSet<>();
    var spread = new SpreadDirectories();
    if (!counts.isEmpty() || !suspects.entries().isEmpty() || !suspects.shares().isEmpty()) {
      readNames(suspects, counts, entries, left, spread);
    }
    for (ShareTable.Partition place : List.copyOf(suspects.shares())) {
      if (judged(place, spread.before.get(place), left.contains(place))) {
        suspects.shares().remove(place);
      }
    }
    counts.forEach((inode, count) -> {
      if (judged(inode, count, spread)) {
        suspects.inodes().remove(inode);
      }
    });
    for (Suspects.EntryPlace place : List.copyOf(suspects.entries())) {
      if (judged(place, entries.get(place))) {
        suspects.entries().remove(place);
      }
    }
  }

  private void readNames(
      Suspects suspects,
      Map<InodeId, Count> counts,
      Map<Suspects.EntryPlace, ScannedEntry> entries,
      Set<ShareTable.Partition> left,
      SpreadDirectories spread) {
    scan.inodes(
        nodes,
        (node, inode) -> {
          InodeId id = inode.attributes().id();
          if (inode.attributes().partitionExponent() != 0) {
            spread.exponents.put(id, inode.attributes().partitionExponent());
          }
          Count count = counts.get(id);
          if (count != null) {
            count.before = inode;
          }
        });
    scan.shares(
        nodes,
        (node, share) -> {
          var key = new ShareTable.Partition(share.share().id(), share.partition());
          if (share.active()) {
            spread.before.put(key, share);
            spread.table.add(share);
          } else if (suspects.shares().contains(key)) {
            left.add(key);
          }
        });
    scan.entries(nodes, (node, entry) -> count(entry, suspects, counts, entries, spread));
    if (!spread.exponents.isEmpty()) {
      scan.shares(
          nodes,
          (node, share) -> {
            if (share.active()) {
              spread.after.put(
                  new ShareTable.Partition(share.share().id(), share.partition()), share);
            }
          });
    }
  }

  private static void count(
      ScannedEntry entry,
      Suspects suspects,
      Map<InodeId, Count> counts,
      Map<Suspects.EntryPlace, ScannedEntry> entries,
      SpreadDirectories spread) {
    int partition = Placement.partition(entry.name(), spread.exponent(entry.directory()));
    boolean isDirectory = entry.fileType() == FileType.DIRECTORY;
    var place = new Suspects.EntryPlace(entry.directory(), entry.name(), entry.slot());
    if (suspects.entries().contains(place)) {
      entries.put(place, entry);
    }
    if (Placement.partitionSlot(entry.directory(), partition).value() != entry.slot()) {
      return;
    }
    Count target = counts.get(entry.inode());
    if (target != null) {
      target.names++;
      target.namedIn = entry.directory().value();
    }
    Count directory = counts.get(entry.directory());
    if (directory != null) {
      directory.children++;
      directory.subdirectories += isDirectory ? 1 : 0;
      spread.table.count(entry.directory(), partition, isDirectory);
    }
  }

  /** Whether a suspect inode need not be read again. */
  private boolean judged(InodeId inode, Count count, SpreadDirectories spread) {
    FileAttributes now;
    try {
      now = read(inode);
    } catch (FsException e) {
      return cannotBeRead(inode, e);
    }
    held.remove(inode);
    if (now == null) {
      // The inode is gone, which is fine unless a name points to it: such a name is a suspect of
      // its own.
      return !inode.equals(InodeId.ROOT) || strike(inode, "the root directory is missing");
    }
    ScannedInode before = count.before;
    if (before == null || before.inTransaction() || !before.attributes().equals(now)) {
      return false;
    }
    if (now.isDirectory()) {
      int exponent = now.partitionExponent();
      if (!spread.unchanged(inode)) {
        return false;
      }
      if (!spread.table.partitionsFit(inode, exponent, everyNodeSeen)) {
        return strike(
            inode,
            "directory %s (%s): some of its 2^%d partitions are missing or count wrong"
                .formatted(inode, paths.of(inode), exponent),
            mendsOf(now, count));
      }
      if (!InodeRule.directoryFits(
          inode,
          now.linkCount() + spread.table.subdirectories(inode, exponent),
          now.sizeBytes() + spread.table.entries(inode, exponent),
          now.parent().value(),
          count.names,
          count.namedIn,
          count.children,
          count.subdirectories,
          everyNodeSeen)) {
        return strike(inode, describeDirectory(now, count), mendsOf(now, count));
      }
      return leadsToRoot(now)
          || strike(
              inode,
              "directory %s (%s): its parents do not lead to the root"
                  .formatted(inode, paths.of(inode)));
    }
    return InodeRule.fileFits(now.linkCount(), count.names, before.pins() > 0, everyNodeSeen)
        || strike(inode, describeFile(now, count), mendsOf(now, count));
  }

  private static List<Mend> mendsOf(FileAttributes inode, Count count) {
    List<Mend> mends = new ArrayList<>();
    boolean isRoot = inode.id().equals(InodeId.ROOT);
    if (count.names == 0 && !isRoot && inode.linkCount() > 0) {
      mends.add(new Mend.Reattach(inode));
    } else if (!inode.isDirectory()) {
      mends.add(new Mend.SetNames(inode, count.names, inode.parent()));
    } else if (count.names == 1 && count.namedIn != inode.parent().value()) {
      mends.add(new Mend.SetNames(inode, 1, new InodeId(count.namedIn)));
    }
    if (inode.isDirectory()) {
      mends.add(new Mend.CountEntries(inode));
    }
    return mends;
  }

  private String describeDirectory(FileAttributes directory, Count count) {
    return "directory %s (%s): link count %d with %d subdirectories, size %d with %d entries, parent %s, %d names%s"
        .formatted(
            directory.id(),
            paths.of(directory.id()),
            directory.linkCount(),
            count.subdirectories,
            directory.sizeBytes(),
            count.children,
            directory.parent(),
            count.names,
            count.names == 0 ? "" : ", in directory " + Long.toUnsignedString(count.namedIn));
  }

  private String describeFile(FileAttributes file, Count count) {
    return file.linkCount() == 0 && count.names == 0
        ? "inode %s has no name and no program has it open".formatted(file.id())
        : "inode %s (%s) has %d names and link count %d"
            .formatted(
                file.id(),
                count.names == 0 ? "nowhere" : "in " + paths.of(new InodeId(count.namedIn)),
                count.names,
                file.linkCount());
  }

  /** Whether a share that looked wrong need not be read again. */
  private boolean judged(
      ShareTable.Partition place, @Nullable ScannedShare active, boolean staged) {
    if (active == null && !staged) {
      return true;
    }
    if (staged) {
      // A directory may be about to be spread.
      return pendingOperations() == 0
          && strike(
              place,
              "entries staged for partition %d of directory %s (%s) were left behind"
                  .formatted(place.number(), place.directory(), paths.of(place.directory())),
              List.of(new Mend.RemovePartition(place.directory(), place.number())));
    }
    try {
      FileAttributes directory = read(place.directory());
      boolean fits =
          active == null
              || (directory == null
                  ? !ownerReachable(place.directory())
                  : directory.isDirectory()
                      && directory.partitionExponent() == active.share().partitionExponent());
      return fits
          || strike(
              place,
              "partition %d of directory %s (%s) is stored, but the directory is not spread so"
                  .formatted(place.number(), place.directory(), paths.of(place.directory())),
              List.of(new Mend.RemovePartition(place.directory(), place.number())));
    } catch (FsException e) {
      return cannotBeRead(place.directory(), e);
    }
  }

  private boolean judged(Suspects.EntryPlace place, @Nullable ScannedEntry entry) {
    if (entry == null) {
      return true;
    }
    if (entry.inTransaction()) {
      held.add(place.directory());
      return false;
    }
    try {
      FileAttributes directory = read(place.directory());
      FileAttributes target = read(entry.inode());
      held.remove(place.directory());
      List<Mend> removal =
          List.of(
              new Mend.RemoveName(
                  place.slot(),
                  new EntryKey(
                      place.directory(),
                      directory == null ? 0 : directory.partitionExponent(),
                      place.name()),
                  entry.inode(),
                  paths.of(place.directory()) + "/" + place.name()));
      if (directory == null && ownerReachable(place.directory())) {
        return strike(
            place,
            "the name '%s' lies in directory %s, which does not exist"
                .formatted(place.name(), place.directory()),
            removal);
      }
      if (directory != null && !directory.isDirectory()) {
        return strike(
            place,
            "the name '%s' lies in inode %s, which is not a directory"
                .formatted(place.name(), place.directory()),
            removal);
      }
      if (directory != null
          && Placement.entrySlot(place.directory(), directory.partitionExponent(), place.name())
                  .value()
              != place.slot()) {
        return pendingOperations() == 0
            && strike(
                place,
                "%s/%s lies in slot %d, where no lookup finds it"
                    .formatted(paths.of(place.directory()), place.name(), place.slot()),
                removal);
      }
      if (target == null) {
        return strike(
            place,
            "%s/%s points to inode %s, which does not exist"
                .formatted(paths.of(place.directory()), place.name(), entry.inode()),
            removal);
      }
      return target.type() == entry.fileType()
          || strike(
              place,
              "%s/%s says %s, but its inode %s is a %s"
                  .formatted(
                      paths.of(place.directory()),
                      place.name(),
                      entry.fileType(),
                      entry.inode(),
                      target.type()),
              removal);
    } catch (FsException e) {
      return cannotBeRead(entry.inode(), e);
    }
  }

  private void lookAtChunks(Suspects suspects, boolean lastRound) {
    if (lastRound) {
      awaitReclaim();
    }
    Set<Suspects.ChunkPlace> seen = new HashSet<>();
    scan.chunks(
        nodes,
        (node, chunk) -> {
          var place = new Suspects.ChunkPlace(node, chunk.inode(), chunk.chunkIndex());
          if (suspects.chunks().containsKey(place)) {
            seen.add(place);
          }
        });
    boolean reclaiming = pendingOperations() > 0;
    Map<InodeId, FileAttributes> read = new HashMap<>();
    Set<InodeId> gone = new HashSet<>();
    Map<Suspects.ChunkPlace, Integer> open = new LinkedHashMap<>(suspects.chunks());
    open.forEach((place, slot) -> {
      boolean done;
      try {
        FileAttributes file = read.get(place.inode());
        if (file == null && !gone.contains(place.inode())) {
          file = read(place.inode());
          if (file == null) {
            gone.add(place.inode());
          } else {
            read.put(place.inode(), file);
          }
        }
        if (!seen.contains(place)) {
          done = true;
        } else if (file == null) {
          done =
              !reclaiming
                  && strike(
                      place,
                      "node %s stores chunk %d of inode %s, which does not exist"
                          .formatted(place.node(), place.chunkIndex(), place.inode()),
                      List.of(drop(place, slot)));
        } else {
          done =
              ChunkRule.fits(file.type(), file.layout(), place.chunkIndex(), slot)
                  || strike(
                      place,
                      "node %s stores chunk %d of inode %s in slot %d, where it does not belong"
                          .formatted(place.node(), place.chunkIndex(), place.inode(), slot),
                      List.of(drop(place, slot)));
        }
      } catch (FsException e) {
        done = cannotBeRead(place.inode(), e);
      }
      if (done) {
        suspects.chunks().remove(place);
      }
    });
  }

  private static Mend drop(Suspects.ChunkPlace place, int slot) {
    return new Mend.DropChunk(
        place.node(), new ScannedChunk(place.inode(), place.chunkIndex(), slot));
  }

  private void awaitReclaim() {
    long limit = System.nanoTime() + RECLAIM_PATIENCE.toNanos();
    while (pendingOperations() > 0 && System.nanoTime() - limit < 0) {
      pause(Duration.ofMillis(200));
    }
  }

  private long pendingOperations() {
    return connection
        .askAll(nodes, new ControlRequest.GetStatus(), Reply.Status.class, READ_PATIENCE)
        .answers()
        .values()
        .stream()
        .mapToLong(answer -> answer.status().pendingOperations())
        .sum();
  }

  private boolean leadsToRoot(FileAttributes directory) {
    FileAttributes current = directory;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
      if (current.id().equals(InodeId.ROOT)) {
        return true;
      }
      if (!ownerReachable(current.parent())) {
        return true;
      }
      try {
        FileAttributes parent = read(current.parent());
        if (parent == null) {
          return false;
        }
        current = parent;
      } catch (FsException e) {
        return true;
      }
    }
    return false;
  }

  /**
   * The current attributes of an inode, for a spread directory those that its home stores; null if
   * the inode does not exist.
   */
  private @Nullable FileAttributes read(InodeId inode) throws FsException {
    try {
      return connection
          .ask(
              map.owner(inode.slot()),
              new NamespaceRequest.GetShares(inode, List.of(0)),
              Reply.Attributes.class,
              READ_PATIENCE)
          .attributes();
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  /**
   * Counts a round in which a suspect did not fit; reports the suspect after {@value #STRIKES} such
   * rounds.
   */
  private boolean strike(Object suspect, String sentence) {
    return strike(suspect, sentence, List.of());
  }

  /**
   * As {@link #strike(Object, String)}, with remedies.
   *
   * @param mends the remedies
   */
  private boolean strike(Object suspect, String sentence, List<Mend> mends) {
    if (strikes.merge(suspect, 1, Integer::sum) < STRIKES) {
      return false;
    }
    findings.inconsistent(sentence, mends);
    return true;
  }

  /** Whether to give up on an inode whose owner does not answer. */
  private boolean cannotBeRead(InodeId inode, FsException e) {
    if (e.error() == FsError.TIMED_OUT) {
      held.add(inode);
      return strikes.merge(e.error() + inode.toString(), 1, Integer::sum) >= STRIKES;
    }
    findings.unseen("inode " + inode + ": " + e.getMessage());
    return true;
  }

  private boolean ownerReachable(InodeId inode) {
    return nodes.contains(map.owner(inode.slot()));
  }

  private static void pause(Duration duration) {
    try {
      TimeUnit.NANOSECONDS.sleep(duration.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
