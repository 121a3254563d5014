package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.Placement;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.StampedLock;
import java.util.function.IntPredicate;

/** Drops ranges of files, in the order of steps that {@link FileChunkStore} needs. Thread-safe. */
final class ChunkCuts {
  private static final int ZEROS_BYTES = 1 << 20;
  private static final int RECORDS_AT_ONCE = 4096;

  private final SegmentFiles files;
  private final ChunkIndex index;
  private final OpenChunks open;
  private final Blocks blocks;
  private final ChunkLocks locks;
  private final DiskSpace space;
  private final ChunkFailures failures;

  ChunkCuts(
      SegmentFiles files,
      ChunkIndex index,
      OpenChunks open,
      Blocks blocks,
      ChunkLocks locks,
      DiskSpace space,
      ChunkFailures failures) {
    this.files = files;
    this.index = index;
    this.open = open;
    this.blocks = blocks;
    this.locks = locks;
    this.space = space;
    this.failures = failures;
  }

  /**
   * As {@link ChunkStore#discard}.
   *
   * @param keepFiles whether files stay that have no chunks any more
   */
  void discard(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots,
      boolean keepFiles)
      throws FsException {
    if (fromByte < 0 || toByte < fromByte) {
      throw new IllegalArgumentException("range from " + fromByte + " to " + toByte);
    }
    StampedLock lock = locks.of(inode.value());
    long stamp = lock.writeLock();
    try {
      locks.refuseIfClosed();
      if (generation == ChunkStore.FORGET) {
        forget(inode.value(), layout, slots);
      } else {
        cut(inode.value(), layout, generation, fromByte, toByte, slots);
      }
      if (!keepFiles) {
        deleteEmptyFiles(inode.value(), layout);
      }
    } finally {
      lock.unlockWrite(stamp);
      space.recount();
    }
  }

  private void forget(long inode, FileLayout layout, IntPredicate slots) throws FsException {
    index.raiseFloor(inode, ChunkStore.FORGET);
    index.forgetGenerations(inode, layout, slots);
    long[] segments = files.segments(inode);
    for (long segment : segments) {
      var key = new SegmentFiles.Key(inode, segment);
      long last = SegmentFiles.lastChunk(layout, segment, files.sizeBytes(key));
      var found = new Indexes();
      // The file goes, so all records do, also those of slots that have not quite come or gone.
      index.forEach(
          inode,
          layout,
          segment << SegmentFiles.SEGMENT_SHIFT,
          last,
          slot -> true,
          (chunk, record) -> {
            found.add(chunk);
            return true;
          });
      for (long chunk : found.toArray()) {
        open.forget(new OpenChunks.Place(inode, chunk, Placement.chunkSlotValue(layout, chunk)));
      }
      index.delete(inode, layout, found.toArray());
    }
  }

  /** Deletes the files in which there is no chunk any more. */
  void deleteEmptyFiles(long inode, FileLayout layout) throws FsException {
    long[] segments = files.segments(inode);
    for (long segment : segments) {
      var key = new SegmentFiles.Key(inode, segment);
      if (isEmpty(
          inode, layout, segment, SegmentFiles.lastChunk(layout, segment, files.sizeBytes(key)))) {
        files.delete(key);
      }
    }
    if (segments.length > 0 && segments[segments.length - 1] > 0) {
      files.deleteEmptyDirectory(inode);
    }
  }

  private void cut(
      long inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    index.raiseFloor(inode, generation);
    if (fromByte == toByte) {
      return;
    }
    boolean toTheEnd = toByte == FileLayout.FILE_BYTES_MAX;
    if (toTheEnd) {
      // Whoever wrote without telling how far may go on with it anywhere.
      index.raiseLastingFloor(inode, generation);
    }
    int shift = Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
    long firstChunk = fromByte >>> shift;
    long lastChunk = (toByte - 1) >>> shift;
    long[] segments = files.segments(inode);
    long stored = -1;
    for (long segment : segments) {
      long size = files.sizeBytes(new SegmentFiles.Key(inode, segment));
      stored = Math.max(stored, SegmentFiles.lastChunk(layout, segment, size));
    }
    if (!toTheEnd) {
      index.raise(
          inode,
          layout,
          generation,
          firstChunk,
          Math.min(lastChunk, stored + FileChunkStore.GENERATION_MARGIN_CHUNKS),
          slots);
    }
    for (long segment : segments) {
      long first = Math.max(firstChunk, segment << SegmentFiles.SEGMENT_SHIFT);
      long last = Math.min(lastChunk, ((segment + 1) << SegmentFiles.SEGMENT_SHIFT) - 1);
      if (first <= last) {
        cut(inode, layout, generation, segment, first, last, fromByte, toByte, slots);
      }
    }
  }

  /** The part of a cut that lies in one segment. */
  private void cut(
      long inode,
      FileLayout layout,
      long generation,
      long segment,
      long first,
      long last,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    var key = new SegmentFiles.Key(inode, segment);
    SegmentFile file = files.acquire(key, false);
    if (file == null) {
      return;
    }
    try {
      long end = SegmentFiles.lastChunk(layout, segment, file.sizeBytes());
      var found = new Indexes();
      index.forEach(
          inode,
          layout,
          first,
          Math.min(last, end),
          slots,
          (chunk, record) -> {
            if (record.generation() < generation) {
              found.add(chunk);
            }
            return true;
          });
      long[] chunks = found.toArray();
      Arrays.sort(chunks);
      drop(inode, layout, generation, file, chunks, fromByte, toByte);
    } finally {
      files.release(file);
    }
  }

