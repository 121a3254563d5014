package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.SessionId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who waits for locks of inodes of this node, in order of arrival. Metadata thread only. */
final class LockQueues {
  private static final int WAITERS_MAX = 1 << 16;

  /** So many blockers of a waiter are looked at when it is asked who waits for whom. */
  static final int BLOCKERS_MAX = 64;

  /** So many owners are looked at; a longer chain is taken for none. */
  private static final int OWNERS_MAX = 1024;

  private record Key(SessionId session, long number) {}

  private final LockTable table;
  private final Map<InodeId, Map<Key, Waiter>> byInode = new HashMap<>();
  private final Map<LockOwner, Set<Waiter>> byOwner = new HashMap<>();
  private final Map<SessionId, Set<Waiter>> bySession = new HashMap<>();
  private int waiters;

  LockQueues(LockTable table) {
    this.table = table;
  }

  private static Key key(Waiter waiter) {
    return new Key(waiter.holder.owner().session(), waiter.number);
  }

  @Nullable Waiter find(InodeId inode, SessionId session, long number) {
    Map<Key, Waiter> queue = byInode.get(inode);
    return queue == null ? null : queue.get(new Key(session, number));
  }

  /**
   * Adds a waiter at the end.
   *
   * @throws FsException OVERLOADED
   */
  void add(Waiter waiter) throws FsException {
    if (waiters >= WAITERS_MAX) {
      throw new FsException(FsError.OVERLOADED, "too many wait for locks here");
    }
    waiters++;
    byInode
        .computeIfAbsent(waiter.holder.inode(), inode -> new LinkedHashMap<>())
        .put(key(waiter), waiter);
    byOwner.computeIfAbsent(waiter.holder.owner(), owner -> new HashSet<>()).add(waiter);
    bySession
        .computeIfAbsent(waiter.holder.owner().session(), session -> new LinkedHashSet<>())
        .add(waiter);
  }

  void remove(Waiter waiter) {
    Map<Key, Waiter> queue = byInode.get(waiter.holder.inode());
    if (queue == null || !queue.remove(key(waiter), waiter)) {
      return;
    }
    waiters--;
    if (queue.isEmpty()) {
      byInode.remove(waiter.holder.inode());
    }
    LockOwner owner = waiter.holder.owner();
    drop(byOwner, owner, waiter);
    drop(bySession, owner.session(), waiter);
  }

  private static <K> void drop(Map<K, Set<Waiter>> index, K key, Waiter waiter) {
    index.computeIfPresent(
        key,
        (same, known) -> {
          known.remove(waiter);
          return known.isEmpty() ? null : known;
        });
  }

  /** Those who wait at an inode, the first first; a copy. */
  List<Waiter> at(InodeId inode) {
    Map<Key, Waiter> queue = byInode.get(inode);
    return queue == null ? List.of() : List.copyOf(queue.values());
  }

  /** Everybody; a copy. */
  List<Waiter> all() {
    List<Waiter> all = new ArrayList<>(waiters);
    byInode.values().forEach(queue -> all.addAll(queue.values()));
    return all;
  }

  /** Those of a session; a copy. */
  List<Waiter> of(SessionId session) {
    return List.copyOf(bySession.getOrDefault(session, Set.of()));
  }

  boolean isWaiting(SessionId session) {
    return bySession.containsKey(session);
  }

  /** How many requests of a session are held back. */
  int heldBack(SessionId session) {
    int held = 0;
    for (Waiter waiter : bySession.getOrDefault(session, Set.of())) {
      held += waiter.exchange == null ? 0 : 1;
    }
    return held;
  }

  Collection<Waiter> of(LockOwner owner) {
    return byOwner.getOrDefault(owner, Set.of());
  }

  /** Removes those who have not asked again in time. */
  void removeExpired(long nowNanos) {
    List<Waiter> expired = new ArrayList<>();
    for (Map<Key, Waiter> queue : byInode.values()) {
      for (Waiter waiter : queue.values()) {
        if (waiter.exchange == null && waiter.expiresNanos - nowNanos <= 0) {
          expired.add(waiter);
        }
      }
    }
    expired.forEach(this::remove);
  }

  boolean isEmpty() {
    return waiters == 0;
  }

  /** Whether one who is blocked by these would wait, by way of others who wait here, for itself. */
  boolean closesCycle(LockOwner asking, List<LockOwner> blockers) {
    Set<LockOwner> seen = new HashSet<>(blockers);
    var next = new ArrayList<>(blockers);
    while (!next.isEmpty() && seen.size() <= OWNERS_MAX) {
      for (Waiter waiter : of(next.removeLast())) {
        if (waiter.holder.kind() == LockKind.FLOCK) {
          continue;
        }
        for (LockOwner blocker : table.blockers(waiter.holder, waiter.lock, BLOCKERS_MAX)) {
          if (blocker.equals(asking)) {
            return true;
          }
          if (seen.add(blocker)) {
            next.add(blocker);
          }
        }
      }
    }
    return false;
  }
}
