package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;

/**
 * A name in a directory, with what its sender believes of how the directory is spread.
 *
 * @param partitionExponent k of the directory as the sender knows it; a receiver that knows better
 *     answers SPREAD_CHANGED
 */
public record EntryKey(InodeId directory, int partitionExponent, EntryName name) {
  public EntryKey {
    if (partitionExponent < 0 || partitionExponent > FileAttributes.PARTITION_EXPONENT_MAX) {
      throw new IllegalArgumentException("partition exponent " + partitionExponent);
    }
  }

  /** The partition that the dentry lies in. */
  public int partition() {
    return Placement.partition(name, partitionExponent);
  }

  /** The slot of the dentry. */
  public SlotId slot() {
    return Placement.entrySlot(directory, partitionExponent, name);
  }

  void write(WireWriter out) {
    out.inode(directory);
    out.byteValue(partitionExponent);
    out.name(name);
  }

  static EntryKey read(WireReader in) throws FsException {
    return new EntryKey(in.inode(), in.byteValue(), in.name());
  }
}
