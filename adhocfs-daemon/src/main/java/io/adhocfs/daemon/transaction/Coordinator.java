package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.TransactionRequest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs operations that change several keys. Where this node owns all of them, one batch does it.
 * Otherwise the parts are locked and promised in ascending order of slots, this node's among them,
 * and the decision is one batch here: own changes, the outcome, the reply. Without that batch the
 * transaction never happened (presumed abort), so an abort leaves no record. Nobody hears of a
 * decision before it is as safe as {@link DiskOrder} wants it.
 *
 * <p>Metadata thread only.
 */
public final class Coordinator implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

  /** How many operations may be under way. */
  private static final int ACTIVE_MAX = 10_000;

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

  /** Undecided transactions. What is neither here nor in {@link #committed} is aborted. */
  private final Map<TransactionId, Attempt> active = new HashMap<>();

  /** Transactions that are being made ready: undecided too. */
  private final Set<TransactionId> preparing = new HashSet<>();

  /** Committed transactions that not every participant has confirmed. */
  private final Map<TransactionId, Delivery> committed = new HashMap<>();

  /** Of those, what was found and is not being delivered yet. */
  private final List<Delivery> recovered = new ArrayList<>();

  private int running;

  public Coordinator(
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
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.DECISION);
  }

  /** A decision: its participants will hear of it again. */
  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    var transaction = new TransactionId(Keys.number(key, 0));
    var delivery = new Delivery(transaction, TransactionRecords.slots(value));
    committed.put(transaction, delivery);
    recovered.add(delivery);
  }

  @Override
  public void takeUp(BitSet slots) {
    List<Delivery> found = List.copyOf(recovered);
    recovered.clear();
    found.forEach(Delivery::send);
  }

  /**
   * Forgets the decisions of slots that have gone: their new owner delivers them. What is undecided
   * there ends, for good: to whoever asks the new owner it is aborted.
   */
  @Override
  public void forget(BitSet slots) {
    for (Attempt attempt : List.copyOf(active.values())) {
      if (!attempt.decided && slots.get(attempt.id.coordinator().value())) {
        attempt.abort(new FsException(FsError.WRONG_OWNER, "its slot has gone to another node"));
      }
    }
    committed.keySet().removeIf(id -> slots.get(id.coordinator().value()));
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots,
        committed.keySet().stream(),
        id -> id.coordinator().value(),
        id -> "the decision of " + id);
  }

  /** Transactions that are undecided or not confirmed by all. */
  @Override
  public int pending() {
    return active.size() + preparing.size() + committed.size();
  }

  /** What became of a transaction of a slot that this node owns. */
  public Reply.Decision outcome(TransactionId transaction) {
    if (committed.containsKey(transaction)) {
      return Reply.Decision.COMMITTED;
    }
    return active.containsKey(transaction) || preparing.contains(transaction)
        ? Reply.Decision.UNDECIDED
        : Reply.Decision.ABORTED;
  }

  /**
   * Runs an operation and answers its ticket: with the plan's answer, with what no plan can mend,
   * or OVERLOADED when it can't be done in time.
   *
   * @param slot of this node, in whose name the operation runs
   */
  public void run(Ticket ticket, int slot, Planner planner) {
    if (running >= ACTIVE_MAX) {
      ticket.fail(FsError.OVERLOADED, "too many operations over several slots are under way");
      return;
    }
    running++;
    new Operation(ticket, slot, planner).attempt();
  }

  /** Takes the outcome of a transaction. */
  public interface Outcome {
    void committed();

    void aborted(FsException error);
  }

  /**
   * Begins a transaction that no client has asked for, and that must be made ready first: it counts
   * as undecided until it is concluded or abandoned.
   *
   * @param slot of this node
   */
  public TransactionId begin(int slot) throws FsException {
    TransactionId id = store.drawTransaction(slot);
    preparing.add(id);
    return id;
  }

  /** Gives up a transaction that was begun. Locks that it holds are the caller's business. */
  public void abandon(TransactionId id) {
    preparing.remove(id);
  }

  /**
   * Makes the changes of a transaction that was begun, all or none, once: what does not fit any
   * more aborts it. Locks that it holds already are given up in the end, either way.
   */
  public void conclude(TransactionId id, List<Change> changes, Outcome outcome) {
    var attempt =
        new Attempt(
            new Purpose() {
              @Override
              public void store(Batch batch, Reply reply) {}

              @Override
              public void succeed(Reply reply) {
                outcome.committed();
              }

              @Override
              public void failed(FsException error) {
                outcome.aborted(error);
              }
            },
            Plan.of(changes, made -> new Reply.Done()),
            id);
    attempt.begin();
    preparing.remove(id);
  }

  /** What a transaction is made for. */
  private interface Purpose {
    /** Adds the reply to the batch of the decision. */
    void store(Batch batch, Reply reply) throws FsException;

    void succeed(Reply reply);

    void failed(FsException error);
  }

  /** One operation, however often it is planned anew. */
  private final class Operation implements Planner.Sink, Purpose {
    private final Ticket ticket;
    private final int slot;
    private final Planner planner;
    private final List<EntryKey> looksAt;
    private final long deadlineNanos = thread.nanoTime() + timing.operation().toNanos();
    private final Backoff.Pauses pauses = timing.backoff().pauses(random);

    Operation(Ticket ticket, int slot, Planner planner) {
      this.ticket = ticket;
      this.slot = slot;
      this.planner = planner;
      this.looksAt = planner.looksAt();
    }

    void attempt() {
      if (ticket.isSettled()) {
        running--;
        return;
      }
      if (!cluster.serves(slot)) {
        running--;
        ticket.fail(FsError.WRONG_OWNER, "slot " + slot + " goes to another node");
        return;
      }
      if (!locks.isEmpty()) {
        LockKey held = locks.exclusiveInode(planner.looksAtInode());
        for (EntryKey entry : looksAt) {
          if (held == null) {
            held = locks.heldEntry(entry);
          }
          if (held == null) {
            held = locks.exclusiveDirectory(entry);
          }
        }
        if (held != null) {
          locks.await(held, deadlineNanos, this::attempt, this::failed);
          return;
        }
      }
      try {
        planner.plan(this);
      } catch (FsException e) {
        failed(e);
      } catch (RuntimeException e) {
        LOG.error("an operation of slot {} failed", slot, e);
        failed(new FsException(FsError.INTERNAL, String.valueOf(e)));
      }
    }

    @Override
    public void planned(Plan plan) {
      if (plan.changes().isEmpty()) {
        succeed(plan.answer().apply(InodeId.NONE));
        return;
      }
      boolean alone = plan.underToken() == null;
      for (Change change : plan.changes()) {
        alone &= cluster.owns(change.slotValue());
      }
      try {
        if (alone) {
          changeAlone(plan);
        } else {
          new Attempt(this, plan, store.drawTransaction(slot)).begin();
        }
      } catch (FsException e) {
        failed(e);
      }
    }

    private void changeAlone(Plan plan) throws FsException {
      if (!locks.isEmpty()) {
        List<LockKey.Wanted> wanted = new ArrayList<>();
        plan.changes().forEach(change -> ChangeRules.wanted(change, wanted));
        LockKey held = locks.conflict(this, wanted);
        if (held != null) {
          locks.await(held, deadlineNanos, this::attempt, this::failed);
          return;
        }
      }
      InodeId made = InodeId.NONE;
      for (Change change : plan.changes()) {
        rules.validate(change);
        if (change instanceof Change.NewDirectory) {
          made = rules.draw(change);
        }
      }
      Reply reply = plan.answer().apply(made);
      Batch batch = store.batch();
      for (Change change : plan.changes()) {
        rules.apply(change, made, batch);
      }
      ticket.store(batch, reply);
      batch.whole();
      batch.commit();
      crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
      succeed(reply);
    }

    @Override
    public void store(Batch batch, Reply reply) throws FsException {
      ticket.store(batch, reply);
    }

    @Override
    public void succeed(Reply reply) {
      running--;
      ticket.reply(reply);
    }

    /** Fails, or tries again where that may help. */
    @Override
    public void failed(FsException error) {
      if (!error.error().isPassing()) {
        running--;
        ticket.fail(error);
        return;
      }
      long pauseNanos = pauses.nextNanos();
      if (thread.nanoTime() + pauseNanos - deadlineNanos > 0) {
        running--;
        ticket.fail(FsError.OVERLOADED, "not done in time: " + error.getMessage());
        return;
      }
      var _ = thread.schedule(this::attempt, pauseNanos);
    }
  }

  /** Changes of neighbouring slots of one node. */
  private record Step(NodeId owner, List<Change> changes) {
    List<SlotId> slots() {
      return changes.stream().map(change -> new SlotId(change.slotValue())).distinct().toList();
    }
  }

  /** One transaction: one try of one plan. */
  private final class Attempt {
    private final Purpose purpose;
    private final Plan plan;
    private final TransactionId id;
    private final List<Step> steps = new ArrayList<>();

    /** Slots of those that may have promised. */
    private final Map<NodeId, List<SlotId>> asked = new TreeMap<>();

    private InodeId made = InodeId.NONE;
    private int next;
    private boolean decided;

    Attempt(Purpose purpose, Plan plan, TransactionId id) {
      this.purpose = purpose;
      this.plan = plan;
      this.id = id;
      if (plan.underToken() != null) {
        // Alone, since nothing else may be locked while ancestors are asked.
        steps.add(
            new Step(cluster.map().owner(SlotId.ROOT), List.of(new Change.TakeRenameToken())));
      }
      NodeId owner = null;
      List<Change> run = List.of();
      for (Change change : plan.changes()) {
        NodeId changeOwner = cluster.map().owner(new SlotId(change.slotValue()));
        if (!changeOwner.equals(owner)) {
          owner = changeOwner;
          run = new ArrayList<>();
          steps.add(new Step(owner, run));
        }
        run.add(change);
      }
    }

    void begin() {
      active.put(id, this);
      proceed();
    }

    @SuppressWarnings("ReferenceEquality") // An attempt is nothing but itself.
    private boolean isOver() {
      return active.get(id) != this;
    }

    private boolean isOwn(Step step) {
      return step.owner().equals(cluster.self());
    }

    private void proceed() {
      if (isOver()) {
        return;
      }
      if (next == steps.size()) {
        decide();
        return;
      }
      Step step = steps.get(next);
      if (isOwn(step)) {
        lockOwn(step);
      } else {
        askToPrepare(step);
      }
    }

    private void stepDone() {
      next++;
      Plan.Check check = plan.underToken();
      if (next == 1 && check != null) {
        check.run(error -> {
          if (error == null) {
            proceed();
          } else {
            abort(error);
          }
        });
      } else {
        proceed();
      }
    }

    private void lockOwn(Step step) {
      if (isOver()) {
        return;
      }
      List<LockKey.Wanted> wanted = new ArrayList<>();
      step.changes().forEach(change -> ChangeRules.wanted(change, wanted));
      LockKey held = locks.conflict(id, wanted);
      if (held != null) {
        long untilNanos = thread.nanoTime() + timing.prepareWait().toNanos();
        locks.await(held, untilNanos, () -> lockOwn(step), this::abort);
        return;
      }
      try {
        for (Change change : step.changes()) {
          rules.validate(change);
          if (change instanceof Change.NewDirectory) {
            made = rules.draw(change);
          }
        }
      } catch (FsException e) {
        abort(e);
        return;
      }
      locks.acquire(id, wanted, false);
      stepDone();
    }

    private void askToPrepare(Step step) {
      crashPoints.reached(CrashPoint.COORDINATOR_BEFORE_PREPARE);
      asked.computeIfAbsent(step.owner(), owner -> new ArrayList<>()).addAll(step.slots());
      // The participant gives up waiting before this side does.
      Deadline deadline = Deadline.after(timing.prepareWait().multipliedBy(2));
      thread.whenDone(
          peers.call(step.owner(), new TransactionRequest.Prepare(id, step.changes()), deadline),
          (response, error) -> {
            if (error != null) {
              abort(error);
              return;
            }
            if (response == null) {
              throw new IllegalStateException("neither an answer nor an error");
            }
            response.payload().release();
            crashPoints.reached(CrashPoint.COORDINATOR_AFTER_PREPARE);
            if (isOver()) {
              return;
            }
            if (response.reply() instanceof Reply.Prepared prepared) {
              for (InodeId inode : prepared.inodes()) {
                if (inode.exists()) {
                  made = inode;
                }
              }
              stepDone();
            } else {
              abort(
                  new FsException(
                      FsError.INTERNAL, "a prepare was answered by " + response.reply().type()));
            }
          });
    }

    private void decide() {
      crashPoints.reached(CrashPoint.COORDINATOR_BEFORE_DECISION);
      List<Integer> remoteSlots = new ArrayList<>();
      asked.values().forEach(slots -> slots.forEach(slot -> remoteSlots.add(slot.value())));
      Reply reply = plan.answer().apply(made);
      try {
        Batch batch = store.batch(id);
        for (Step step : steps) {
          if (isOwn(step)) {
            for (Change change : step.changes()) {
              rules.apply(change, made, batch);
            }
          }
        }
        if (!remoteSlots.isEmpty()) {
          batch.putDecision(id, TransactionRecords.slots(remoteSlots));
        }
        purpose.store(batch, reply);
        batch.commit();
      } catch (FsException e) {
        abort(e);
        return;
      }
      decided = true;
      crashPoints.reached(CrashPoint.COORDINATOR_AFTER_DECISION);
      if (remoteSlots.isEmpty()) {
        active.remove(id);
        purpose.succeed(reply);
        locks.release(id);
      } else {
        tellInOrder(remoteSlots, reply, timing.backoff().pauses(random));
      }
    }

    /** Until this node can't lose the decision any more, the transaction counts as undecided. */
    private void tellInOrder(List<Integer> remoteSlots, Reply reply, Backoff.Pauses pauses) {
      diskOrder.then(error -> {
        if (error != null) {
          LOG.warn("the decision of {} is not on the disk yet: {}", id, error.getMessage());
          var _ =
              thread.schedule(() -> tellInOrder(remoteSlots, reply, pauses), pauses.nextNanos());
          return;
        }
        active.remove(id);
        // A slot that went meanwhile took the decision along: its new owner delivers it.
        if (cluster.owns(id.coordinator().value())) {
          var delivery = new Delivery(id, remoteSlots);
          committed.put(id, delivery);
          purpose.succeed(reply);
          delivery.send();
        } else {
          purpose.succeed(reply);
        }
        locks.release(id);
      });
    }

    private void abort(FsException error) {
      if (isOver()) {
        return;
      }
      active.remove(id);
      asked.forEach((node, slots) ->
          // Those that don't hear it ask.
          thread.whenDone(
              peers.call(
                  node,
                  new TransactionRequest.Decide(id, false, slots),
                  Deadline.after(timing.prepareWait())),
              (response, failure) -> {
                if (response != null) {
                  response.payload().release();
                }
              }));
      purpose.failed(error);
      locks.release(id);
    }
  }

  /** Tells the participants of a commit until all have confirmed. */
  private final class Delivery {
    private final TransactionId id;
    private final List<Integer> unconfirmed;
    private final Backoff.Pauses pauses = timing.backoff().pauses(random);
    private int underWay;

    Delivery(TransactionId id, List<Integer> slots) {
      this.id = id;
      this.unconfirmed = new ArrayList<>(slots);
    }

    @SuppressWarnings("ReferenceEquality") // A delivery is nothing but itself.
    void send() {
      if (committed.get(id) != this) {
        return; // gone with its slot
      }
      if (unconfirmed.isEmpty()) {
        forget();
        return;
      }
      crashPoints.reached(CrashPoint.COORDINATOR_BEFORE_DECIDE);
      Map<NodeId, List<SlotId>> byOwner = new TreeMap<>();
      for (int value : unconfirmed) {
        var slot = new SlotId(value);
        byOwner.computeIfAbsent(cluster.map().owner(slot), owner -> new ArrayList<>()).add(slot);
      }
      underWay = byOwner.size();
      byOwner.forEach((node, slots) ->
          thread.whenDone(
              peers.call(
                  node,
                  new TransactionRequest.Decide(id, true, slots),
                  Deadline.after(timing.prepareWait())),
              (response, error) -> {
                if (response != null) {
                  response.payload().release();
                  unconfirmed.removeAll(slots.stream().map(SlotId::value).toList());
                } else if (error != null && !error.error().isPassing()) {
                  LOG.warn("{} has not taken commit {}: {}", node, id, error.getMessage());
                }
                answered();
              }));
      crashPoints.reached(CrashPoint.COORDINATOR_AFTER_DECIDE);
    }

    private void answered() {
      if (--underWay > 0) {
        return;
      }
      if (unconfirmed.isEmpty()) {
        forget();
      } else {
        var _ = thread.schedule(this::send, pauses.nextNanos());
      }
    }

    @SuppressWarnings("ReferenceEquality")
    private void forget() {
      if (committed.get(id) != this) {
        return;
      }
      crashPoints.reached(CrashPoint.COORDINATOR_BEFORE_FORGET);
      try {
        Batch batch = store.batch();
        batch.removeDecision(id);
        batch.commit();
        committed.remove(id);
      } catch (FsException e) {
        LOG.warn("the decision of {} stays for now: {}", id, e.getMessage());
        var _ = thread.schedule(this::send, pauses.nextNanos());
      }
    }
  }
}
