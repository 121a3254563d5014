package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.RpcClient;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One of the sessions that this client has had: what it opened and locked, the numbers of its
 * operations, its connections, and where it has ended. Thread-safe.
 *
 * <p>A session ends at one node and lives on at the others. What it held at that node, in the slots
 * that were the node's, is lost for good; that is what {@link #lossOf} tells. As an inode's pins
 * and locks lie in its slot, a handle is as alive as its inode's slot is in the handle's session.
 */
public final class Session {
  private static final int NOT_LOST = -1;

  /** In the place of how often it is used. */
  private static final int CLOSED = Integer.MIN_VALUE;

  /** Slots that a node gave to others since this session was last confirmed there. */
  private static final class GivenAway {
    final BitSet slots = new BitSet(SlotId.COUNT);
    long lastTick;
  }

  /**
   * Where this session has ended. Never changes.
   *
   * @param ticks when that was heard of each node
   * @param nodeOfSlot at which node a slot was lost; -1 = not
   */
  private record Losses(Map<NodeId, Long> ticks, int[] nodeOfSlot) {}

  private static final Losses NONE = new Losses(Map.of(), emptySlots());

  private final SessionId id;
  final RpcClient rpc;
  final Acquiring acquiring;
  final Sequences sequences = new Sequences();

  /** Everybody who has been sent something: he may know the session, answer or not. */
  private final Set<NodeId> asked = ConcurrentHashMap.newKeySet();

  /** How many pins, requests and the like are of this session; below 0 = it is closed. */
  private final AtomicInteger uses = new AtomicInteger();

  private volatile Losses losses = NONE;

  /** Whether this process was stopped for longer than the lease. */
  private volatile boolean overslept;

  /** Whether another session takes what is new. */
  private volatile boolean superseded;

  /** Until when the lease holds, by the timers' clock, whoever may be heard. */
  private volatile long leaseEndNanos;

  /** Moments in the order in which they came. */
  @GuardedBy("this")
  private long tick;

  @GuardedBy("this")
  private final Map<NodeId, GivenAway> givenAway = new HashMap<>();

  /** A renewal that is sent; when, by the clock too. */
  record Renewal(long tick, long nanos) {}

  /** The last renewal that a node has answered. */
  @GuardedBy("this")
  private final Map<NodeId, Renewal> confirmed = new HashMap<>();

  Session(SessionId id, RpcClient rpc, Acquiring acquiring, long leaseEndNanos) {
    this.id = id;
    this.rpc = rpc;
    this.acquiring = acquiring;
    this.leaseEndNanos = leaseEndNanos;
  }

  private static int[] emptySlots() {
    var slots = new int[SlotId.COUNT];
    Arrays.fill(slots, NOT_LOST);
    return slots;
  }

  public SessionId id() {
    return id;
  }

  @Override
  public String toString() {
    return id.toString();
  }

  // Who has heard of it --------------------------------------------------------------------------

  void noteAsked(NodeId node) {
    if (!asked.contains(node)) {
      asked.add(node);
    }
  }

  Set<NodeId> asked() {
    return asked;
  }

  /** The nodes that may know it, that are there by a map, and where it has not ended. */
  List<NodeId> nodesThatKnow(ClusterMap map) {
    return asked.stream()
        .filter(id -> {
          ClusterMap.Node node = map.node(id);
          return node == null || node.isMember();
        })
        .filter(id -> lossAt(id) == null)
        .toList();
  }

  // What is lost ---------------------------------------------------------------------------------

  /** Why what this session opened or locked of an inode is lost; null if it is not. */
  public @Nullable FsException lossOf(InodeId inode) {
    if (overslept) {
      return oversleptLoss();
    }
    int node = losses.nodeOfSlot[inode.slotValue()];
    return node == NOT_LOST ? null : lossOfWhatWasAt(new NodeId(node));
  }

  /** Whether what this session opened or locked of an inode is still there. */
  public boolean isAlive(InodeId inode) {
    return !overslept && losses.nodeOfSlot[inode.slotValue()] == NOT_LOST;
  }

  /** Why nothing of this session goes to a node; null if it may. */
  @Nullable FsException lossAt(NodeId node) {
    if (overslept) {
      return oversleptLoss();
    }
    return losses.ticks.containsKey(node) ? lossOfWhatWasAt(node) : null;
  }

  /** Whether it has ended nowhere, as far as this client has heard. */
  boolean isWhole() {
    return !overslept && losses.ticks.isEmpty();
  }

  boolean isOverslept() {
    return overslept;
  }

  private static FsException oversleptLoss() {
    return new FsException(
        FsError.SESSION_EXPIRED,
        "this process was stopped for longer than its lease: what it had open or locked is lost;"
            + " open the file again");
  }

  private static FsException lossOfWhatWasAt(NodeId node) {
    return new FsException(
        FsError.SESSION_EXPIRED,
        "the lease ran out at node "
            + node
            + ", which did not hear of this client for that long: what was open or locked there is"
            + " lost; open the file again");
  }

