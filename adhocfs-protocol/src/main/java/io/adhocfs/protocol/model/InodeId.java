package io.adhocfs.protocol.model;

/**
 * An inode's number, unique for the life of an instance and never used again: its slot in the upper
 * 16 bits, a counter of that slot in the lower 48.
 *
 * @param value the 64 bits as one number; 0 stands for no inode
 */
public record InodeId(long value) implements Comparable<InodeId> {
  private static final int COUNTER_BITS = 48;

  /** The largest counter value of a slot. */
  public static final long COUNTER_MAX = (1L << COUNTER_BITS) - 1;

  /** No inode: the parent of what has none. */
  public static final InodeId NONE = new InodeId(0);

  /** The root directory: counter 1 of slot 0, as FUSE wants it. */
  public static final InodeId ROOT = new InodeId(1);

  /** The inode with this counter in this slot; the counter is 1..{@link #COUNTER_MAX}. */
  public static InodeId of(SlotId slot, long counter) {
    if (counter < 1 || counter > COUNTER_MAX) {
      throw new IllegalArgumentException("inode counter " + counter + " of " + slot);
    }
    return new InodeId(((long) slot.value() << COUNTER_BITS) | counter);
  }

  /** The slot whose owner keeps this inode. */
  public SlotId slot() {
    return new SlotId(slotValue());
  }

  /** {@link #slot()} as a number, without an object. */
  public int slotValue() {
    return (int) (value >>> COUNTER_BITS);
  }

  /** Whether this names an inode at all. */
  public boolean exists() {
    return value != 0;
  }

  @Override
  public int compareTo(InodeId other) {
    return Long.compareUnsigned(value, other.value);
  }

  @Override
  public String toString() {
    return Long.toUnsignedString(value);
  }
}
