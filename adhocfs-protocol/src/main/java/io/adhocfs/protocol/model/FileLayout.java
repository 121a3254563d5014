package io.adhocfs.protocol.model;

/**
 * Where a file's bytes lie; fixed when the file is made, except that it leaves inline form once and
 * for good. Placement formulas read nothing else.
 *
 * @param chunkSizeBytes size of every chunk: a power of two, 4 KiB to 64 MiB
 * @param firstSlot the slot of chunk 0
 * @param slotStep how many slots further the next chunk lies: 1 = wide striping, 0 = all in one
 * @param dataset the dataset that the inode belongs to, inherited from the directory at creation; 0
 *     = none
 * @param inline whether the data lies in the inode's own records instead of in chunks
 */
public record FileLayout(
    int chunkSizeBytes, int firstSlot, int slotStep, int dataset, boolean inline) {
  public static final int CHUNK_SIZE_BYTES_MIN = 4 << 10;
  public static final int CHUNK_SIZE_BYTES_MAX = 64 << 20;

  /** The longest file. What would end its last chunk is no number any more. */
  public static final long FILE_BYTES_MAX = Long.MAX_VALUE;

  public FileLayout {
    if (chunkSizeBytes < CHUNK_SIZE_BYTES_MIN
        || chunkSizeBytes > CHUNK_SIZE_BYTES_MAX
        || Integer.bitCount(chunkSizeBytes) != 1) {
      throw new IllegalArgumentException("chunk size " + chunkSizeBytes);
    }
    if (firstSlot < 0 || firstSlot >= SlotId.COUNT || slotStep < 0 || slotStep >= SlotId.COUNT) {
      throw new IllegalArgumentException("first slot " + firstSlot + ", step " + slotStep);
    }
  }

  /** The same layout in another dataset. */
  public FileLayout inDataset(int otherId) {
    return new FileLayout(chunkSizeBytes, firstSlot, slotStep, otherId, inline);
  }

  /** The same layout after the file has left inline form. */
  public FileLayout chunked() {
    return new FileLayout(chunkSizeBytes, firstSlot, slotStep, dataset, false);
  }
}
