package io.adhocfs.protocol.placement;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import net.openhft.hashing.LongHashFunction;

/**
 * Which slot holds what. Pure functions that never change with the set of nodes; part of the
 * on-disk format.
 */
public final class Placement {
  private static final LongHashFunction XXH3 = LongHashFunction.xx3();

  private Placement() {}

  /** The partition of a name in a directory of 2^k partitions: the top k of its hash's 63 bits. */
  public static int partition(EntryName name, int partitionExponent) {
    return partitionExponent == 0 ? 0 : (int) (name.hash() >>> (63 - partitionExponent));
  }

  /** The lowest hash of a partition's names. */
  public static long firstHash(int partition, int partitionExponent) {
    return partition == 0 ? 0 : (long) partition << (63 - partitionExponent);
  }

  /** The highest hash of a partition's names. */
  public static long lastHash(int partition, int partitionExponent) {
    return ((partition + 1L) << (63 - partitionExponent)) - 1;
  }

  /**
   * The slot of one partition's entries; partition 0 lies with the directory itself. Partitions
   * follow each other as chunks do: maps keep neighbouring slots on different nodes.
   */
  public static SlotId partitionSlot(InodeId directory, int partition) {
    return new SlotId((directory.slotValue() + partition) & (SlotId.COUNT - 1));
  }

  /** The slot of a name's dentry, and of the inode of a new file with this name. */
  public static SlotId entrySlot(InodeId directory, int partitionExponent, EntryName name) {
    return partitionSlot(directory, partition(name, partitionExponent));
  }

  /** The slot in which the inode of a new directory is drawn: spread by parent and name. */
  public static SlotId newDirectorySlot(InodeId parent, EntryName name) {
    return SlotId.ofHash(LongHashFunction.xx3(parent.value()).hashLong(name.hash()));
  }

  /** The first slot of a file whose chunks are spread over all nodes. */
  public static int wideFirstSlot(InodeId file) {
    return SlotId.ofHash(XXH3.hashLong(file.value())).value();
  }

  /** The slot of a file's chunk. */
  public static SlotId chunkSlot(FileLayout layout, long chunkIndex) {
    return new SlotId(chunkSlotValue(layout, chunkIndex));
  }

  /** As {@link #chunkSlot}, without an object. */
  public static int chunkSlotValue(FileLayout layout, long chunkIndex) {
    return (int) ((layout.firstSlot() + chunkIndex * layout.slotStep()) & (SlotId.COUNT - 1));
  }

  /** After how many chunks a file's slots come again. */
  public static long slotCycle(FileLayout layout) {
    return layout.slotStep() == 0
        ? 1
        : SlotId.COUNT >>> Math.min(16, Integer.numberOfTrailingZeros(layout.slotStep()));
  }
}
