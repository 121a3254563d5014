package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.storage.Keys;
import io.adhocfs.daemon.storage.RecordKind;
import io.adhocfs.daemon.storage.StorageDatabase;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.LostSlots;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.StampedLock;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chunks in sparse files, one for each inode and segment, with their index in the storage database.
 *
 * <p>The order of steps keeps crashes harmless. A write makes the file cover the chunk, then writes
 * its record, then its bytes: the record exists before the first byte, and the file's size bounds
 * the records. A discard punches, then deletes records, then the file: a chunk without a record has
 * no bytes that a later write could bring to light. A whole file goes records first, since its
 * inode never comes back and its file is how a repeated discard finds what is left; where that is
 * to outlive a power failure, the file goes when the disk knows that the records have gone.
 */
public final class FileChunkStore implements ChunkStore {
  /**
   * How many chunks past the last stored one a cut of a bounded range refuses old generations for
   * good. Writers in flight at a cut are at most some megabytes past the end; further out the
   * refusal lives as long as the process. A cut up to the end of the largest file refuses them for
   * good everywhere.
   */
  public static final int GENERATION_MARGIN_CHUNKS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(FileChunkStore.class);
  private static final int LOCKS = 256;
  private static final long LOG_EVERY_NANOS = 1_000_000_000;
  private static final int ZEROS_BYTES = 1 << 20;

  /**
   * What a store may take.
   *
   * @param reserveBytes kept free; 0 = 2% of the disk, at least 16 MiB
   * @param capacityBytes the most that chunks may take; 0 = the disk
   * @param openFilesMax how many descriptors it keeps
   */
  public record Limits(long reserveBytes, long capacityBytes, int openFilesMax) {
    public Limits {
      if (reserveBytes < 0 || capacityBytes < 0 || openFilesMax < 1) {
        throw new IllegalArgumentException(
            "reserve %d, capacity %d, %d open files"
                .formatted(reserveBytes, capacityBytes, openFilesMax));
      }
    }
  }

  private final ByteBufAllocator allocator;
  private final SegmentFiles files;
  private final ChunkIndex index;
  private final DiskSpace space;

  /** One for many inodes: shared by reads and writes, alone for discards. */
  private final StampedLock[] locks = new StampedLock[LOCKS];

  private final AtomicLong loggedNanos = new AtomicLong(System.nanoTime() - LOG_EVERY_NANOS);

  /** Slots that were lost once. */
  private volatile Supplier<LostSlots> lost = () -> LostSlots.NONE;

  /** Written with all locks held. */
  private volatile boolean closed;

  /**
   * Opens the store in a directory.
   *
   * @param directory made if missing; its files' space is added up, which takes about a second for
   *     half a million files
   * @param database stays its owner's
   * @throws FsException STORAGE_FAILED or NO_SPACE, naming the directory
   */
  public FileChunkStore(
      Path directory, StorageDatabase database, Limits limits, ByteBufAllocator allocator)
      throws FsException {
    this.allocator = allocator;
    this.files = new SegmentFiles(directory, limits.openFilesMax(), this::takeFile);
    this.index = new ChunkIndex(database);
    this.space = new DiskSpace(directory, files, limits.reserveBytes(), limits.capacityBytes());
    for (int i = 0; i < LOCKS; i++) {
      locks[i] = new StampedLock();
    }
  }

  /** Sets where to learn which slots were lost; before that, none. */
  public void lostSlots(Supplier<LostSlots> slots) {
    lost = slots;
  }

  /** Apart, since the space is counted of the files that ask for it. */
  private boolean takeFile() throws FsException {
    return space.takeFile();
  }

  private StampedLock lock(long inode) {
    return locks[(int) ((inode * 0x9E3779B97F4A7C15L) >>> 40) & (LOCKS - 1)];
  }

