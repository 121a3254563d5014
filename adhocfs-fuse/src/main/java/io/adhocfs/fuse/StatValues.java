package io.adhocfs.fuse;

import io.adhocfs.protocol.model.FileAttributes;

/** The fields of struct stat that follow from an inode's attributes; the same for every driver. */
public final class StatValues {
  /** st_size of every directory: the size of a directory has no meaning here. */
  private static final int DIRECTORY_SIZE_BYTES = 4096;

  /** Programs allocate buffers of st_blksize. */
  private static final int BLOCK_SIZE_BYTES_MAX = 1 << 20;

  /** The unit of st_blocks. */
  private static final int SECTOR_SIZE_BYTES = 512;

  private StatValues() {}

  /** st_size. */
  public static long sizeBytes(FileAttributes attributes) {
    return attributes.isDirectory() ? DIRECTORY_SIZE_BYTES : attributes.sizeBytes();
  }

  /** st_blocks: a file's size in sectors, as if it had no holes; 0 for everything else. */
  public static long blocks(FileAttributes attributes) {
    return attributes.isRegular() ? blocks(attributes.sizeBytes()) : 0;
  }

  /** st_blocks of an inode that takes this much space. */
  public static long blocks(long allocatedBytes) {
    return Math.ceilDiv(allocatedBytes, SECTOR_SIZE_BYTES);
  }

  /** st_blksize: the chunk size, up to 1 MiB. */
  public static int blockSizeBytes(FileAttributes attributes) {
    return Math.min(attributes.layout().chunkSizeBytes(), BLOCK_SIZE_BYTES_MAX);
  }
}
