package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.SlotId;
import java.util.BitSet;
import java.util.PrimitiveIterator;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** A set of slots, in ascending order; at most 8 KiB. Immutable. */
public final class SlotSet implements Iterable<Integer> {
  public static final SlotSet EMPTY = new SlotSet(new BitSet());

  private final BitSet slots;
  private final int size;

  private SlotSet(BitSet slots) {
    this.slots = slots;
    this.size = slots.cardinality();
  }

  /**
   * The set of these slots, in any order.
   *
   * @throws IllegalArgumentException for a number that is no slot's
   */
  public static SlotSet of(int... slots) {
    return of(IntStream.of(slots));
  }

  /** As {@link #of(int...)}. */
  public static SlotSet of(IntStream slots) {
    var set = new BitSet(SlotId.COUNT);
    slots.forEach(slot -> {
      if (slot < 0 || slot >= SlotId.COUNT) {
        throw new IllegalArgumentException("slot " + slot);
      }
      set.set(slot);
    });
    return new SlotSet(set);
  }

  public int size() {
    return size;
  }

  public boolean isEmpty() {
    return size == 0;
  }

  public boolean contains(int slot) {
    return slot >= 0 && slots.get(slot);
  }

  public boolean intersects(SlotSet other) {
    return slots.intersects(other.slots);
  }

  /** The slots that are in this set and not in the other. */
  public SlotSet minus(SlotSet other) {
    var left = (BitSet) slots.clone();
    left.andNot(other.slots);
    return new SlotSet(left);
  }

  /** The slots that are in either. */
  public SlotSet plus(SlotSet other) {
    var both = (BitSet) slots.clone();
    both.or(other.slots);
    return new SlotSet(both);
  }

  /** The slots in ascending order. */
  public IntStream stream() {
    return slots.stream();
  }

  /** The first slot that is not below a number and is in the set, or -1. */
  public int nextFrom(int slot) {
    return slots.nextSetBit(slot);
  }

  /** The first number that is not below this one and is not in the set. */
  public int nextMissingFrom(int slot) {
    return slots.nextClearBit(slot);
  }

  /** Calls with each slot, in ascending order, without objects. */
  public void forEachSlot(IntConsumer action) {
    for (int slot = slots.nextSetBit(0); slot >= 0; slot = slots.nextSetBit(slot + 1)) {
      action.accept(slot);
    }
  }

  @Override
  public PrimitiveIterator.OfInt iterator() {
    return slots.stream().iterator();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SlotSet set && slots.equals(set.slots);
  }

  @Override
  public int hashCode() {
    return slots.hashCode();
  }

  /** The number of slots and the first runs. */
  @Override
  public String toString() {
    var text = new StringBuilder().append(size).append(size == 1 ? " slot" : " slots");
    int runs = 0;
    for (int start = nextFrom(0); start >= 0; start = nextFrom(nextMissingFrom(start))) {
      if (runs == 4) {
        return text.append(", ...").toString();
      }
      int last = nextMissingFrom(start) - 1;
      text.append(runs == 0 ? " " : ", ").append(start);
      if (last > start) {
        text.append('-').append(last);
      }
      runs++;
    }
    return text.toString();
  }
}
