package io.adhocfs.daemon.directory;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.ListedEntry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Page;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.transaction.Coordinator;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.StagedEntry;
import io.adhocfs.protocol.wire.TransactionRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Spreads directories that have become big over the nodes, at their homes, while they are used.
 * First everybody who is to have a partition is asked to make room: only when all have answered are
 * changes of the directory's entries held up. Then the entries are sent, in pages, and one
 * transaction opens the partitions and takes the copies away here. Whatever fails before it leaves
 * the directory as it was; the next new entry makes it try again, after a while.
 *
 * <p>Metadata thread only.
 */
public final class DirectorySpreading implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(DirectorySpreading.class);

  /**
   * Partitions for each node: hashing them to nodes leaves the fullest with half as much again as
   * the mean, where one for each node would leave a third of the nodes without any.
   */
  private static final int PARTITIONS_PER_NODE = 4;

  /** Each chmod or rmdir of a spread directory asks all partitions. */
  public static final int EXPONENT_MAX = 6;

  private static final int AT_ONCE_MAX = 16;
  private static final int PAGE_BYTES = 128 << 10;
  private static final int ENTRY_BYTES = 11;
  private static final long PAUSE_NANOS = 10_000_000_000L;
  private static final int PAUSED_MAX = 1000;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final Coordinator coordinator;
  private final CrashPoints crashPoints;
  private final Duration answerWait;
  private final long entriesMin;
  private final Map<InodeId, Spreading> underWay = new HashMap<>();

  /** Directories that could not be spread, and when to try again. */
  private final Map<InodeId, Long> pausedUntilNanos = new HashMap<>();

  /**
   * @param answerWait how long to wait for each answer of another node
   * @param entriesMin from how many entries on a directory is spread; 0 = never
   */
  public DirectorySpreading(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      Coordinator coordinator,
      CrashPoints crashPoints,
      Duration answerWait,
      long entriesMin) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.coordinator = coordinator;
    this.crashPoints = crashPoints;
    this.answerWait = answerWait;
    this.entriesMin = entriesMin;
  }

  /** A directory that is not spread has got an entry: spreads it if it has enough. */
  public void grown(FileAttributes directory) {
    if (entriesMin == 0
        || directory.sizeBytes() < entriesMin
        || cluster.map().nodes().size() < 2
        || underWay.size() >= AT_ONCE_MAX
        || underWay.containsKey(directory.id())) {
      return;
    }
    InodeId id = directory.id();
    Long pausedUntil = pausedUntilNanos.get(id);
    if (pausedUntil != null && thread.nanoTime() - pausedUntil < 0) {
      return;
    }
    int nodes = cluster.map().owningNodes().size();
    if (nodes < 2) {
      pause(id);
      return;
    }
    pausedUntilNanos.remove(id);
    int exponent =
        Math.min(
            EXPONENT_MAX,
            Integer.SIZE - Integer.numberOfLeadingZeros(nodes * PARTITIONS_PER_NODE - 1));
    try {
      var spreading = new Spreading(id, exponent, coordinator.begin(id.slotValue()));
      underWay.put(id, spreading);
      // Not within the operation that brought the entry.
      thread.execute(spreading::begin);
    } catch (FsException e) {
      pause(id);
      LOG.warn("directory {} is not spread: {}", id, e.getMessage());
    }
  }

  private void pause(InodeId directory) {
    if (pausedUntilNanos.size() >= PAUSED_MAX) {
      pausedUntilNanos.clear();
    }
    pausedUntilNanos.put(directory, thread.nanoTime() + PAUSE_NANOS);
  }

  /** Gives up on directories that are no longer here: their new owner may begin anew. */
  @Override
  public void forget(BitSet slots) {
    for (Spreading spreading : List.copyOf(underWay.values())) {
      if (slots.get(spreading.directory.slotValue())) {
        spreading.failed(new FsException(FsError.WRONG_OWNER, "it has gone to another node"));
      }
    }
  }

  /** How many directories are being spread. */
  @Override
  public int pending() {
    return underWay.size();
  }

  /** One try to spread one directory. */
  private final class Spreading {
    private final InodeId directory;
    private final int exponent;
    private final TransactionId transaction;
    private final List<Part> parts = new ArrayList<>();
    private final long startNanos = thread.nanoTime();
    private int unanswered;
    private boolean failed;

    Spreading(InodeId directory, int exponent, TransactionId transaction) {
      this.directory = directory;
      this.exponent = exponent;
      this.transaction = transaction;
      for (int partition = 0; partition < 1 << exponent; partition++) {
        parts.add(new Part(this, partition));
      }
    }

    /** The parts that leave the directory's own slot. */
    private List<Part> staged() {
      return parts.subList(1, parts.size());
    }

    /**
     * Runs an action for each part; the next step follows when all have told that they are done.
     */
    private void forAll(List<Part> all, java.util.function.Consumer<Part> action) {
      unanswered = all.size();
      all.forEach(action);
    }

    void begin() {
      if (failed) {
        return;
      }
      forAll(
          staged(),
          part ->
              part.ask(
                  new TransactionRequest.BeginStaging(
                      directory, part.partition, exponent, transaction),
                  () -> {
                    unanswered--;
                    if (unanswered == 0) {
                      begun();
                    }
                  }));
    }

    private void begun() {
      crashPoints.reached(CrashPoint.SPREAD_AFTER_BEGIN);
      lock(thread.nanoTime() + answerWait.toNanos());
    }

    private void lock(long untilNanos) {
      if (failed) {
        return;
      }
      var wanted = List.of(new LockKey.Wanted(new LockKey.OfInode(directory), false));
      LockKey held = locks.conflict(transaction, wanted);
      if (held != null) {
        locks.await(held, untilNanos, () -> lock(untilNanos), this::failed);
        return;
      }
      locks.acquire(transaction, wanted, false);
      try {
        FileAttributes attributes =
            cluster.owns(directory.slotValue()) ? store.inode(directory) : null;
        if (attributes == null
            || !attributes.isDirectory()
            || attributes.partitionExponent() != 0
            || attributes.sizeBytes() < entriesMin) {
          failed(new FsException(FsError.CHANGED, "it has changed meanwhile"));
          return;
        }
      } catch (FsException e) {
        failed(e);
        return;
      }
      forAll(parts, Part::sendMore);
    }

    void allSent() {
      unanswered--;
      if (unanswered > 0 || failed) {
        return;
      }
      crashPoints.reached(CrashPoint.SPREAD_AFTER_ENTRIES);
      try {
        coordinator.conclude(
            transaction,
            changes(),
            new Coordinator.Outcome() {
              @Override
              public void committed() {
                underWay.remove(directory);
                LOG.info(
                    "directory {} is spread over 2^{} partitions after {} ms",
                    directory,
                    exponent,
                    (thread.nanoTime() - startNanos) / 1_000_000);
              }

              @Override
              public void aborted(FsException error) {
                failed(error);
              }
            });
      } catch (FsException e) {
        failed(e);
      }
    }

    private List<Change> changes() throws FsException {
      FileAttributes attributes = store.inode(directory);
      if (attributes == null) {
        throw new FsException(FsError.INTERNAL, "directory " + directory + " went while held");
      }
      List<Change> changes = new ArrayList<>();
      Part home = parts.getFirst();
      changes.add(
          new Change.SpreadDirectory(directory, exponent, home.entries, home.subdirectories));
      for (Part part : staged()) {
        FileAttributes share =
            AttributeEdit.of(attributes)
                .partitionExponent(exponent)
                .sizeBytes(part.entries)
                .links(part.subdirectories)
                .dataVersion(0)
                .done();
        changes.add(new Change.OpenShare(share, part.partition, transaction));
      }
      return changes;
    }

    void failed(FsException error) {
      if (failed) {
        return;
      }
      failed = true;
      coordinator.abandon(transaction);
      underWay.remove(directory);
      pause(directory);
      LOG.warn("directory {} is not spread for now: {}", directory, error.getMessage());
      // Those that don't hear it ask.
      Map<NodeId, List<SlotId>> owners = new TreeMap<>();
      for (Part part : staged()) {
        owners
            .computeIfAbsent(cluster.map().owner(part.slot), owner -> new ArrayList<>())
            .add(part.slot);
      }
      owners.forEach((node, slots) ->
          thread.whenDone(
              peers.call(
                  node,
                  new TransactionRequest.Decide(transaction, false, slots),
                  Deadline.after(answerWait)),
              (response, failure) -> {
                if (response != null) {
                  response.payload().release();
                }
              }));
      locks.release(transaction);
    }
  }

  /** A partition to be. */
  private final class Part {
    private final Spreading spreading;
    private final int partition;
    private final SlotId slot;
    private long sentUpToHash;
    private long entries;
    private int subdirectories;

    Part(Spreading spreading, int partition) {
      this.spreading = spreading;
      this.partition = partition;
      this.slot = Placement.partitionSlot(spreading.directory, partition);
      this.sentUpToHash = Placement.firstHash(partition, spreading.exponent) - 1;
    }

    void ask(TransactionRequest request, Runnable then) {
      thread.whenDone(
          peers.call(cluster.map().owner(slot), request, Deadline.after(answerWait)),
          (response, error) -> {
            if (response == null) {
              spreading.failed(
                  error == null ? new FsException(FsError.INTERNAL, "no answer") : error);
              return;
            }
            response.payload().release();
            if (spreading.failed) {
              return;
            }
            if (response.reply() instanceof Reply.Done) {
              then.run();
            } else {
              spreading.failed(
                  new FsException(
                      FsError.INTERNAL, request.type() + " got " + response.reply().type()));
            }
          });
    }

    /** Sends the next page of its entries, and so on to the last; those that stay are counted. */
    void sendMore() {
      if (spreading.failed) {
        return;
      }
      Page<ListedEntry> page = page();
      if (page == null) {
        return;
      }
      long before = entries;
      List<StagedEntry> sent = new ArrayList<>(page.items().size());
      for (ListedEntry entry : page.items()) {
        sent.add(new StagedEntry(entry.name(), entry.inode(), entry.type()));
        entries++;
        subdirectories += entry.type() == FileType.DIRECTORY ? 1 : 0;
        sentUpToHash = entry.name().hash();
      }
      boolean last = page.cursor().length == 0;
      Runnable next = last ? spreading::allSent : this::sendMore;
      if (partition > 0 && !sent.isEmpty()) {
        ask(
            new TransactionRequest.StageEntries(
                spreading.directory, partition, spreading.transaction, before, sent),
            next);
      } else {
        // Others have their turn between the pages.
        thread.execute(next);
      }
    }

    private @Nullable Page<ListedEntry> page() {
      try {
        return store.list(
            spreading.directory.slotValue(),
            spreading.directory,
            sentUpToHash,
            Placement.lastHash(partition, spreading.exponent),
            PAGE_BYTES,
            ENTRY_BYTES);
      } catch (FsException e) {
        spreading.failed(e);
        return null;
      }
    }
  }
}