  /** Punches chunks, ascending, as far as they lie in the range, and deletes those wholly in it. */
  private void drop(
      long inode,
      FileLayout layout,
      long generation,
      SegmentFile file,
      long[] chunks,
      long fromByte,
      long toByte)
      throws FsException {
    openToCut(inode, layout, file, chunks, fromByte, toByte);
    var whole = new Indexes();
    List<Long> partial = new ArrayList<>(2);
    long holeStart = 0;
    long holeEnd = 0;
    for (long chunk : chunks) {
      int size = layout.chunkSizeBytes();
      int from = cutFrom(layout, chunk, fromByte);
      int to = cutTo(layout, chunk, toByte);
      long position = SegmentFiles.position(layout, chunk);
      if (position + from != holeEnd) {
        punch(file, holeStart, holeEnd);
        holeStart = position + from;
      }
      holeEnd = position + to;
      if (from == 0 && to == size) {
        whole.add(chunk);
      } else {
        partial.add(chunk);
      }
    }
    punch(file, holeStart, holeEnd);
    for (long chunk : partial) {
      int slot = Placement.chunkSlotValue(layout, chunk);
      ChunkRecord record = index.get(inode, chunk, slot);
      if (record != null) {
        // Tells a repeated cut that this chunk has had it.
        index.put(inode, chunk, slot, record.withGeneration(generation));
      }
    }
    index.delete(inode, layout, whole.toArray());
    for (long chunk : whole.toArray()) {
      open.forget(new OpenChunks.Place(inode, chunk, Placement.chunkSlotValue(layout, chunk)));
    }
  }

  /** Where in a chunk a cut begins. */
  private static int cutFrom(FileLayout layout, long chunk, long fromByte) {
    return (int) Math.max(0, fromByte - chunk * layout.chunkSizeBytes());
  }

  /** Where in a chunk a cut ends. */
  private static int cutTo(FileLayout layout, long chunk, long toByte) {
    int size = layout.chunkSizeBytes();
    return toByte == FileLayout.FILE_BYTES_MAX ? size : (int) Math.min(size, toByte - chunk * size);
  }

  /**
   * Makes sure that no block that a cut touches has a sum, before it is punched. A cut cannot be
   * refused: a block of which it leaves bytes that are wrong is lost from then on.
   */
  private void openToCut(
      long inode, FileLayout layout, SegmentFile file, long[] chunks, long fromByte, long toByte)
      throws FsException {
    boolean any = false;
    Map<Long, ChunkRecord> changed = new HashMap<>();
    for (long chunk : chunks) {
      int slot = Placement.chunkSlotValue(layout, chunk);
      open.touch(new OpenChunks.Place(inode, chunk, slot));
      ChunkIndex.Chunk known = index.find(inode, layout, chunk);
      if (known == null) {
        continue;
      }
      ChunkRecord record = known.record();
      if (record.isWhollyLost()) {
        // A part that was cut has no bytes either.
        continue;
      }
      int blockBytes = record.blockBytes();
      int from = cutFrom(layout, chunk, fromByte);
      int to = cutTo(layout, chunk, toByte);
      int first = from / blockBytes;
      int last = (to - 1) / blockBytes;
      if (record.allOpen(first, last)) {
        continue;
      }
      ChunkRecord opened = record.withOpen(first, last);
      if (from > first * blockBytes && isWrong(file, known, inode, layout, chunk, first)) {
        opened = opened.withLost(first);
      }
      if (to < (last + 1) * blockBytes && isWrong(file, known, inode, layout, chunk, last)) {
        opened = opened.withLost(last);
      }
      changed.put(chunk, opened);
      any = true;
      if (changed.size() == RECORDS_AT_ONCE) {
        index.putAll(inode, layout, changed);
        changed.clear();
      }
    }
    if (!changed.isEmpty()) {
      index.putAll(inode, layout, changed);
    }
    if (any && files.survivesPowerFailure()) {
      index.sync();
    }
  }

  private boolean isWrong(
      SegmentFile file,
      ChunkIndex.Chunk known,
      long inode,
      FileLayout layout,
      long chunk,
      int block)
      throws FsException {
    try {
      blocks.requireRight(file, known, inode, layout, chunk, block);
      return false;
    } catch (FsException e) {
      if (e.error() != FsError.CORRUPT) {
        throw e;
      }
      var _ = failures.outcome("cut", inode, chunk, e);
      return true;
    }
  }

  private static void punch(SegmentFile file, long from, long to) throws FsException {
    if (from == to || file.bytes().punch(from, to - from)) {
      return;
    }
    ByteBuf zeros = Unpooled.directBuffer(ZEROS_BYTES, ZEROS_BYTES).writeZero(ZEROS_BYTES);
    try {
      MemorySegment memory = MemorySegment.ofBuffer(zeros.nioBuffer());
      for (long position = from; position < to; position += ZEROS_BYTES) {
        long length = Math.min(ZEROS_BYTES, to - position);
        file.bytes().write(memory.address(), length, position);
      }
    } finally {
      zeros.release();
    }
  }

  /** Whether a segment has no chunk up to its last. */
  boolean isEmpty(long inode, FileLayout layout, long segment, long last) throws FsException {
    var empty = new boolean[] {true};
    index.forEach(
        inode,
        layout,
        segment << SegmentFiles.SEGMENT_SHIFT,
        last,
        slot -> true,
        (chunk, record) -> {
          empty[0] = false;
          return false;
        });
    return empty[0];
  }

  /** A growing list of numbers, without an object for each. */
  private static final class Indexes {
    private long[] values = new long[16];
    private int count;

    void add(long value) {
      if (count == values.length) {
        values = Arrays.copyOf(values, 2 * count);
      }
      values[count++] = value;
    }

    long[] toArray() {
      return Arrays.copyOf(values, count);
    }
  }
}
