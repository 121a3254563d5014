package io.adhocfs.protocol.model;

/**
 * One of the {@value #COUNT} shares of everything an instance stores: the unit of placement,
 * ownership and migration.
 */
public record SlotId(int value) implements Comparable<SlotId> {
  /** How many slots every instance has; part of the on-disk and wire format. */
  public static final int COUNT = 1 << 16;

  /** The slot of the root directory. */
  public static final SlotId ROOT = new SlotId(0);

  public SlotId {
    if (value < 0 || value >= COUNT) {
      throw new IllegalArgumentException("slot " + value + " is not in 0.." + (COUNT - 1));
    }
  }

  /** The slot that the low 16 bits of a hash name. */
  public static SlotId ofHash(long hash) {
    return new SlotId((int) (hash & (COUNT - 1)));
  }

  @Override
  public int compareTo(SlotId other) {
    return Integer.compare(value, other.value);
  }

  @Override
  public String toString() {
    return "slot " + value;
  }
}