  @Override
  public SpanOutcome[] write(
      InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans, ByteBuf payload) {
    long length = check(layout, spans);
    if (length != payload.readableBytes()) {
      throw new IllegalArgumentException(
          "spans of " + length + " bytes with a payload of " + payload.readableBytes());
    }
    if (payload.hasMemoryAddress()) {
      return write(
          inode, layout, generation, spans, payload.memoryAddress() + payload.readerIndex());
    }
    if (payload.isDirect() && payload.nioBufferCount() == 1) {
      // The segment keeps the buffer alive until the last span is written.
      MemorySegment memory = MemorySegment.ofBuffer(payload.nioBuffer());
      try {
        return write(inode, layout, generation, spans, memory.address());
      } finally {
        java.lang.ref.Reference.reachabilityFence(memory);
      }
    }
    ByteBuf copy = allocator.directBuffer((int) Math.max(1, length));
    try {
      copy.writeBytes(payload, payload.readerIndex(), (int) length);
      MemorySegment memory = MemorySegment.ofBuffer(copy.nioBuffer());
      return write(inode, layout, generation, spans, memory.address());
    } finally {
      copy.release();
    }
  }

  /** Sum of the spans' lengths. */
  private static long check(FileLayout layout, List<ChunkSpan> spans) {
    long length = 0;
    for (ChunkSpan span : spans) {
      if ((long) span.offsetBytes() + span.lengthBytes() > layout.chunkSizeBytes()) {
        throw new IllegalArgumentException(span + " in chunks of " + layout.chunkSizeBytes());
      }
      if (span.chunkIndex() > FileLayout.FILE_BYTES_MAX / layout.chunkSizeBytes()) {
        throw new IllegalArgumentException(span + " past the end of the largest file");
      }
      length += span.lengthBytes();
    }
    return length;
  }

  private SpanOutcome[] write(
      InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans, long address) {
    var outcomes = new SpanOutcome[spans.size()];
    StampedLock lock = lock(inode.value());
    long stamp = lock.readLock();
    try {
      long position = address;
      for (int i = 0; i < outcomes.length; i++) {
        ChunkSpan span = spans.get(i);
        outcomes[i] = write(inode.value(), layout, generation, span, position);
        position += span.lengthBytes();
      }
    } finally {
      lock.unlockRead(stamp);
    }
    return outcomes;
  }

  private SpanOutcome write(
      long inode, FileLayout layout, long generation, ChunkSpan span, long address) {
    long chunk = span.chunkIndex();
    int slot = ChunkIndex.slot(layout, chunk);
    SegmentFile file = null;
    try {
      refuseIfClosed();
      if (generation < index.generation(inode, slot)) {
        return SpanOutcome.STALE;
      }
      boolean lostBefore = false;
      if (lost.get().wasLost(slot)) {
        SpanOutcome known = outcomeOfLoss(inode, chunk, slot);
        lostBefore = known == SpanOutcome.LOST;
        // The bytes of a whole chunk make up for what was lost; fewer would leave zeros beside
        // them.
        if (known != null
            && (known == SpanOutcome.UNKNOWN || span.lengthBytes() < layout.chunkSizeBytes())) {
          return known;
        }
      }
      boolean room = space.take(span.lengthBytes());
      boolean exists = index.exists(inode, chunk, slot);
      if (!exists && !room) {
        return SpanOutcome.NO_SPACE;
      }
      file = files.acquire(key(inode, chunk), true);
      if (file == null) {
        throw new IllegalStateException("a file that was to be made is not there");
      }
      long position = position(layout, chunk) + span.offsetBytes();
      if (!room && !NativeFile.allocated(file.descriptor(), position, span.lengthBytes())) {
        return SpanOutcome.NO_SPACE;
      }
      if (!exists) {
        file.cover(chunkInSegment(chunk), layout.chunkSizeBytes());
        index.add(inode, chunk, slot, newRecord(layout, generation));
      }
      NativeFile.write(file.descriptor(), address, span.lengthBytes(), position);
      if (lostBefore) {
        index.add(inode, chunk, slot, newRecord(layout, generation));
      }
      return SpanOutcome.DONE;
    } catch (FsException e) {
      return outcome("write", inode, chunk, e);
    } finally {
      if (file != null) {
        files.release(file);
      }
    }
  }

