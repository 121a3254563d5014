package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.Placement;
import java.util.Arrays;
import java.util.function.IntPredicate;

/** Finds data and holes in the files of chunks. Whoever asks shares the inode's lock. */
final class ChunkExtents {
  private final SegmentFiles files;

  ChunkExtents(SegmentFiles files) {
    this.files = files;
  }

  /** Where the next data begins; as {@link ChunkStore#seek}. */
  long data(long inode, FileLayout layout, long fromByte, IntPredicate slots) throws FsException {
    int size = layout.chunkSizeBytes();
    long[] segments = files.segments(inode);
    Arrays.sort(segments);
    for (long segment : segments) {
      long firstChunk = segment << SegmentFiles.SEGMENT_SHIFT;
      long from = Math.max(0, fromByte - firstChunk * size);
      if (from >= SegmentFiles.SEGMENT_CHUNKS * size) {
        continue;
      }
      SegmentFile file = files.acquire(new SegmentFiles.Key(inode, segment), false);
      if (file == null) {
        continue;
      }
      try {
        long found = file.bytes().data(from);
        while (found >= 0) {
          long chunk = firstChunk + found / size;
          if (slots.test(Placement.chunkSlotValue(layout, chunk))) {
            return firstChunk * size + found;
          }
          found = file.bytes().data((found / size + 1) * size);
        }
      } finally {
        files.release(file);
      }
    }
    return Long.MAX_VALUE;
  }

  /** Where the next hole begins; as {@link ChunkStore#seek}. */
  long hole(long inode, FileLayout layout, long fromByte, IntPredicate slots) throws FsException {
    int size = layout.chunkSizeBytes();
    long cycle = Placement.slotCycle(layout);
    SegmentFile file = null;
    try {
      long skipped = 0;
      long last = FileLayout.FILE_BYTES_MAX / size;
      for (long chunk = fromByte / size; skipped < cycle && chunk <= last; chunk++) {
        if (!slots.test(Placement.chunkSlotValue(layout, chunk))) {
          skipped++;
          continue;
        }
        skipped = 0;
        var key = SegmentFiles.key(inode, chunk);
        if (file == null || !file.key().equals(key)) {
          if (file != null) {
            files.release(file);
          }
          file = files.acquire(key, false);
        }
        long start = Math.max(fromByte, chunk * size);
        long offset = start - chunk * size;
        long position = SegmentFiles.position(layout, chunk);
        long found = file == null ? -1 : file.bytes().hole(position + offset);
        if (found < 0) {
          return start;
        }
        if (found < position + size) {
          return chunk * size + found - position;
        }
      }
      return Long.MAX_VALUE;
    } finally {
      if (file != null) {
        files.release(file);
      }
    }
  }
}
