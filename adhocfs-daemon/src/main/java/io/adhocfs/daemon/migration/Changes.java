package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.slot.ChunkWritten;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordChange;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotChange;
import io.adhocfs.daemon.slot.SlotStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What changes in slots while they are being sent: noted after each change, by whoever made it, so
 * that reading what is noted finds the change or a later one. Thread-safe.
 */
final class Changes implements SlotStream.Listener {
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
    static Change ofRecord(byte[] key, int valueBytes) {
      return new Change(true, 0, 0, (long) key.length + valueBytes);
    }

    Change and(Change other) {
      long written = writtenBytes + other.writtenBytes;
      return whole || other.whole
          ? new Change(true, 0, 0, written)
          : new Change(
              false, Math.min(fromByte, other.fromByte), Math.max(toByte, other.toByte), written);
    }
  }

  /**
   * What has been noted.
   *
   * @param ranges keys that went together, to be done before the rest: a key in one that was put
   *     again is in {@code keys}
   */
  record Noted(List<RecordChange.RangeRemoved> ranges, Map<Key, Change> keys) {
    int size() {
      return ranges.size() + keys.size();
    }

    /** How many bytes were written, each time counted. */
    long writtenBytes() {
      return keys.values().stream().mapToLong(Change::writtenBytes).sum();
    }
  }

  @GuardedBy("this")
  private Map<Key, Change> changed = new HashMap<>();

  @GuardedBy("this")
  private List<RecordChange.RangeRemoved> ranges = new ArrayList<>();

  /** Takes out all that has been noted, and answers what of it is of these slots. */
  Noted take(BitSet slots) {
    List<RecordChange.RangeRemoved> takenRanges;
    Map<Key, Change> taken;
    synchronized (this) {
      takenRanges = ranges;
      taken = changed;
      ranges = new ArrayList<>();
      changed = new HashMap<>();
    }
    takenRanges.removeIf(range -> !slots.get(range.slot()));
    taken.keySet().removeIf(key -> !slots.get(Keys.slot(key.bytes)));
    return new Noted(takenRanges, taken);
  }

  private synchronized void note(byte[] key, Change change) {
    changed.merge(new Key(key), change, Change::and);
  }

  @Override
  public void changed(SlotChange change) {
    switch (change) {
      case RecordChange.Put(byte[] key, byte[] value) ->
          note(key, Change.ofRecord(key, value.length));
      case RecordChange.Removed(byte[] key) -> note(key, Change.ofRecord(key, 0));
      case RecordChange.RangeRemoved range -> {
        synchronized (this) {
          ranges.add(range);
        }
      }
      case ChunkWritten written ->
          note(
              Keys.key(
                  written.slot(), RecordKind.CHUNK, written.inode().value(), written.chunkIndex()),
              new Change(
                  false,
                  written.fromByte(),
                  written.toByte(),
                  written.toByte() - written.fromByte()));
    }
  }
}