  /** What a slot's loss means for a chunk in it; null = nothing. */
  private @Nullable SpanOutcome outcomeOfLoss(long inode, long chunk, int slot) throws FsException {
    ChunkRecord record = index.get(inode, chunk, slot);
    if (record == null) {
      return lost.get().awaitsSearch(slot) ? SpanOutcome.UNKNOWN : null;
    }
    return record.state() == ChunkRecord.State.LOST ? SpanOutcome.LOST : null;
  }

  private static ChunkRecord newRecord(FileLayout layout, long generation) {
    return new ChunkRecord(
        ChunkRecord.State.OPEN, Integer.numberOfTrailingZeros(layout.chunkSizeBytes()), generation);
  }

  private static ChunkRecord lostRecord(FileLayout layout, long generation) {
    return new ChunkRecord(
        ChunkRecord.State.LOST, Integer.numberOfTrailingZeros(layout.chunkSizeBytes()), generation);
  }

  private static SegmentFiles.Key key(long inode, long chunk) {
    return new SegmentFiles.Key(inode, chunk >>> SegmentFiles.SEGMENT_SHIFT);
  }

  private static long chunkInSegment(long chunk) {
    return chunk & (SegmentFiles.SEGMENT_CHUNKS - 1);
  }

  private static long position(FileLayout layout, long chunk) {
    return chunkInSegment(chunk) * layout.chunkSizeBytes();
  }

  private void refuseIfClosed() throws FsException {
    if (closed) {
      throw new FsException(FsError.CLOSED, "the chunk store is closed");
    }
  }

  private SpanOutcome outcome(String operation, long inode, long chunk, FsException e) {
    if (e.error() == FsError.NO_SPACE) {
      return SpanOutcome.NO_SPACE;
    }
    long now = System.nanoTime();
    long logged = loggedNanos.get();
    // A broken disk fails every request: one line a second says it.
    if (now - logged >= LOG_EVERY_NANOS && loggedNanos.compareAndSet(logged, now)) {
      LOG.error(
          "chunk {} failed inode={} chunk={} error={} reason=\"{}\"",
          operation,
          Long.toUnsignedString(inode),
          chunk,
          e.error(),
          e.getMessage());
    }
    return SpanOutcome.FAILED;
  }

  @Override
  public ChunkBytes read(InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans) {
    long length = check(layout, spans);
    if (length > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("spans of " + length + " bytes");
    }
    var outcomes = new SpanOutcome[spans.size()];
    if (length == 0) {
      return new ChunkBytes(outcomes, Unpooled.EMPTY_BUFFER);
    }
    ByteBuf payload = allocator.directBuffer((int) length, (int) length);
    boolean complete = false;
    StampedLock lock = lock(inode.value());
    long stamp = lock.readLock();
    try {
      for (int i = 0; i < outcomes.length; i++) {
        outcomes[i] = read(inode.value(), layout, generation, spans.get(i), payload);
      }
      complete = true;
      return new ChunkBytes(outcomes, payload);
    } finally {
      lock.unlockRead(stamp);
      if (!complete) {
        payload.release();
      }
    }
  }

  /** Appends the span's bytes to the payload if it can. */
  private SpanOutcome read(
      long inode, FileLayout layout, long generation, ChunkSpan span, ByteBuf payload) {
    long chunk = span.chunkIndex();
    SegmentFile file = null;
    try {
      refuseIfClosed();
      if (generation < index.generation(inode, ChunkIndex.slot(layout, chunk))) {
        return SpanOutcome.STALE;
      }
      int slot = ChunkIndex.slot(layout, chunk);
      if (lost.get().wasLost(slot)) {
        SpanOutcome known = outcomeOfLoss(inode, chunk, slot);
        if (known != null) {
          return known;
        }
      }
      int start = payload.writerIndex();
      long there = 0;
      file = files.acquire(key(inode, chunk), false);
      if (file != null) {
        long position = position(layout, chunk) + span.offsetBytes();
        there = readInto(file, payload, start, span.lengthBytes(), position);
      }
      payload.setZero(start + (int) there, span.lengthBytes() - (int) there);
      payload.writerIndex(start + span.lengthBytes());
      return SpanOutcome.DONE;
    } catch (FsException e) {
      return outcome("read", inode, chunk, e);
    } finally {
      if (file != null) {
        files.release(file);
      }
    }
  }

