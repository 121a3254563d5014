package io.adhocfs.daemon.slot;

/** A change of records: one of a batch. */
public sealed interface RecordChange extends SlotChange {
  /** The key, or the first of the keys. */
  byte[] key();

  @Override
  default int slot() {
    return Keys.slot(key());
  }

  /** A record is put, in the place of the one that was there. */
  record Put(byte[] key, byte[] value) implements RecordChange {}

  /** A record goes, if it is there. */
  record Removed(byte[] key) implements RecordChange {}

  /** All records of a slot from a key (inclusive) to an end (exclusive) go. */
  record RangeRemoved(byte[] key, byte[] end) implements RecordChange {}
}
