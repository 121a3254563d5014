package io.adhocfs.daemon.locking;

import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.SessionId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;

/** All locks that are held on inodes of this node. Metadata thread only. */
final class LockTable {
  /** A record is written whole at each change. */
  private static final int RANGES_OF_HOLDER_MAX = 4096;

  private static final int RANGES_MAX = 1 << 20;

  private final Map<InodeId, Map<Holder, HeldLocks>> byInode = new HashMap<>();
  private final Map<SessionId, Set<Holder>> bySession = new HashMap<>();
  private int ranges;

  /** Takes up what a record says. */
  void recover(Holder holder, HeldLocks held) {
    set(holder, held);
  }

  private void set(Holder holder, HeldLocks held) {
    ranges += held.ranges().size() - held(holder).ranges().size();
    if (held.ranges().isEmpty()) {
      byInode.computeIfPresent(
          holder.inode(),
          (inode, holders) -> {
            holders.remove(holder);
            return holders.isEmpty() ? null : holders;
          });
      bySession.computeIfPresent(
          holder.owner().session(),
          (session, holders) -> {
            holders.remove(holder);
            return holders.isEmpty() ? null : holders;
          });
    } else {
      byInode.computeIfAbsent(holder.inode(), inode -> new LinkedHashMap<>()).put(holder, held);
      bySession
          .computeIfAbsent(holder.owner().session(), session -> new LinkedHashSet<>())
          .add(holder);
    }
  }

  /** Forgets the locks of slots that have gone; their records are another's business. */
  void forget(BitSet slots) {
    List<Holder> gone = new ArrayList<>();
    byInode.forEach((inode, holders) -> {
      if (slots.get(inode.slotValue())) {
        gone.addAll(holders.keySet());
      }
    });
    gone.forEach(holder -> set(holder, HeldLocks.NONE));
  }

  /** The inodes that locks are held on. */
  Set<InodeId> inodes() {
    return byInode.keySet();
  }

  HeldLocks held(Holder holder) {
    Map<Holder, HeldLocks> holders = byInode.get(holder.inode());
    return holders == null ? HeldLocks.NONE : holders.getOrDefault(holder, HeldLocks.NONE);
  }

  boolean holdsAnything(SessionId session) {
    return bySession.containsKey(session);
  }

  Collection<Holder> holdersOf(SessionId session) {
    return bySession.getOrDefault(session, Set.of());
  }

  /**
   * Puts a change of a holder's locks into a batch; memory follows when it is committed.
   *
   * @throws FsException TOO_MANY_LOCKS, or what the storage says
   */
  void change(Holder holder, HeldLocks after, Batch batch) throws FsException {
    int before = held(holder).ranges().size();
    int now = after.ranges().size();
    if (now > before && (now > RANGES_OF_HOLDER_MAX || ranges + now - before > RANGES_MAX)) {
      throw new FsException(FsError.TOO_MANY_LOCKS, "too many locks on inode " + holder.inode());
    }
    LockOwner owner = holder.owner();
    byte kind = (byte) holder.kind().code();
    if (now == 0) {
      batch.removeLock(holder.inode(), owner.session(), owner.number(), kind);
    } else {
      batch.putLock(holder.inode(), owner.session(), owner.number(), kind, after.encoded());
    }
    batch.afterCommit(() -> set(holder, after));
  }

  private void forEachInTheWay(
      Holder asking, FileLock lock, BiPredicate<Holder, LockRange> untilFalse) {
    Map<Holder, HeldLocks> holders = byInode.get(asking.inode());
    if (holders == null) {
      return;
    }
    for (Map.Entry<Holder, HeldLocks> entry : holders.entrySet()) {
      Holder holder = entry.getKey();
      if (holder.kind() == asking.kind() && !holder.owner().equals(asking.owner())) {
        for (LockRange range : entry.getValue().ranges()) {
          if (range.isInTheWayOf(lock)) {
            if (!untilFalse.test(holder, range)) {
              return;
            }
            break;
          }
        }
      }
    }
  }

  boolean isFree(Holder asking, FileLock lock) {
    var free = new boolean[] {true};
    forEachInTheWay(
        asking,
        lock,
        (holder, range) -> {
          free[0] = false;
          return false;
        });
    return free[0];
  }

  /** Those whose locks are in the way, not more than so many. */
  List<LockOwner> blockers(Holder asking, FileLock lock, int max) {
    List<LockOwner> found = new ArrayList<>();
    forEachInTheWay(
        asking,
        lock,
        (holder, range) -> {
          found.add(holder.owner());
          return found.size() < max;
        });
    return found;
  }

  /** A lock that is in the way. */
  record Conflict(LockRange range, LockKind kind, LockOwner owner, int pid) {}

  /** The first lock in the way, by its place in the file; empty = none. */
  List<Conflict> firstInTheWay(Holder asking, FileLock lock) {
    List<Conflict> found = new ArrayList<>(1);
    forEachInTheWay(
        asking,
        lock,
        (holder, range) -> {
          if (found.isEmpty() || range.first() < found.getFirst().range().first()) {
            found.clear();
            found.add(new Conflict(range, holder.kind(), holder.owner(), held(holder).pid()));
          }
          return true;
        });
    return found;
  }
}
