package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsException;

/**
 * One open file of chunks. Of each file at most one object exists at a time, so that its idea of
 * the size is the truth. Thread-safe while it is acquired.
 */
final class SegmentFile {
  /** Growing in steps makes a hole at the end and saves a system call for each chunk. */
  private static final long GROWTH_CHUNKS = 16;

  private final SegmentFiles.Key key;
  private final DiskFile bytes;

  @GuardedBy("this")
  private long sizeBytes;

  /** Users, and blocks as counted in the sum: both guarded by the lock of {@link SegmentFiles}. */
  int users;

  long accountedBytes;

  SegmentFile(SegmentFiles.Key key, DiskFile bytes) throws FsException {
    this.key = key;
    this.bytes = bytes;
    Disk.Extent extent = bytes.extent();
    this.sizeBytes = extent.sizeBytes();
    this.accountedBytes = extent.allocatedBytes();
  }

  SegmentFiles.Key key() {
    return key;
  }

  DiskFile bytes() {
    return bytes;
  }

  synchronized long sizeBytes() {
    return sizeBytes;
  }

  /**
   * Makes the file cover a chunk, before its record is written: so the size of a file bounds the
   * chunks that its inode can have here, also after a crash.
   *
   * @param chunkInSegment from 0
   */
  synchronized void cover(long chunkInSegment, int chunkSizeBytes) throws FsException {
    long needed = (chunkInSegment + 1) * chunkSizeBytes;
    if (needed <= sizeBytes) {
      return;
    }
    long ahead =
        chunkInSegment < GROWTH_CHUNKS
            ? needed
            : Math.min(
                needed + (GROWTH_CHUNKS - 1) * chunkSizeBytes,
                SegmentFiles.SEGMENT_CHUNKS * chunkSizeBytes);
    bytes.setSize(ahead);
    sizeBytes = ahead;
  }
}