  /**
   * A node has said that the session has ended there.
   *
   * @return the slots of which everything is lost by that; null if that is nothing new
   */
  synchronized @Nullable BitSet lose(NodeId node, ClusterMap map) {
    Losses before = losses;
    if (overslept) {
      return null;
    }
    var lost = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (map.ownerValue(slot) == node.value()) {
        lost.set(slot);
      }
    }
    GivenAway elsewhere = givenAway.remove(node);
    if (elsewhere != null) {
      lost.or(elsewhere.slots);
    }
    boolean isKnown = before.ticks.containsKey(node);
    Map<NodeId, Long> ticks = new HashMap<>(before.ticks);
    if (!isKnown) {
      ticks.put(node, ++tick);
    }
    BitSet added = lost(before, ticks, lost, node);
    return isKnown && added.isEmpty() ? null : added;
  }

  @GuardedBy("this")
  private BitSet lost(Losses before, Map<NodeId, Long> ticks, BitSet lost, NodeId node) {
    int[] slots = before.nodeOfSlot.clone();
    var added = new BitSet(SlotId.COUNT);
    lost.stream().filter(slot -> slots[slot] == NOT_LOST).forEach(added::set);
    added.stream().forEach(slot -> slots[slot] = node.value());
    losses = new Losses(Map.copyOf(ticks), slots);
    return added;
  }

  /** All that this session had is lost, unless that was known; the slots that were not yet. */
  private synchronized @Nullable BitSet loseAll() {
    if (overslept) {
      return null;
    }
    overslept = true;
    var lost = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      lost.set(slot, losses.nodeOfSlot[slot] == NOT_LOST);
    }
    return lost;
  }

  /**
   * Slots have other owners. What this session has in a slot goes with it: whoever gets slots of a
   * node that may have something may have it then, and is renewed as well.
   *
   * @return at which node slots are lost by that, as they come to or from where the session has
   *     ended
   */
  synchronized Map<NodeId, BitSet> follow(ClusterMap before, ClusterMap after) {
    Map<NodeId, BitSet> lost = new HashMap<>();
    Losses known = losses;
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      int from = before.ownerValue(slot);
      int to = after.ownerValue(slot);
      if (from == to) {
        continue;
      }
      var giver = new NodeId(from);
      var heir = new NodeId(to);
      NodeId loser = known.ticks.containsKey(giver) ? giver : heir;
      if (known.ticks.containsKey(loser)) {
        lost.computeIfAbsent(loser, _ -> new BitSet(SlotId.COUNT)).set(slot);
      }
      if (!known.ticks.containsKey(giver) && asked.contains(giver)) {
        GivenAway given = givenAway.computeIfAbsent(giver, _ -> new GivenAway());
        given.slots.set(slot);
        given.lastTick = tick + 1;
        asked.add(heir);
      }
    }
    tick++;
    lost.replaceAll((node, slots) -> lost(losses, losses.ticks, slots, node));
    return lost;
  }

  // What is confirmed ----------------------------------------------------------------------------

  /** A renewal is about to be sent; what {@link #confirmedAt} is told when it is answered. */
  synchronized Renewal renewing(long nowNanos) {
    return new Renewal(++tick, nowNanos);
  }

  /** A node has answered a renewal. */
  synchronized void confirmedAt(NodeId node, Renewal renewal) {
    confirmed.merge(node, renewal, (known, newer) -> newer.tick > known.tick ? newer : known);
    GivenAway given = givenAway.get(node);
    if (given != null && renewal.tick > given.lastTick) {
      givenAway.remove(node);
    }
  }

  /**
   * Whether a node has confirmed this session since another was heard to have ended it, and not too
   * long ago: a node that did not hear of it since may have ended it as well.
   *
   * @param sinceNanos the renewal must not have been sent before this
   */
  synchronized boolean isConfirmedAt(NodeId node, NodeId sinceEndAt, long sinceNanos) {
    Long endTick = losses.ticks.get(sinceEndAt);
    Renewal last = confirmed.get(node);
    return last != null && (endTick == null || last.tick > endTick) && last.nanos - sinceNanos >= 0;
  }

  // The clock ------------------------------------------------------------------------------------

  /**
   * Lets the lease hold until a moment, unless it has run out meanwhile. A process that has been
   * stopped for so long must not go on as if nothing had happened; others may have got its locks.
   *
   * @return false if everything is lost
   */
  boolean extendLease(long nowNanos, long untilNanos) {
    if (overslept || nowNanos - leaseEndNanos > 0) {
      return false;
    }
    leaseEndNanos = untilNanos;
    return true;
  }

  /** The slots that are lost because the lease has run out by now; null if none or known. */
  @Nullable BitSet overslept(long nowNanos) {
    return !overslept && nowNanos - leaseEndNanos > 0 ? loseAll() : null;
  }

  // For how long it is needed --------------------------------------------------------------------

  /** One more that needs this session, until {@link Sessions#release}; false if it is closed. */
  boolean tryRetain() {
    while (true) {
      int now = uses.get();
      if (now < 0) {
        return false;
      }
      if (uses.compareAndSet(now, now + 1)) {
        return true;
      }
    }
  }

  /** Whether that was the last, and nothing new will come. */
  boolean release() {
    int left = uses.decrementAndGet();
    if (left < 0) {
      throw new IllegalStateException("session " + id + " is released too often");
    }
    return left == 0 && superseded;
  }

  /** Nothing new comes to it. */
  void supersede() {
    superseded = true;
  }

  /** Closes it unless somebody needs it; whether this call did. */
  boolean tryClose() {
    return superseded && uses.compareAndSet(0, CLOSED);
  }

  boolean isClosed() {
    return uses.get() < 0;
  }

  /** Why nothing is sent in it once it is closed. */
  FsException closure() {
    return new FsException(
        FsError.SESSION_EXPIRED, "session " + this + " has been closed: open the file again");
  }
}
