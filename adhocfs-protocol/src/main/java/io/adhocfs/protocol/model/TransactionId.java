package io.adhocfs.protocol.model;

/**
 * An operation over several slots, never used again: its coordinator's slot in the upper 16 bits,
 * so that a participant left alone knows whose owner to ask, and a counter of that slot in the
 * lower 48 (the same counter that numbers the slot's inodes).
 */
public record TransactionId(long value) {
  /** The slot whose owner decides. */
  public SlotId coordinator() {
    return new SlotId((int) (value >>> 48));
  }

  @Override
  public String toString() {
    return "t" + Long.toHexString(value);
  }
}
