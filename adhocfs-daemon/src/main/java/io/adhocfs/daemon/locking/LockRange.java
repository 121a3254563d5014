package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.LockMode;
import java.util.ArrayList;
import java.util.List;

/**
 * A range that one owner has locked. An owner's ranges on an inode are a list in order, without
 * overlaps, in which neighbours that touch differ in mode.
 *
 * @param first the first byte
 * @param last the last byte
 */
record LockRange(long first, long last, boolean exclusive) {
  LockRange {
    if (first < 0 || last < first) {
      throw new IllegalArgumentException("a range from " + first + " to " + last);
    }
  }

  LockMode mode() {
    return exclusive ? LockMode.EXCLUSIVE : LockMode.SHARED;
  }

  private boolean overlaps(FileLock lock) {
    return first <= lock.last() && lock.first() <= last;
  }

  /** Whether it keeps another owner from setting a lock. */
  boolean isInTheWayOf(FileLock lock) {
    return overlaps(lock) && (exclusive || lock.mode() == LockMode.EXCLUSIVE);
  }

  /**
   * The ranges of an owner once it has set a lock: what it had there before is replaced (split,
   * shortened, gone), and what touches the new range in the same mode becomes one with it.
   */
  static List<LockRange> after(List<LockRange> held, FileLock lock) {
    List<LockRange> pieces = new ArrayList<>(held.size() + 2);
    boolean placed = lock.mode() == LockMode.NONE;
    for (LockRange range : held) {
      if (range.first < lock.first()) {
        append(
            pieces,
            new LockRange(range.first, Math.min(range.last, lock.first() - 1), range.exclusive));
      }
      if (!placed && range.last >= lock.first()) {
        placed = true;
        append(pieces, of(lock));
      }
      if (range.last > lock.last()) {
        append(
            pieces,
            new LockRange(Math.max(range.first, lock.last() + 1), range.last, range.exclusive));
      }
    }
    if (!placed) {
      append(pieces, of(lock));
    }
    return List.copyOf(pieces);
  }

  private static LockRange of(FileLock lock) {
    return new LockRange(lock.first(), lock.last(), lock.mode() == LockMode.EXCLUSIVE);
  }

  private static void append(List<LockRange> pieces, LockRange next) {
    if (!pieces.isEmpty()) {
      LockRange before = pieces.getLast();
      if (before.exclusive == next.exclusive && before.last + 1 == next.first) {
        pieces.set(pieces.size() - 1, new LockRange(before.first, next.last, next.exclusive));
        return;
      }
    }
    pieces.add(next);
  }
}
