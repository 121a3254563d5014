package io.adhocfs.daemon.slot;

/** A change of what is stored of a slot. */
public sealed interface SlotChange permits RecordChange, ChunkWritten {
  /** The slot that has changed. */
  int slot();
}
