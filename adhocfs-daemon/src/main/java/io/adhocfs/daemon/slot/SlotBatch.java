package io.adhocfs.daemon.slot;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Changes of records that are made whole or not at all, in their order: the last change of a key
 * counts. Keys and values belong to the batch once they are in it. Not thread-safe.
 */
public final class SlotBatch {
  private final List<RecordChange> changes = new ArrayList<>();

  /** Of the changes, without neighbours that are equal. */
  private int[] slots = new int[4];

  private int slotCount;

  private void add(byte[] key, RecordChange change) {
    changes.add(change);
    int slot = Keys.slot(key);
    if (slotCount > 0 && slots[slotCount - 1] == slot) {
      return;
    }
    if (slotCount == slots.length) {
      slots = Arrays.copyOf(slots, 2 * slotCount);
    }
    slots[slotCount++] = slot;
  }

  /** Puts a record in the place of the one that is there. */
  public void put(byte[] key, byte[] value) {
    add(key, new RecordChange.Put(key, value));
  }

  /** Removes a record if it is there. */
  public void remove(byte[] key) {
    add(key, new RecordChange.Removed(key));
  }

  /**
   * Removes all records from a key (inclusive) to another (exclusive).
   *
   * @throws IllegalArgumentException for keys of two slots
   */
  public void removeRange(byte[] from, byte[] to) {
    if (Keys.slot(from) != Keys.slot(to)) {
      throw new IllegalArgumentException("a range over several slots");
    }
    add(from, new RecordChange.RangeRemoved(from, to));
  }

  /** How many changes there are. */
  public int size() {
    return changes.size();
  }

  public boolean isEmpty() {
    return changes.isEmpty();
  }

  /** The changes in their order, as they are now; not to be changed. */
  public Iterable<RecordChange> changes() {
    return changes;
  }

  /** The first slot of a change that does not meet a condition; -1 = there is none. */
  public int firstSlotWithout(IntPredicate condition) {
    for (int i = 0; i < slotCount; i++) {
      if (!condition.test(slots[i])) {
        return slots[i];
      }
    }
    return -1;
  }

  /** Has it hold nothing any more. */
  public void clear() {
    changes.clear();
    slotCount = 0;
  }
}
