package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.StagedEntry;
import io.adhocfs.protocol.wire.TransactionRequest;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Entries that other nodes have sent for partitions of directories about to be spread: stored where
 * they will lie, but invisible, since their partition's share says that it is not in use. They
 * become visible by a change of their transaction. If that is aborted, or nobody knows of it any
 * more, they go.
 *
 * <p>Metadata thread only.
 */
public final class Stagings implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(Stagings.class);

  /** How many transactions may be staging here. */
  private static final int TRANSACTIONS_MAX = 1000;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final ChangeRules rules;
  private final CrashPoints crashPoints;
  private final TransactionTiming timing;
  private final RandomGenerator random;

  /** Transactions that are known to be over. */
  private final Set<TransactionId> settled;

  private final Map<TransactionId, Staging> stagings = new HashMap<>();

  /** Of those the ones that {@link #takeUp} has not seen yet. */
  private final Set<Staging> recovered = new LinkedHashSet<>();

  private record Place(InodeId directory, int partition) {}

  Stagings(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      ChangeRules rules,
      CrashPoints crashPoints,
      TransactionTiming timing,
      RandomGenerator random,
      Set<TransactionId> settled) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.rules = rules;
    this.crashPoints = crashPoints;
    this.timing = timing;
    this.random = random;
    this.settled = settled;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.SHARE);
  }

  /** A share, whose entries may have been being staged. */
  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    Share share = Share.ofRecord(key, value);
    TransactionId id = share.staging();
    if (id != null) {
      Staging known = stagings.get(id);
      if (known == null) {
        known = new Staging(id);
        stagings.put(id, known);
        recovered.add(known);
      }
      known.places.add(new Place(share.attributes().id(), share.partition()));
    }
  }

  /** Asks what became of the stagings that were found. */
  @Override
  public void takeUp(BitSet slots) {
    List<Staging> found = List.copyOf(recovered);
    recovered.clear();
    found.forEach(Staging::askOutcome);
  }

  /** Forgets what is staged in slots that have gone: their new owner keeps it. */
  @Override
  public void forget(BitSet slots) {
    stagings
        .values()
        .removeIf(staging -> {
          staging.places.removeIf(place ->
              slots.get(Placement.partitionSlot(place.directory, place.partition).value()));
          return staging.places.isEmpty();
        });
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots,
        stagings.values().stream().flatMap(staging -> staging.places.stream()),
        place -> Placement.partitionSlot(place.directory, place.partition).value(),
        place ->
            "what is staged of %s in partition %d".formatted(place.directory, place.partition));
  }

  @Override
  public int pending() {
    return stagings.size();
  }

  private static FsException over(TransactionId id) {
    return new FsException(FsError.CHANGED, "staging " + id + " is over");
  }

  private static void fail(Exchange exchange, FsException error) {
    exchange.fail(error.error(), String.valueOf(error.getMessage()));
  }

  /** Makes room for entries; what older stagings have left goes. */
  public void begin(Exchange exchange, TransactionRequest.BeginStaging request) {
    begin(exchange, request, thread.nanoTime() + timing.prepareWait().toNanos());
  }

  private void begin(Exchange exchange, TransactionRequest.BeginStaging request, long untilNanos) {
    try {
      LockKey held = beginNow(request);
      if (held == null) {
        exchange.reply(new Reply.Done());
      } else {
        locks.await(
            held,
            untilNanos,
            () -> begin(exchange, request, untilNanos),
            error -> fail(exchange, error));
      }
    } catch (FsException e) {
      fail(exchange, e);
    }
  }

  /** Returns the key to wait for, or null when it is done. */
  private @org.jspecify.annotations.Nullable LockKey beginNow(
      TransactionRequest.BeginStaging request) throws FsException {
    InodeId directory = request.directory();
    int exponent = request.partitionExponent();
    int partition = request.partition();
    TransactionId id = request.transaction();
    int slot = request.slotValue();
    if (exponent < 1
        || exponent > FileAttributes.PARTITION_EXPONENT_MAX
        || partition < 1
        || partition >= 1 << exponent
        || slot == directory.slotValue()) {
      throw new FsException(
          FsError.INVALID, "staging for partition " + partition + " of 2^" + exponent);
    }
    if (settled.contains(id)) {
      throw over(id);
    }
    // What an older transaction has promised is not a leftover yet.
    LockKey held = locks.heldPartition(directory, partition);
    if (held != null) {
      return held;
    }
    List<Share> there = store.shares(slot, directory);
    for (Share share : there) {
      TransactionId staging = share.staging();
      if (staging == null
          ? share.partition() == partition
          : staging.value() > id.value() && !staging.equals(id)) {
        throw over(id);
      }
      if (id.equals(staging) && share.partition() == partition) {
        return null;
      }
      held = locks.heldPartition(directory, share.partition());
      if (held != null && staging != null && !staging.equals(id)) {
        return held;
      }
    }
    if (!stagings.containsKey(id) && stagings.size() >= TRANSACTIONS_MAX) {
      throw new FsException(FsError.OVERLOADED, "too many directories are being spread");
    }
    Batch batch = store.batch(id);
    for (Share share : there) {
      if (share.staging() != null && !id.equals(share.staging())) {
        drop(share, batch);
      }
    }
    batch.putShare(new Share(partition, rules.stagedShare(directory, exponent), id));
    batch.commit();
    Staging staging = stagings.get(id);
    if (staging == null) {
      staging = new Staging(id);
      stagings.put(id, staging);
      staging.askLater(timing.alone().toNanos());
    }
    staging.places.add(new Place(directory, partition));
    crashPoints.reached(CrashPoint.STAGING_AFTER_BEGIN);
    return null;
  }

  private static void drop(Share share, Batch batch) throws FsException {
    InodeId directory = share.attributes().id();
    int exponent = share.attributes().partitionExponent();
    batch.removeShare(directory, share.partition());
    batch.removeEntries(
        Placement.partitionSlot(directory, share.partition()).value(),
        directory,
        Placement.firstHash(share.partition(), exponent),
        Placement.lastHash(share.partition(), exponent));
  }

  /** Stores some entries; once more is no harm. */
  public void stage(Exchange exchange, TransactionRequest.StageEntries request) {
    try {
      stageNow(request);
      exchange.reply(new Reply.Done());
    } catch (FsException e) {
      fail(exchange, e);
    }
  }

  private void stageNow(TransactionRequest.StageEntries request) throws FsException {
    InodeId directory = request.directory();
    Share share = store.share(directory, request.partition());
    if (share == null || !request.transaction().equals(share.staging())) {
      throw over(request.transaction());
    }
    FileAttributes before = share.attributes();
    if (request.sentBefore() != before.sizeBytes()) {
      if (request.sentBefore() < before.sizeBytes()) {
        return; // a copy that comes late
      }
      throw new FsException(
          FsError.CHANGED, before.sizeBytes() + " entries are staged, not " + request.sentBefore());
    }
    int exponent = before.partitionExponent();
    int subdirectories = 0;
    Batch batch = store.batch(request.transaction());
    for (StagedEntry entry : request.entries()) {
      if (Placement.partition(entry.name(), exponent) != request.partition()) {
        throw new FsException(
            FsError.INVALID, "'" + entry.name() + "' is not in partition " + share.partition());
      }
      batch.stageEntry(
          request.slotValue(), directory, entry.name(), entry.inode(), entry.fileType());
      subdirectories += entry.fileType() == FileType.DIRECTORY ? 1 : 0;
    }
    batch.putShare(
        share.with(
            AttributeEdit.of(before)
                .sizeBytes(before.sizeBytes() + request.entries().size())
                .addLinks(subdirectories)
                .done()));
    batch.commit();
    crashPoints.reached(CrashPoint.STAGING_AFTER_ENTRIES);
  }

  /** A transaction is over: what is still only staged was staged in vain. */
  void settled(TransactionId id) {
    Staging staging = stagings.get(id);
    if (staging != null) {
      staging.end();
    }
  }

  /** What one transaction stages here. */
  private final class Staging {
    private final TransactionId id;
    private final Set<Place> places = new LinkedHashSet<>();
    private final Backoff.Pauses pauses = timing.backoff().pauses(random);

    Staging(TransactionId id) {
      this.id = id;
    }

    void askLater(long afterNanos) {
      var _ = thread.schedule(this::askOutcome, afterNanos);
    }

    void askOutcome() {
      if (stagings.get(id) != this) {
        return;
      }
      thread.whenDone(
          peers.call(
              cluster.map().owner(id.coordinator()),
              new TransactionRequest.QueryOutcome(id),
              Deadline.after(timing.prepareWait())),
          (response, error) -> {
            if (response != null) {
              response.payload().release();
            }
            if (stagings.get(id) != this) {
              return;
            }
            if (response != null && response.reply() instanceof Reply.Outcome outcome) {
              switch (outcome.decision()) {
                case UNDECIDED -> askLater(timing.alone().toNanos());
                case COMMITTED -> {
                  // The promise that this needs hears of it on its own.
                  if (isStaged()) {
                    askLater(timing.alone().toNanos());
                  } else {
                    stagings.remove(id);
                  }
                }
                case ABORTED -> end();
              }
            } else {
              askLater(pauses.nextNanos());
            }
          });
    }

    private boolean isStaged() {
      try {
        for (Place place : places) {
          if (find(place) != null) {
            return true;
          }
        }
        return false;
      } catch (FsException e) {
        return true;
      }
    }

    private @org.jspecify.annotations.Nullable Share find(Place place) throws FsException {
      Share share =
          cluster.owns(Placement.partitionSlot(place.directory, place.partition).value())
              ? store.share(place.directory, place.partition)
              : null;
      return share != null && id.equals(share.staging()) ? share : null;
    }

    void end() {
      try {
        Batch batch = store.batch(id);
        boolean any = false;
        for (Place place : places) {
          Share share = find(place);
          if (share != null) {
            drop(share, batch);
            any = true;
          }
        }
        if (any) {
          batch.commit();
        }
        stagings.remove(id);
      } catch (FsException e) {
        LOG.warn("what {} has staged stays for now: {}", id, e.getMessage());
        askLater(pauses.nextNanos());
      }
    }
  }
}
