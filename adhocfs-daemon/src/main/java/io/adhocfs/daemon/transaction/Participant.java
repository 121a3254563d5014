package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.TransactionRequest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part in transactions that others coordinate: promises, written before they are given,
 * and then what was decided. Both are told when they are as safe as {@link DiskOrder} wants it. A
 * promise that nobody asks for any more is settled by asking the owner of the coordinator's slot.
 *
 * <p>Metadata thread only.
 */
public final class Participant implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(Participant.class);

  /** How many settled transactions are remembered, against late duplicates. */
  private static final int SETTLED_MAX = 1 << 16;

  private static final int PROMISED_MAX = 10_000;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final ChangeRules rules;
  private final CrashPoints crashPoints;
  private final TransactionTiming timing;
  private final RandomGenerator random;
  private final Map<TransactionId, Promised> promised = new HashMap<>();
  private final List<Promised> recovered = new ArrayList<>();
  private final Set<TransactionId> settled = new LinkedHashSet<>();
  private final Stagings stagings;

  public Participant(
      MetadataThread thread,
      MetadataStore store,
      DiskOrder diskOrder,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      ChangeRules rules,
      CrashPoints crashPoints,
      TransactionTiming timing,
      RandomGenerator random) {
    this.thread = thread;
    this.store = store;
    this.diskOrder = diskOrder;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.rules = rules;
    this.crashPoints = crashPoints;
    this.timing = timing;
    this.random = random;
    this.stagings =
        new Stagings(
            thread, store, cluster, peers, locks, rules, crashPoints, timing, random, settled);
  }

  /** Entries for partitions of directories that are being spread. */
  public Stagings stagings() {
    return stagings;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.PREPARED);
  }

  /** A promise of one slot: it holds its keys again. */
  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    var transaction = new TransactionId(Keys.number(key, 0));
    TransactionRecords.Promise promise = TransactionRecords.promise(value);
    List<LockKey.Wanted> wanted = new ArrayList<>();
    promise.changes().forEach(change -> ChangeRules.wanted(change, wanted));
    ChangeRules.wantedOfMade(promise.made(), wanted);
    locks.acquire(transaction, wanted, true);
    Promised known = promised.get(transaction);
    if (known == null) {
      known = new Promised(transaction);
      promised.put(transaction, known);
      recovered.add(known);
    }
    known.bySlot.put(slot, promise);
    settled.remove(transaction);
  }

  /** Asks what became of the promises that were found. */
  @Override
  public void takeUp(BitSet slots) {
    List<Promised> found = List.copyOf(recovered);
    recovered.clear();
    found.forEach(Promised::askOutcome);
  }

  /** Forgets the promises of slots that have gone: their new owner keeps them. */
  @Override
  public void forget(BitSet slots) {
    for (Promised promise : List.copyOf(promised.values())) {
      promise.bySlot.keySet().removeIf(slots::get);
      if (promise.bySlot.isEmpty()) {
        promised.remove(promise.id);
        locks.release(promise.id);
      }
    }
  }

  @Override
  public List<String> kept(BitSet slots) {
    List<String> kept = new ArrayList<>();
    for (Promised promise : promised.values()) {
      promise.bySlot.keySet().stream()
          .filter(slots::get)
          .forEach(slot -> kept.add("what " + promise.id + " was promised of slot " + slot));
    }
    return kept;
  }

  /** Promises that are not settled. */
  @Override
  public int pending() {
    return promised.size();
  }

  /** Answers with the promise, or with why there is none. */
  public void prepare(Exchange exchange, TransactionRequest.Prepare request) {
    long untilNanos = thread.nanoTime() + timing.prepareWait().toNanos();
    prepare(exchange, request, untilNanos);
  }

  private void prepare(Exchange exchange, TransactionRequest.Prepare request, long untilNanos) {
    TransactionId id = request.transaction();
    if (settled.contains(id)) {
      exchange.fail(FsError.CHANGED, "transaction " + id + " is settled");
      return;
    }
    try {
      for (Change change : request.changes()) {
        if (!cluster.serves(change.slotValue())) {
          exchange.fail(FsError.WRONG_OWNER, "slot " + change.slotValue() + " is not here");
          return;
        }
      }
      List<InodeId> given = givenBefore(request);
      if (given != null) {
        replyInOrder(exchange, new Reply.Prepared(given));
        return;
      }
      if (promised.size() >= PROMISED_MAX) {
        exchange.fail(FsError.OVERLOADED, "too many transactions are undecided");
        return;
      }
      List<LockKey.Wanted> wanted = new ArrayList<>();
      request.changes().forEach(change -> ChangeRules.wanted(change, wanted));
      LockKey held = locks.conflict(id, wanted);
      if (held != null) {
        locks.await(
            held,
            untilNanos,
            () -> prepare(exchange, request, untilNanos),
            error -> exchange.fail(error.error(), String.valueOf(error.getMessage())));
        return;
      }
      replyInOrder(exchange, new Reply.Prepared(promise(request, wanted)));
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
    }
  }

  /** Answers when this node can't lose any more what the answer says. */
  private void replyInOrder(Exchange exchange, Reply reply) {
    diskOrder.then(error -> {
      if (error == null) {
        exchange.reply(reply);
      } else {
        exchange.fail(error.error(), String.valueOf(error.getMessage()));
      }
    });
  }

  /** What was promised for this request before, or null. */
  private @org.jspecify.annotations.Nullable List<InodeId> givenBefore(
      TransactionRequest.Prepare request) {
    Promised before = promised.get(request.transaction());
    if (before == null) {
      return null;
    }
    List<InodeId> made = new ArrayList<>();
    for (Change change : request.changes()) {
      TransactionRecords.Promise promise = before.bySlot.get(change.slotValue());
      int index = promise == null ? -1 : promise.changes().indexOf(change);
      if (promise == null || index < 0) {
        return null;
      }
      made.add(promise.made().get(index));
    }
    return made;
  }

  private List<InodeId> promise(TransactionRequest.Prepare request, List<LockKey.Wanted> wanted)
      throws FsException {
    TransactionId id = request.transaction();
    List<InodeId> made = new ArrayList<>();
    Map<Integer, List<Change>> changesBySlot = new TreeMap<>();
    Map<Integer, List<InodeId>> madeBySlot = new TreeMap<>();
    Promised before = promised.get(id);
    if (before != null) {
      // A slot may be asked twice: first for the rename token, then for the rest.
      before.bySlot.forEach((slot, promise) -> {
        changesBySlot.put(slot, new ArrayList<>(promise.changes()));
        madeBySlot.put(slot, new ArrayList<>(promise.made()));
      });
    }
    for (Change change : request.changes()) {
      rules.validate(change);
      InodeId inode = rules.draw(change);
      made.add(inode);
      changesBySlot.computeIfAbsent(change.slotValue(), s -> new ArrayList<>()).add(change);
      madeBySlot.computeIfAbsent(change.slotValue(), s -> new ArrayList<>()).add(inode);
    }
    Map<Integer, TransactionRecords.Promise> promises = new TreeMap<>();
    Batch batch = store.batch(id);
    for (Map.Entry<Integer, List<Change>> entry : changesBySlot.entrySet()) {
      int slot = entry.getKey();
      var promise =
          new TransactionRecords.Promise(
              entry.getValue(), madeBySlot.getOrDefault(slot, List.of()));
      promises.put(slot, promise);
      batch.putPrepared(slot, id, TransactionRecords.promise(promise));
    }
    crashPoints.reached(CrashPoint.PARTICIPANT_BEFORE_PREPARED);
    batch.commit();
    crashPoints.reached(CrashPoint.PARTICIPANT_AFTER_PREPARED);
    ChangeRules.wantedOfMade(made, wanted);
    locks.acquire(id, wanted, true);
    if (before == null) {
      before = new Promised(id);
      promised.put(id, before);
      before.askLater(timing.alone().toNanos());
    }
    before.bySlot.putAll(promises);
    return made;
  }

  /** Does what was decided; once more is no harm. */
  public void decide(Exchange exchange, TransactionRequest.Decide request) {
    for (SlotId slot : request.slots()) {
      if (!cluster.serves(slot.value())) {
        exchange.fail(FsError.WRONG_OWNER, "slot " + slot.value() + " is not here");
        return;
      }
    }
    try {
      settle(request.transaction(), request.commit(), request.slots());
      replyInOrder(exchange, new Reply.Done());
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
    }
  }

  private void settle(TransactionId id, boolean commit, List<SlotId> slots) throws FsException {
    Promised promise = promised.get(id);
    if (promise == null) {
      remember(id);
      stagings.settled(id);
      return;
    }
    Batch batch = store.batch(id);
    List<Integer> done = new ArrayList<>();
    for (SlotId slot : slots) {
      TransactionRecords.Promise part = promise.bySlot.get(slot.value());
      if (part == null || done.contains(slot.value())) {
        continue;
      }
      done.add(slot.value());
      if (commit) {
        for (int i = 0; i < part.changes().size(); i++) {
          rules.apply(part.changes().get(i), part.made().get(i), batch);
        }
      }
      batch.removePrepared(slot.value(), id);
    }
    crashPoints.reached(CrashPoint.PARTICIPANT_BEFORE_APPLY);
    batch.commit();
    done.forEach(promise.bySlot::remove);
    crashPoints.reached(CrashPoint.PARTICIPANT_AFTER_APPLY);
    if (promise.bySlot.isEmpty()) {
      promised.remove(id);
      remember(id);
      stagings.settled(id);
      locks.release(id);
    }
  }

  private void remember(TransactionId id) {
    if (settled.add(id) && settled.size() > SETTLED_MAX) {
      settled.remove(settled.iterator().next());
    }
  }

  /** A transaction that this node has promised to follow. */
  private final class Promised {
    private final TransactionId id;
    private final Map<Integer, TransactionRecords.Promise> bySlot = new TreeMap<>();
    private final Backoff.Pauses pauses = timing.backoff().pauses(random);

    Promised(TransactionId id) {
      this.id = id;
    }

    void askLater(long afterNanos) {
      var _ = thread.schedule(this::askOutcome, afterNanos);
    }

    void askOutcome() {
      if (promised.get(id) != this) {
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
              if (response.reply() instanceof Reply.Outcome outcome) {
                follow(outcome.decision());
                return;
              }
            }
            askLater(pauses.nextNanos());
          });
    }

    private void follow(Reply.Decision decision) {
      if (promised.get(id) != this) {
        return;
      }
      switch (decision) {
        case UNDECIDED -> askLater(timing.alone().toNanos());
        case COMMITTED, ABORTED -> {
          List<SlotId> slots = bySlot.keySet().stream().map(SlotId::new).toList();
          try {
            settle(id, decision == Reply.Decision.COMMITTED, slots);
          } catch (FsException e) {
            LOG.warn("{} is decided and can't be settled yet: {}", id, e.getMessage());
            askLater(pauses.nextNanos());
          }
        }
      }
    }
  }
}