  private static long readInto(
      SegmentFile file, ByteBuf payload, int start, int length, long position) throws FsException {
    if (payload.hasMemoryAddress()) {
      return NativeFile.read(file.descriptor(), payload.memoryAddress() + start, length, position);
    }
    MemorySegment memory = MemorySegment.ofBuffer(payload.nioBuffer(start, length));
    try {
      return NativeFile.read(file.descriptor(), memory.address(), length, position);
    } finally {
      java.lang.ref.Reference.reachabilityFence(memory);
    }
  }

  @Override
  public void discard(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    discard(inode, layout, generation, fromByte, toByte, slots, false);
  }

  @Override
  public void discardOnDisk(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    discard(inode, layout, generation, fromByte, toByte, slots, true);
  }

  private void discard(
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
    StampedLock lock = lock(inode.value());
    long stamp = lock.writeLock();
    try {
      refuseIfClosed();
      if (generation == FORGET) {
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

  /** Chunks that a segment's file can have: all of its records are below. */
  private static long lastChunk(FileLayout layout, long segment, long sizeBytes) {
    long count = (sizeBytes + layout.chunkSizeBytes() - 1) / layout.chunkSizeBytes();
    return (segment << SegmentFiles.SEGMENT_SHIFT) + count - 1;
  }

  private void forget(long inode, FileLayout layout, IntPredicate slots) throws FsException {
    index.raiseFloor(inode, FORGET);
    index.forgetGenerations(inode, layout, slots);
    long[] segments = files.segments(inode);
    for (long segment : segments) {
      var key = new SegmentFiles.Key(inode, segment);
      long last = lastChunk(layout, segment, files.sizeBytes(key));
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
      index.delete(inode, layout, found.toArray());
    }
  }

  /** Deletes the files in which there is no chunk any more. */
  private void deleteEmptyFiles(long inode, FileLayout layout) throws FsException {
    long[] segments = files.segments(inode);
    for (long segment : segments) {
      var key = new SegmentFiles.Key(inode, segment);
      if (isEmpty(inode, layout, segment, lastChunk(layout, segment, files.sizeBytes(key)))) {
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
      stored = Math.max(stored, lastChunk(layout, segment, size));
    }
    if (!toTheEnd) {
      index.raise(
          inode,
          layout,
          generation,
          firstChunk,
          Math.min(lastChunk, stored + GENERATION_MARGIN_CHUNKS),
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
      long end = lastChunk(layout, segment, file.sizeBytes());
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
    var whole = new Indexes();
    List<Long> partial = new ArrayList<>(2);
    long holeStart = 0;
    long holeEnd = 0;
    for (long chunk : chunks) {
      int size = layout.chunkSizeBytes();
      int from = (int) Math.max(0, fromByte - chunk * size);
      int to =
          toByte == FileLayout.FILE_BYTES_MAX ? size : (int) Math.min(size, toByte - chunk * size);
      long position = position(layout, chunk);
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
      // Tells a repeated cut that this chunk has had it.
      int slot = ChunkIndex.slot(layout, chunk);
      ChunkRecord before = index.get(inode, chunk, slot);
      boolean wasLost = before != null && before.state() == ChunkRecord.State.LOST;
      index.add(
          inode,
          chunk,
          slot,
          wasLost ? lostRecord(layout, generation) : newRecord(layout, generation));
    }
    index.delete(inode, layout, whole.toArray());
  }

  private static void punch(SegmentFile file, long from, long to) throws FsException {
    if (from == to || NativeFile.punch(file.descriptor(), from, to - from)) {
      return;
    }
    ByteBuf zeros = Unpooled.directBuffer(ZEROS_BYTES, ZEROS_BYTES).writeZero(ZEROS_BYTES);
    try {
      MemorySegment memory = MemorySegment.ofBuffer(zeros.nioBuffer());
      for (long position = from; position < to; position += ZEROS_BYTES) {
        long length = Math.min(ZEROS_BYTES, to - position);
        NativeFile.write(file.descriptor(), memory.address(), length, position);
      }
    } finally {
      zeros.release();
    }
  }

  private boolean isEmpty(long inode, FileLayout layout, long segment, long last)
      throws FsException {
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

  @Override
  public long seek(
      InodeId inode, FileLayout layout, long fromByte, boolean hole, IntPredicate slots)
      throws FsException {
    if (fromByte < 0) {
      throw new IllegalArgumentException("a search from " + fromByte);
    }
    StampedLock lock = lock(inode.value());
    long stamp = lock.readLock();
    try {
      refuseIfClosed();
      return hole
          ? hole(inode.value(), layout, fromByte, slots)
          : data(inode.value(), layout, fromByte, slots);
    } finally {
      lock.unlockRead(stamp);
    }
  }

  private long data(long inode, FileLayout layout, long fromByte, IntPredicate slots)
      throws FsException {
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
        long found = NativeFile.data(file.descriptor(), from);
        while (found >= 0) {
          long chunk = firstChunk + found / size;
          if (slots.test(ChunkIndex.slot(layout, chunk))) {
            return firstChunk * size + found;
          }
          found = NativeFile.data(file.descriptor(), (found / size + 1) * size);
        }
      } finally {
        files.release(file);
      }
    }
    return Long.MAX_VALUE;
  }

  private long hole(long inode, FileLayout layout, long fromByte, IntPredicate slots)
      throws FsException {
    int size = layout.chunkSizeBytes();
    long cycle = ChunkIndex.cycle(layout);
    SegmentFile file = null;
    try {
      long skipped = 0;
      long last = FileLayout.FILE_BYTES_MAX / size;
      for (long chunk = fromByte / size; skipped < cycle && chunk <= last; chunk++) {
        if (!slots.test(ChunkIndex.slot(layout, chunk))) {
          skipped++;
          continue;
        }
        skipped = 0;
        var key = key(inode, chunk);
        if (file == null || !file.key().equals(key)) {
          if (file != null) {
            files.release(file);
          }
          file = files.acquire(key, false);
        }
        long start = Math.max(fromByte, chunk * size);
        long offset = start - chunk * size;
        long position = position(layout, chunk);
        long found = file == null ? -1 : NativeFile.hole(file.descriptor(), position + offset);
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

  @Override
  public long allocatedBytes(InodeId inode) throws FsException {
    StampedLock lock = lock(inode.value());
    long stamp = lock.readLock();
    try {
      refuseIfClosed();
      long sum = 0;
      for (long segment : files.segments(inode.value())) {
        SegmentFile file = files.acquire(new SegmentFiles.Key(inode.value(), segment), false);
        if (file != null) {
          try {
            sum += NativeFile.extent(file.descriptor()).allocatedBytes();
          } finally {
            files.release(file);
          }
        }
      }
      return sum;
    } finally {
      lock.unlockRead(stamp);
    }
  }

  @Override
  public void sync(InodeId inode) throws FsException {
    syncFiles(inode);
    refuseIfClosed();
    index.sync();
  }

  /** Whether anything is left of a file: else its bytes need not be written to be dropped. */
  private boolean hasChunks(Dropped file) throws FsException {
    long inode = file.inode().value();
    StampedLock lock = lock(inode);
    long stamp = lock.readLock();
    try {
      refuseIfClosed();
      for (long segment : files.segments(inode)) {
        long size = files.sizeBytes(new SegmentFiles.Key(inode, segment));
        if (!isEmpty(inode, file.layout(), segment, lastChunk(file.layout(), segment, size))) {
          return true;
        }
      }
      return false;
    } finally {
      lock.unlockRead(stamp);
    }
  }

  private void syncFiles(InodeId inode) throws FsException {
    StampedLock lock = lock(inode.value());
    long stamp = lock.readLock();
    try {
      refuseIfClosed();
      files.sync(inode.value());
    } finally {
      lock.unlockRead(stamp);
    }
  }

  @Override
  public void syncDiscards(Collection<Dropped> dropped) throws FsException {
    // What was punched, then the records, and only then do files go that have none.
    for (Dropped file : dropped) {
      if (hasChunks(file)) {
        syncFiles(file.inode());
      }
    }
    refuseIfClosed();
    index.sync();
    for (Dropped file : dropped) {
      alone(file.inode().value(), () -> deleteEmptyFiles(file.inode().value(), file.layout()));
    }
    files.syncRemovals(dropped.stream().mapToLong(file -> file.inode().value()).toArray());
    space.recount();
  }

  @Override
  public StoreCapacity capacity() {
    return space.capacity();
  }

  @Override
  public List<StoredChunk> markLost(
      InodeId inode,
      FileLayout layout,
      long generation,
      long firstChunk,
      long lastChunk,
      IntPredicate slots)
      throws FsException {
    List<StoredChunk> found = new ArrayList<>();
    alone(
        inode.value(),
        () -> {
          for (long chunk = firstChunk; chunk <= lastChunk; chunk++) {
            int slot = ChunkIndex.slot(layout, chunk);
            if (slots.test(slot)
                && lost.get().wasLost(slot)
                && isOrBecomesLost(inode.value(), layout, generation, chunk, slot)) {
              found.add(new StoredChunk(inode, chunk, slot));
            }
          }
        });
    return found;
  }

  private boolean isOrBecomesLost(
      long inode, FileLayout layout, long generation, long chunk, int slot) throws FsException {
    SpanOutcome known = outcomeOfLoss(inode, chunk, slot);
    if (known != SpanOutcome.UNKNOWN || generation < index.generation(inode, slot)) {
      return known == SpanOutcome.LOST;
    }
    SegmentFile file = files.acquire(key(inode, chunk), true);
    if (file == null) {
      throw new IllegalStateException("a file that was to be made is not there");
    }
    try {
      file.cover(chunkInSegment(chunk), layout.chunkSizeBytes());
      index.add(inode, chunk, slot, lostRecord(layout, generation));
      // A byte, so that who looks for data finds the chunk and not a hole.
      ByteBuf mark = Unpooled.directBuffer(1, 1).writeZero(1);
      try {
        MemorySegment memory = MemorySegment.ofBuffer(mark.nioBuffer());
        NativeFile.write(file.descriptor(), memory.address(), 1, position(layout, chunk));
      } finally {
        mark.release();
      }
    } finally {
      files.release(file);
    }
    return true;
  }

  @Override
  public void drop(List<StoredChunk> chunks) throws FsException {
    transfer()
        .drop(
            chunks.stream()
                .map(chunk ->
                    Keys.key(
                        chunk.slot(), RecordKind.CHUNK, chunk.inode().value(), chunk.chunkIndex()))
                .toList());
  }

  /** How many chunk files there are. */
  public long fileCount() {
    return files.fileCount();
  }

  /** How many chunk files are held open. */
  public int openFileCount() {
    return files.openCount();
  }

  @Override
  public ChunkPage scan(byte[] cursor, int itemsMax) throws FsException {
    refuseIfClosed();
    return index.scan(cursor, itemsMax);
  }

  @Override
  public List<String> findings() throws FsException {
    refuseIfClosed();
    return new StorageInspection(files, index, this::alone, this::refuseIfClosed).findings();
  }

  /** The way of chunks from and to other nodes. */
  public ChunkTransfer transfer() {
    return new ChunkTransfer(files, index, space, this::alone, allocator);
  }

  /** Runs something while nobody else uses an inode's chunks. */
  private void alone(long inode, StorageInspection.Check check) throws FsException {
    StampedLock lock = lock(inode);
    long stamp = lock.writeLock();
    try {
      refuseIfClosed();
      check.run();
    } finally {
      lock.unlockWrite(stamp);
    }
  }

  @Override
  public void close() {
    var stamps = new long[LOCKS];
    for (int i = 0; i < LOCKS; i++) {
      stamps[i] = locks[i].writeLock();
    }
    closed = true;
    files.close();
    for (int i = 0; i < LOCKS; i++) {
      locks[i].unlockWrite(stamps[i]);
    }
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
