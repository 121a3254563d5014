package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.RpcClient;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions of this client, of which the newest takes whatever is new. One that has ended at a
 * node gets a successor, which begins by itself when something new comes; the older one goes on at
 * the other nodes for as long as something of it is there. Thread-safe.
 */
public final class Sessions {
  private static final Logger log = LoggerFactory.getLogger(Sessions.class);

  /** Hears that something is lost; on any thread, which must not be blocked. */
  @FunctionalInterface
  public interface LossListener {
    /**
     * All that a session had in these slots is lost.
     *
     * @param node where it has ended; null = everywhere, since this process was stopped
     */
    void lost(Session session, @Nullable NodeId node, BitSet slots);
  }

  private final ConnectionSource connections;
  private final Supplier<SessionId> ids;
  private final Function<Session, SessionKeeper> keepers;
  private final Function<RpcClient, Acquiring> acquiring;
  private final Supplier<ClusterMap> map;
  private final Timers timers;

  /** One and its keeper. */
  private record Kept(Session session, SessionKeeper keeper) {}

  private final List<Kept> live = new CopyOnWriteArrayList<>();
  private volatile @Nullable Session newest;
  private volatile LossListener listener = (_, _, _) -> {};

  @GuardedBy("this")
  private boolean started;

  @GuardedBy("this")
  private boolean stopped;

  /**
   * @param map what is known now
   */
  Sessions(
      ConnectionSource connections,
      Supplier<SessionId> ids,
      Function<RpcClient, Acquiring> acquiring,
      Function<Session, SessionKeeper> keepers,
      Supplier<ClusterMap> map,
      Timers timers) {
    this.connections = connections;
    this.ids = ids;
    this.acquiring = acquiring;
    this.keepers = keepers;
    this.map = map;
    this.timers = timers;
  }

  /** Sets who hears of losses. Once, before anything is opened. */
  public void onLoss(LossListener whoHears) {
    listener = whoHears;
  }

  /** Renews sessions from now on; once, when the map is known. */
  public synchronized void start() {
    started = true;
    live.forEach(kept -> kept.keeper.start());
  }

  /** The session for what is new: one that has ended nowhere, as far as is known. */
  public Session newest() {
    Session now = newest;
    return now != null && isWhole(now) ? now : successor();
  }

  /** The newest session, to be released. */
  Session retainNewest() {
    while (true) {
      Session now = newest();
      if (tryRetain(now)) {
        return now;
      }
    }
  }

  /** The session that an operation runs in; the newest for one that has not begun. */
  Session of(Operation operation) {
    Session session = operation.session();
    if (session == null) {
      session = newest();
      operation.goOnIn(session);
    }
    return session;
  }

  private boolean isWhole(Session session) {
    checkClock(session);
    return session.isWhole();
  }

  private synchronized Session successor() {
    Session last = newest;
    if (last != null && (stopped || last.isWhole())) {
      return last;
    }
    SessionId id = ids.get();
    RpcClient rpc = connections.connect(id);
    // Its keeper says until when its lease holds.
    var next = new Session(id, rpc, acquiring.apply(rpc), timers.nanoTime() + Long.MAX_VALUE / 2);
    SessionKeeper keeper = keepers.apply(next);
    live.add(new Kept(next, keeper));
    // Whoever changes the map meanwhile tells all that are live.
    rpc.useMap(map.get());
    newest = next;
    if (started) {
      keeper.start();
    }
    if (last != null) {
      log.info("a new session {} begins; what is opened from now on is its", id);
      last.supersede();
      retire(last);
    }
    return next;
  }

  /** Finds out whether this process was stopped for longer than a session's lease. */
  public void checkClock(Session session) {
    BitSet slots = session.overslept(timers.nanoTime());
    if (slots != null) {
      listener.lost(session, null, slots);
    }
  }

  /** A node has said that a session has ended there. */
  void ended(Session session, NodeId node) {
    BitSet slots = session.lose(node, map.get());
    if (slots != null) {
      listener.lost(session, node, slots);
    }
  }

  /** Takes in what an answer says of the session that it came in, which is released. */
  void answered(Session session, NodeId node, @Nullable Throwable failure) {
    if (failure != null && Failures.errorOf(failure) == FsError.SESSION_EXPIRED) {
      ended(session, node);
    }
    release(session);
  }

  /** Slots have other owners. */
  void follow(ClusterMap before, ClusterMap after) {
    for (Kept kept : live) {
      Map<NodeId, BitSet> lost = kept.session.follow(before, after);
      lost.forEach((node, slots) -> {
        if (!slots.isEmpty()) {
          listener.lost(kept.session, node, slots);
        }
      });
    }
  }

  void useMap(ClusterMap newer) {
    live.forEach(kept -> kept.session.rpc.useMap(newer));
  }

  /** A node may have been started anew. */
  void restarted(NodeId node) {
    live.forEach(kept -> kept.session.acquiring.lost(node));
  }

  /**
   * Has a session stay until {@link #release}, however new others are.
   *
   * @return false if it is over; nothing is to be released then
   */
  public boolean tryRetain(Session session) {
    return session.tryRetain();
  }

  /** One that needed a session needs it no longer. */
  public void release(Session session) {
    if (session.release()) {
      retire(session);
    }
  }

  /** Ends a session that nobody needs, where it has not ended by itself. */
  private void retire(Session session) {
    if (!session.tryClose()) {
      return;
    }
    List<Kept> over = live.stream().filter(kept -> kept.session.equals(session)).toList();
    live.removeAll(over);
    for (Kept kept : over) {
      Completion.then(kept.keeper.close(SessionKeeper.CLOSE_LIMIT), (_, _) -> session.rpc.close());
    }
  }

  /**
   * Ends all sessions at the nodes that know them. Completes when all have answered or the time is
   * over; what can't be told now ends with the lease.
   */
  CompletableFuture<Void> close(Duration limit) {
    synchronized (this) {
      stopped = true;
    }
    List<Kept> all = List.copyOf(live);
    return Parallel.run(all.size(), all.size() + 1, i -> all.get(i).keeper.close(limit));
  }

  /** Drops all connections: what is under way fails with CLOSED. */
  void disconnect() {
    live.forEach(kept -> kept.session.rpc.close());
  }
}
