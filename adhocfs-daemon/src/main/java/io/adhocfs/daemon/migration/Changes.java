package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.service.DataService;
import io.adhocfs.daemon.storage.Keys;
import io.adhocfs.daemon.storage.RecordKind;
import io.adhocfs.daemon.storage.StorageDatabase;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * What changes in slots while they are being sent: noted after each change, by whoever made it, so
 * that reading what is noted finds the change or a later one. Thread-safe.
 */
final class Changes implements StorageDatabase.KeyWatch, DataService.WriteWatch {
  /** A key, by its bytes. */
  record Key(byte[] bytes) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key key && Arrays.equals(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }
  }

  /**
   * How a key has changed.
   *
   * @param whole the record has, and with that of a chunk anything of its bytes
   * @param fromByte with {@code toByte} (exclusive) what bytes of the chunk have; empty = none
   * @param writtenBytes how many bytes were written, each time counted
   */
  record Change(boolean whole, int fromByte, int toByte, long writtenBytes) {
    Change and(Change other) {
      long written = writtenBytes + other.writtenBytes;
      return whole || other.whole
          ? new Change(true, 0, 0, written)
          : new Change(
              false, Math.min(fromByte, other.fromByte), Math.max(toByte, other.toByte), written);
    }
  }

  /** Keys of a slot that went together: from one of them (inclusive) to another (exclusive). */
  record Range(byte[] from, byte[] to) {
    int slot() {
      return Keys.slot(from);
    }
  }

  /**
   * What has been noted.
   *
   * @param ranges to be done before the rest: a key in one that was put again is in {@code keys}
   */
  record Noted(List<Range> ranges, Map<Key, Change> keys) {
    int size() {
      return ranges.size() + keys.size();
    }

    /** How many bytes were written, each time counted. */
    long writtenBytes() {
      return keys.values().stream().mapToLong(Change::writtenBytes).sum();
    }
  }

  /** Replaced whole; null bits = nothing is watched. */
  private volatile BitSet watched = new BitSet();

  @GuardedBy("this")
  private final Map<Key, Change> changed = new HashMap<>();

  @GuardedBy("this")
  private final List<Range> ranges = new ArrayList<>();

  /** Notes changes of these slots from now on. */
  synchronized void begin(BitSet slots) {
    var after = (BitSet) watched.clone();
    after.or(slots);
    watched = after;
  }

  /** Notes nothing more of these slots, and forgets what was noted. */
  synchronized void end(BitSet slots) {
    var after = (BitSet) watched.clone();
    after.andNot(slots);
    watched = after;
    changed.keySet().removeIf(key -> slots.get(Keys.slot(key.bytes)));
    ranges.removeIf(range -> slots.get(range.slot()));
  }

  boolean isEmpty() {
    return watched.isEmpty();
  }

  /** Takes out what has been noted of these slots. */
  synchronized Noted take(BitSet slots) {
    List<Range> takenRanges = new ArrayList<>();
    ranges.removeIf(range -> slots.get(range.slot()) && takenRanges.add(range));
    Map<Key, Change> taken = new HashMap<>();
    for (Iterator<Map.Entry<Key, Change>> all = changed.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<Key, Change> one = all.next();
      if (slots.get(Keys.slot(one.getKey().bytes))) {
        taken.put(one.getKey(), one.getValue());
        all.remove();
      }
    }
    return new Noted(takenRanges, taken);
  }

  private synchronized void note(byte[] key, Change change) {
    changed.merge(new Key(key), change, Change::and);
  }

  @Override
  public void changed(byte[] key, int valueBytes) {
    if (watched.get(Keys.slot(key)) && !Keys.isOfNode(key)) {
      note(key, new Change(true, 0, 0, (long) key.length + valueBytes));
    }
  }

  @Override
  public void changedRange(byte[] from, byte[] to) {
    if (Keys.slot(from) != Keys.slot(to)) {
      throw new IllegalStateException("a range over several slots");
    }
    if (watched.get(Keys.slot(from))) {
      synchronized (this) {
        ranges.add(new Range(from, to));
      }
    }
  }

  @Override
  public void written(InodeId inode, FileLayout layout, List<ChunkSpan> spans) {
    BitSet slots = watched;
    if (slots.isEmpty()) {
      return;
    }
    for (ChunkSpan span : spans) {
      int slot = Placement.chunkSlot(layout, span.chunkIndex()).value();
      if (slots.get(slot)) {
        note(
            Keys.key(slot, RecordKind.CHUNK, inode.value(), span.chunkIndex()),
            new Change(
                false,
                span.offsetBytes(),
                span.offsetBytes() + span.lengthBytes(),
                span.lengthBytes()));
      }
    }
  }
}
