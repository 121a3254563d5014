package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.chunk.ChunkTransfer;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.control.InstanceLink;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.data.DataService;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.service.MigrationRequestHandler;
import io.adhocfs.daemon.slot.SlotParts;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.daemon.throttle.Throttling;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RpcClient;
import java.time.Duration;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part in changing who owns what: follows the agreed state, hands over what is wanted
 * elsewhere, batch by batch, takes up what has come, and drops what has gone. Resumes by itself
 * after a restart, since all it goes by is the agreed state.
 *
 * <p>Thread-safe.
 */
public final class Migrator implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Migrator.class);

  /** Batches are no smaller than this, so that empty slots go in few of them. */
  private static final int SLOTS_MIN = 4096;

  private static final Duration QUESTION = Duration.ofSeconds(2);
  private static final long SAY_NANOS = 10_000_000_000L;
  private static final long LOOK_NANOS = 100_000_000L;
  private static final long WAKE_NANOS = 500_000_000L;
  private static final long AGAIN_NANOS = 500_000_000L;
  private static final Duration CONFIRMATION = Duration.ofSeconds(20);
  private static final Duration PAUSE_PROPOSAL = Duration.ofSeconds(10);
  private static final long DRAIN_SECONDS = 10;

  private final NodeId self;
  private final ClusterState cluster;
  private final ControlPlane control;
  private final MetadataThread metadataThread;
  private final SlotParts slots;
  private final DataService data;
  private final SlotStorage storage;
  private final RpcClient client;
  private final CrashPoints crashPoints;
  private final Departure departure;
  private final RateLimit limit;
  private final Throttling throttling;
  private final Threads threads;

  /** Everything that takes slots in or drops them, in order. */
  private final ExecutorService takingIn;

  private final ExecutorService handingOver;

  private final SlotReceiver receiver;
  private final AtomicBoolean waking = new AtomicBoolean();

  /** Slots of batches under way. */
  @GuardedBy("this")
  private final BitSet inBatches = new BitSet(SlotId.COUNT);

  @GuardedBy("this")
  private int batches;

  @GuardedBy("this")
  private long lastBatch;

  @GuardedBy("this")
  private boolean closed;

  @GuardedBy("this")
  private boolean leaving;

  /**
   * Whether the state known here is no older than the start of this process, as far as it counts.
   */
  private volatile boolean current;

  /** Id of the rebalance that left-overs were last looked for in; 0 = none. Metadata thread. */
  private long sweptIn;

  /** Completes with the next change of the map or when this is closed. */
  @GuardedBy("this")
  private CompletableFuture<@Nullable Void> news = new CompletableFuture<>();

  public Migrator(
      Threads threads,
      MetadataThread metadataThread,
      InstanceLink link,
      SlotParts slots,
      DataService data,
      SlotStore records,
      ChunkTransfer chunks,
      Throttling throttling,
      CrashPoints crashPoints,
      Departure departure) {
    this.threads = threads;
    this.limit = new RateLimit(threads);
    this.takingIn = threads.single("adhocfs-take-in");
    this.handingOver = threads.many("adhocfs-hand-over");
    this.cluster = link.cluster();
    this.self = cluster.self();
    this.control = link.control();
    this.client = link.client();
    this.metadataThread = metadataThread;
    this.slots = slots;
    this.data = data;
    this.storage = new SlotStorage(records, chunks);
    this.throttling = throttling;
    this.crashPoints = crashPoints;
    this.departure = departure;
    this.receiver = new SlotReceiver(cluster, control, storage, takingIn, crashPoints);
  }

  /** What answers nodes that hand slots over to this one. */
  public MigrationRequestHandler receiver() {
    return receiver;
  }

  /** Begins to follow what is agreed on. Once. */
  public void start() {
    takeInLater(this::sweepWhenCurrent);
    cluster.installer(this::install);
    control.onChange(state -> metadataThread.execute(() -> follow(state)));
  }

  private BitSet strangers() {
    var strangers = new BitSet(SlotId.COUNT);
    strangers.set(0, SlotId.COUNT);
    strangers.andNot(cluster.ownedSlots());
    return strangers;
  }

  /**
   * Drops what an earlier process has left of slots that are not this node's, once it is certain
   * whose they are: a batch that had come whole may have become this node's meanwhile, or may yet.
   * On the thread that takes in.
   */
  private void sweepWhenCurrent() {
    try {
      if (storage.used(strangers()).isEmpty()) {
        current = true;
        return;
      }
    } catch (FsException e) {
      LOG.warn("slots of other nodes are not looked for: {}", e.getMessage());
      return;
    }
    var _ =
        control
            .confirmed(Deadline.after(CONFIRMATION))
            .whenComplete((state, error) -> {
              if (state != null) {
                current = true;
                sweepLater();
              } else if (FsException.of(error).error() != FsError.CLOSED) {
                LOG.info(
                    "what is here of other nodes' slots stays for now: {}", error.getMessage());
                var _ = metadataThread.schedule(this::sweepWhenCurrentLater, AGAIN_NANOS);
              }
            });
  }

  private void sweepWhenCurrentLater() {
    takeInLater(this::sweepWhenCurrent);
  }

  /** Runs something on the thread that takes in, unless this ends. */
  private void takeInLater(Runnable work) {
    try {
      takingIn.execute(work);
    } catch (RejectedExecutionException e) {
      LOG.debug("this daemon ends: {}", e.getMessage());
    }
  }

  private void sweepLater() {
    takeInLater(() -> {
      BitSet slots = strangers();
      receiver.forget(slot -> slots.get(slot) && isLeftOver(slot));
      drop(slots, () -> {});
    });
  }

  /**
   * Whether what is here of a slot is nobody's: it is not this node's, and not on its way here.
   * While a rebalance wants it here, its source may have proposed that it is, and only the source
   * knows; should it begin anew, what is here goes first.
   */
  private boolean isLeftOver(int slot) {
    ControlState state = control.state();
    return !cluster.owns(slot)
        && !isGivenUp(cluster.map())
        && state.map().ownerValue(slot) != self.value()
        && !isWantedHere(state, slot);
  }

  private boolean isWantedHere(ControlState state, int slot) {
    Rebalance running = state.rebalance();
    return running != null && running.targetValue(slot) == self.value();
  }

  /** Goes by a newer state. Metadata thread. */
  private void follow(ControlState state) {
    install(state.map());
    Rebalance running = state.rebalance();
    long id = running == null ? 0 : running.id();
    if (id != sweptIn && current) {
      sweptIn = id;
      sweepLater();
    }
    limit.set(running == null ? 0 : running.bytesPerSecond(), running != null && running.paused());
    ClusterMap.Node own = state.map().node(self);
    if (isGivenUp(state.map())) {
      return;
    }
    if (own != null && !own.isMember()) {
      leave();
      return;
    }
    handOver();
  }

  /** Takes over a newer map on the metadata thread, and waits for it. */
  private void install(ClusterMap map) {
    if (metadataThread.isCurrent()) {
      installHere(map);
      return;
    }
    var done = new CompletableFuture<Void>();
    try {
      metadataThread.execute(() -> {
        try {
          installHere(map);
        } finally {
          done.complete(null);
        }
      });
      done.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | RejectedExecutionException e) {
      LOG.debug("a newer map comes too late: {}", e.getMessage());
    }
  }

  /** Takes over a newer map, and what follows from it. Metadata thread: nothing comes between. */
  private void installHere(ClusterMap map) {
    BitSet before = slots.takenUp();
    ClusterMap newest = cluster.map().merge(map);
    BitSet after = newest.slotsOf(self);
    BitSet come = without(after, before);
    BitSet gone = without(before, after);
    if (isGivenUp(newest)) {
      cluster.installNow(newest);
      takeInLater(this::persist);
      departure.givenUp();
      return;
    }
    if (!come.isEmpty()) {
      slots.expect(come);
      dropBefore(newest, come);
    }
    if (!gone.isEmpty()) {
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_BEFORE_LETTING_GO);
    }
    cluster.installNow(newest);
    if (!come.isEmpty()) {
      try {
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_BEFORE_TAKE_UP);
        slots.takeUp(come);
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_TAKE_UP);
      } catch (FsException e) {
        // What is in the records of these slots can't be read; each request that needs it says so.
        LOG.error("not all that was under way in {} slots goes on", come.cardinality(), e);
      }
    }
    if (!gone.isEmpty()) {
      slots.forget(gone);
      cluster.letGo(gone);
      takeInLater(
          () -> drop(gone, () -> crashPoints.reached(CrashPoint.MIGRATION_SOURCE_WHILE_DROPPING)));
    }
    if (!come.isEmpty() || !gone.isEmpty()) {
      tellNews();
      takeInLater(this::persist);
    }
  }

  private void tellNews() {
    CompletableFuture<@Nullable Void> told;
    synchronized (this) {
      told = news;
      news = new CompletableFuture<>();
    }
    told.complete(null);
  }

  private boolean isGivenUp(ClusterMap map) {
    return map.lost().nodes().contains(self);
  }

  /** A slot that was lost comes empty: what its owner had sent of it goes before it is taken up. */
  private void dropBefore(ClusterMap newest, BitSet come) {
    LostSlots known = cluster.map().lost();
    var lost = new BitSet(SlotId.COUNT);
    come.stream()
        .filter(slot -> newest.lost().lossOf(slot) > known.lossOf(slot))
        .forEach(lost::set);
    try {
      storage.drop(lost, slot -> true);
    } catch (FsException e) {
      LOG.error("not all that had come of lost slots is dropped", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void persist() {
    try {
      cluster.persist();
    } catch (FsException e) {
      LOG.warn("the newest map is not on disk: {}", e.getMessage());
    }
  }

  /** Those of the slots that are not among others. */
  static BitSet without(BitSet all, BitSet some) {
    var rest = (BitSet) all.clone();
    rest.andNot(some);
    return rest;
  }

  /**
   * Drops what is left over of slots. On the thread that takes in.
   *
   * @param beforeEach run before each slot that has something
   */
  private void drop(BitSet slots, Runnable beforeEach) {
    try {
      storage.drop(
          slots,
          slot -> {
            beforeEach.run();
            return isLeftOver(slot);
          });
    } catch (FsException e) {
      LOG.warn("what has gone takes space until the next rebalance: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void leave() {
    synchronized (this) {
      if (leaving || closed) {
        return;
      }
      leaving = true;
    }
    // Behind whatever is being dropped.
    takeInLater(() ->
        handingOver.execute(() -> {
          try {
            awaitSuccessors();
            departure.gone();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        }));
  }

  /**
   * Waits until those that vote are nodes that stay, and have agreed on something: before that,
   * what was agreed on could go with the nodes that leave.
   */
  private void awaitSuccessors() throws InterruptedException {
    long saidNanos = threads.nanoTime();
    while (!nodesThatStayVote() || !isConfirmed()) {
      if (threads.nanoTime() - saidNanos > SAY_NANOS) {
        saidNanos = threads.nanoTime();
        LOG.info(
            "this node has left, and waits until those that stay have taken over: {}",
            control.state().voters());
      }
      awaitQuietly(threads.after(LOOK_NANOS));
    }
  }

  private void awaitQuietly(CompletableFuture<@Nullable Void> future) throws InterruptedException {
    try {
      threads.await(future);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private boolean nodesThatStayVote() {
    ControlState state = control.state();
    return state.voters().stream().allMatch(state.map()::isMember);
  }

  private boolean isConfirmed() throws InterruptedException {
    try {
      var _ = threads.await(control.confirmed(Deadline.after(QUESTION)));
      return true;
    } catch (ExecutionException e) {
      return false;
    }
  }

  /** Begins as many batches as there may be. */
  private synchronized void handOver() {
    Rebalance wanted = control.state().rebalance();
    if (wanted == null || wanted.paused() || closed || !isAnnounced()) {
      return;
    }
    while (batches < wanted.batchesAtOnce()) {
      Handover next = next(wanted);
      if (next == null) {
        return;
      }
      handingOver.execute(() -> run(next, wanted.id()));
    }
  }

  /**
   * Whether all that hear of a move from this node hear of this start of it, too: it may have lost
   * what clients have written and not synced.
   */
  private boolean isAnnounced() {
    ClusterMap.Node agreed = control.state().map().node(self);
    return agreed != null && agreed.incarnation() >= own().incarnation();
  }

  @GuardedBy("this")
  private @Nullable Handover next(Rebalance wanted) {
    var byTarget = new TreeMap<Integer, BitSet>();
    BitSet own = cluster.ownedSlots();
    for (int slot = own.nextSetBit(0); slot >= 0; slot = own.nextSetBit(slot + 1)) {
      int target = wanted.targetValue(slot);
      if (target != self.value() && !inBatches.get(slot)) {
        byTarget.computeIfAbsent(target, node -> new BitSet(SlotId.COUNT)).set(slot);
      }
    }
    // The target with the most to come, so that all are done at about the same time.
    Map.Entry<Integer, BitSet> most = null;
    for (Map.Entry<Integer, BitSet> entry : byTarget.entrySet()) {
      if (most == null || entry.getValue().cardinality() > most.getValue().cardinality()) {
        most = entry;
      }
    }
    if (most == null) {
      return null;
    }
    BitSet slots = share(most.getValue(), wanted.batchesAtOnce());
    inBatches.or(slots);
    batches++;
    return new Handover(
        threads,
        new Handover.Batch(
            wanted.id(),
            BatchNumber.of(own(), ++lastBatch),
            self,
            new NodeId(most.getKey()),
            slots),
        storage,
        client,
        control,
        limit,
        throttling,
        new HeldSlots(),
        crashPoints);
  }

  private ClusterMap.Node own() {
    ClusterMap.Node own = cluster.map().node(self);
    if (own == null) {
      throw new IllegalStateException("a node that is not in its map");
    }
    return own;
  }

  /** A part of what is to go to one target, so that others can go at the same time. */
  private static BitSet share(BitSet slots, int parts) {
    int count = Math.max(SLOTS_MIN, slots.cardinality() / parts + 1);
    if (slots.cardinality() <= count) {
      return slots;
    }
    var part = new BitSet(SlotId.COUNT);
    for (int slot = slots.nextSetBit(0); slot >= 0 && count-- > 0; ) {
      part.set(slot);
      slot = slots.nextSetBit(slot + 1);
    }
    return part;
  }

  private void run(Handover handover, long rebalance) {
    boolean again = false;
    try {
      handover.run();
    } catch (FsException e) {
      again = true;
      LOG.info("{} comes later: {} {}", handover, e.error(), e.getMessage());
      if (e.error() == FsError.NO_SPACE) {
        pause(rebalance, String.valueOf(e.getMessage()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      again = true;
      LOG.error("{} failed", handover, e);
    } finally {
      synchronized (this) {
        inBatches.andNot(handover.offered());
        batches--;
      }
    }
    if (again) {
      var _ = metadataThread.schedule(this::handOver, AGAIN_NANOS);
    } else {
      handOver();
    }
  }

  private void pause(long rebalance, String reason) {
    String text = reason.length() > 200 ? reason.substring(0, 200) : reason;
    try {
      var _ =
          threads.await(
              control.propose(
                  new ControlCommand.Pause(rebalance, text), Deadline.after(PAUSE_PROPOSAL)));
    } catch (ExecutionException e) {
      LOG.warn("the rebalance is not paused: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Those that wait for held slots look at the clock now and then. */
  private void wakeWaitingLater() {
    if (cluster.holdsAny() && !waking.getAndSet(true)) {
      var _ =
          metadataThread.schedule(
              () -> {
                waking.set(false);
                cluster.wakeWaiting();
                wakeWaitingLater();
              },
              WAKE_NANOS);
    }
  }

  private final class HeldSlots implements Handover.Source {
    @Override
    public void hold(BitSet slots) throws FsException, InterruptedException {
      var held = new CompletableFuture<Void>();
      // On the metadata thread: nothing of it is in the middle of anything then.
      metadataThread.execute(() -> {
        cluster.hold(slots);
        held.complete(null);
        wakeWaitingLater();
      });
      try {
        threads.await(held);
      } catch (ExecutionException e) {
        throw FsException.of(e);
      }
      data.awaitRunning();
    }

    @Override
    public void letGo(BitSet slots) {
      cluster.letGo(slots);
    }

    @Override
    public void awaitGone(BitSet slots) throws InterruptedException {
      while (true) {
        CompletableFuture<@Nullable Void> next;
        synchronized (Migrator.this) {
          next = news;
          if (closed) {
            return;
          }
        }
        if (!cluster.ownedSlots().intersects(slots)) {
          return;
        }
        awaitQuietly(next);
      }
    }
  }

  /** Ends batches where they are, and waits for what uses the storage. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    tellNews();
    Set<ExecutorService> all = new HashSet<>(Set.of(takingIn, handingOver));
    all.forEach(ExecutorService::shutdownNow);
    boolean interrupted = false;
    for (ExecutorService threads : all) {
      try {
        if (!threads.awaitTermination(DRAIN_SECONDS, TimeUnit.SECONDS)) {
          LOG.warn("a batch of slots does not end");
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
