package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.threads.Threads;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Chunks that have been changed and have blocks without checksums, by their last change. Bounded:
 * of those that find no room it is known that there are some, and the index has to be looked
 * through for them. Thread-safe.
 */
final class OpenChunks {
  /** Names a chunk. */
  record Place(long inode, long chunk, int slot) {}

  private record Change(long number, long nanos) {}

  /** No chunk's number. */
  static final long NONE = 0;

  private final Threads threads;
  private final int max;

  /** By last change, oldest first. */
  @GuardedBy("this")
  private final LinkedHashMap<Place, Change> changed = new LinkedHashMap<>();

  @GuardedBy("this")
  private long lastNumber = NONE;

  @GuardedBy("this")
  private boolean overflowed;

  /**
   * Knows none yet.
   *
   * @param max how many it notes; 0 where nobody seals any
   */
  OpenChunks(Threads threads, int max) {
    this.threads = threads;
    this.max = max;
  }

  /** Notes that a chunk is about to be changed, or was just found open. */
  void touch(Place place) {
    if (max > 0) {
      note(place, threads.nanoTime());
    }
  }

  private synchronized void note(Place place, long nowNanos) {
    boolean known = changed.remove(place) != null;
    if (!known && changed.size() >= max) {
      overflowed = true;
      return;
    }
    lastNumber++;
    changed.put(place, new Change(lastNumber, nowNanos));
  }

  /** The number of a chunk's last change, which no other change has; NONE for one not noted. */
  synchronized long lastChange(Place place) {
    Change change = changed.get(place);
    return change == null ? NONE : change.number;
  }

  synchronized void forget(Place place) {
    changed.remove(place);
  }

  /** The chunks that have not been changed since a moment, oldest first, at most so many. */
  synchronized List<Place> idle(long sinceNanos, int most) {
    List<Place> idle = new ArrayList<>();
    for (Map.Entry<Place, Change> one : changed.entrySet()) {
      if (one.getValue().nanos - sinceNanos > 0 || idle.size() == most) {
        break;
      }
      idle.add(one.getKey());
    }
    return idle;
  }

  /** Whether there was no room for some since this was asked last. */
  synchronized boolean takeOverflowed() {
    boolean was = overflowed;
    overflowed = false;
    return was;
  }
}
