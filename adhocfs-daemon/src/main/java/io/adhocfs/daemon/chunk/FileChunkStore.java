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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
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
 *
 * <p>Blocks of chunks have checksums in the chunks' records. A write that meets a block with a sum
 * first opens it: writes a record in which it has none; if the write leaves bytes of the block as
 * they are, they are compared with the sum before. Chunks that have been left alone for a while are
 * sealed: read, summed, and given a record with all sums, unless they have been changed meanwhile.
 * So a sum stands for bytes that were written or that matched the sum before it, at every moment
 * that a process can die at. Where {@link #sync} is used, a machine may too: then an opened record
 * is on disk before the bytes change, and the bytes are before a new sum is.
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
  private static final int OPEN_CHUNKS_MAX = 1 << 16;
  private static final int RECORDS_AT_ONCE = 4096;
  private static final int READ_ATTEMPTS = 10;
  private static final int VERIFIED_CHUNKS_MAX = 4096;
  private static final int VERIFIED_PIECE_BYTES = 1 << 20;

  /**
   * What is done about checksums.
   *
   * @param used whether reads compare, and chunks are sealed
   * @param idleNanos how long a chunk is left alone before it is sealed
   */
  public record Sealing(boolean used, long idleNanos) {
    /** What daemons do. */
    public static final Sealing AT_REST = new Sealing(true, 2_000_000_000L);

    public static final Sealing OFF = new Sealing(false, 0);
  }

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
  private final Blocks blocks;
  private final OpenChunks open;
  private final @Nullable ChunkSealer sealer;

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
   * @param sealing with chunks that are sealed, a thread of the store's own seals them
   * @throws FsException STORAGE_FAILED or NO_SPACE, naming the directory
   */
  public FileChunkStore(
      Path directory,
      StorageDatabase database,
      Limits limits,
      Sealing sealing,
      ByteBufAllocator allocator)
      throws FsException {
    this.allocator = allocator;
    this.files = new SegmentFiles(directory, limits.openFilesMax(), this::takeFile);
    this.index = new ChunkIndex(database);
    this.space = new DiskSpace(directory, files, limits.reserveBytes(), limits.capacityBytes());
    for (int i = 0; i < LOCKS; i++) {
      locks[i] = new StampedLock();
    }
    this.blocks = new Blocks(allocator, sealing.used());
    this.open = new OpenChunks(sealing.used() ? OPEN_CHUNKS_MAX : 0);
    this.sealer =
        sealing.used()
            ? new ChunkSealer(open, index, this::seal, database::isWatched, sealing.idleNanos())
            : null;
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
      ChunkIndex.Chunk known = index.find(inode, layout, chunk);
      SpanOutcome loss = outcomeOfLoss(known == null ? null : known.record(), slot);
      // The bytes of a whole chunk make up for what was lost; fewer would leave zeros beside them.
      if (loss == SpanOutcome.UNKNOWN
          || (loss == SpanOutcome.LOST && span.lengthBytes() < layout.chunkSizeBytes())) {
        return loss;
      }
      boolean room = space.take(span.lengthBytes());
      if (known == null && !room) {
        return SpanOutcome.NO_SPACE;
      }
      file = files.acquire(key(inode, chunk), known == null);
      if (file == null) {
        throw corrupt(inode, chunk, "the file is missing");
      }
      long position = position(layout, chunk) + span.offsetBytes();
      if (!room && !NativeFile.allocated(file.descriptor(), position, span.lengthBytes())) {
        return SpanOutcome.NO_SPACE;
      }
      // Before the bytes change: whoever seals the chunk must not take them for older ones.
      open.touch(new OpenChunks.Place(inode, chunk, slot), System.nanoTime());
      if (known == null) {
        file.cover(chunkInSegment(chunk), layout.chunkSizeBytes());
        index.put(inode, chunk, slot, newRecord(layout, generation));
      } else if (!isCovered(file, layout, chunk)) {
        throw corrupt(inode, chunk, "the file ends before its end");
      } else {
        openBlocks(file, known, inode, layout, span);
      }
      NativeFile.write(file.descriptor(), address, span.lengthBytes(), position);
      if (known != null) {
        openLostBlocks(known, inode, layout, generation, span);
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

  /** What a loss means for a chunk with a record, or without one, in a slot; null = nothing. */
  private @Nullable SpanOutcome outcomeOfLoss(@Nullable ChunkRecord record, int slot) {
    if (record == null) {
      return lost.get().awaitsSearch(slot) ? SpanOutcome.UNKNOWN : null;
    }
    return record.isWhollyLost() ? SpanOutcome.LOST : null;
  }

  private static ChunkRecord newRecord(FileLayout layout, long generation) {
    return ChunkRecord.open(Integer.numberOfTrailingZeros(layout.chunkSizeBytes()), generation);
  }

  private static boolean isCovered(SegmentFile file, FileLayout layout, long chunk) {
    return file.sizeBytes() >= position(layout, chunk) + layout.chunkSizeBytes();
  }

  private FsException corrupt(long inode, long chunk, String why) {
    return new FsException(
        FsError.CORRUPT,
        "chunk %d of inode %s in %s: %s"
            .formatted(chunk, Long.toUnsignedString(inode), files.path(key(inode, chunk)), why));
  }

  /**
   * Makes sure that no block of a span has a sum, before the span is written. What is lost stays so
   * until it has been written: a death in between must not leave zeros.
   */
  private void openBlocks(
      SegmentFile file, ChunkIndex.Chunk known, long inode, FileLayout layout, ChunkSpan span)
      throws FsException {
    int blockBytes = known.record().blockBytes();
    int end = span.offsetBytes() + span.lengthBytes();
    int first = span.offsetBytes() / blockBytes;
    int last = (end - 1) / blockBytes;
    if (known.record().allOpen(first, last)) {
      return;
    }
    long chunk = span.chunkIndex();
    synchronized (index.turn(inode, chunk)) {
      ChunkIndex.Chunk now = index.find(inode, layout, chunk);
      if (now == null) {
        throw new IllegalStateException("a chunk that went while it was written");
      }
      if (span.offsetBytes() > first * blockBytes) {
        requireRight(file, now, inode, layout, chunk, first);
      }
      if (end < (last + 1) * blockBytes) {
        requireRight(file, now, inode, layout, chunk, last);
      }
      index.put(
          inode,
          chunk,
          ChunkIndex.slot(layout, chunk),
          now.record().withOpenUnlessLost(first, last));
    }
    if (files.survivesPowerFailure()) {
      index.sync();
    }
  }

  /** Notes that blocks of a span that were lost have been written whole. */
  private void openLostBlocks(
      ChunkIndex.Chunk known, long inode, FileLayout layout, long generation, ChunkSpan span)
      throws FsException {
    int blockBytes = known.record().blockBytes();
    int first = span.offsetBytes() / blockBytes;
    int last = (span.offsetBytes() + span.lengthBytes() - 1) / blockBytes;
    if (!known.record().anyLost(first, last)) {
      return;
    }
    long chunk = span.chunkIndex();
    synchronized (index.turn(inode, chunk)) {
      ChunkIndex.Chunk now = index.find(inode, layout, chunk);
      if (now == null) {
        throw new IllegalStateException("a chunk that went while it was written");
      }
      index.put(
          inode,
          chunk,
          ChunkIndex.slot(layout, chunk),
          now.record()
              .withOpen(first, last)
              .withGeneration(Math.max(generation, now.record().generation())));
    }
  }

  /** Refuses to write a part of a block whose other bytes are wrong: its new sum would hide it. */
  private void requireRight(
      SegmentFile file,
      ChunkIndex.Chunk known,
      long inode,
      FileLayout layout,
      long chunk,
      int block)
      throws FsException {
    if (known.record().isLost(block)) {
      throw corrupt(inode, chunk, "block " + block + " is lost");
    }
    if (known.record().isSealed(block)
        && !blocks.matches(file, known, position(layout, chunk), block)) {
      throw corrupt(inode, chunk, "block " + block + " does not match its checksum");
    }
  }

  /** Gives a chunk its sums, unless it is being changed. */
  private void seal(OpenChunks.Place place) throws FsException {
    long inode = place.inode();
    long chunk = place.chunk();
    var found = new @Nullable ChunkRecord[1];
    var change = new long[1];
    alone(
        inode,
        () -> {
          found[0] = index.get(inode, chunk, place.slot());
          change[0] = open.lastChange(place);
        });
    ChunkRecord record = found[0];
    if (change[0] == OpenChunks.NONE || record == null || !record.anyOpen()) {
      open.forget(place);
      return;
    }
    int[] sums = sums(inode, chunk, record);
    alone(
        inode,
        () -> {
          // Every change is noted under its chunk's lock, so this one was the last.
          if (open.lastChange(place) == change[0]) {
            index.put(inode, chunk, place.slot(), record.sealed(sums));
            open.forget(place);
          }
        });
  }

  /** The sums of the blocks that are open, beside writes of them. */
  private int[] sums(long inode, long chunk, ChunkRecord record) throws FsException {
    var sums = new int[record.blockCount()];
    long position = chunkInSegment(chunk) << record.chunkSizeExponent();
    StampedLock lock = lock(inode);
    for (int block = 0; block < sums.length; block++) {
      if (!record.isOpen(block)) {
        continue;
      }
      long stamp = lock.readLock();
      SegmentFile file = null;
      try {
        refuseIfClosed();
        file = files.acquire(key(inode, chunk), false);
        int blockBytes = record.blockBytes();
        Integer sum =
            file == null
                ? null
                : blocks.sum(file, position + (long) block * blockBytes, blockBytes);
        if (sum == null) {
          throw corrupt(inode, chunk, "the file is missing or ends before block " + block);
        }
        sums[block] = sum;
      } finally {
        if (file != null) {
          files.release(file);
        }
        lock.unlockRead(stamp);
      }
    }
    if (files.survivesPowerFailure()) {
      files.syncBytes(key(inode, chunk));
    }
    return sums;
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
    SpanOutcome outcome = e.error() == FsError.CORRUPT ? SpanOutcome.CORRUPT : SpanOutcome.FAILED;
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
    return outcome;
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
      int start = payload.writerIndex();
      ChunkIndex.Chunk known = index.find(inode, layout, chunk);
      SpanOutcome loss =
          outcomeOfLoss(known == null ? null : known.record(), ChunkIndex.slot(layout, chunk));
      if (loss != null) {
        return loss;
      }
      if (known == null) {
        payload.setZero(start, span.lengthBytes());
      } else {
        file = files.acquire(key(inode, chunk), false);
        if (file == null) {
          throw corrupt(inode, chunk, "the file is missing");
        }
        readStored(file, known, inode, layout, span, payload, start);
      }
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

  private void readStored(
      SegmentFile file,
      ChunkIndex.Chunk known,
      long inode,
      FileLayout layout,
      ChunkSpan span,
      ByteBuf payload,
      int start)
      throws FsException {
    long chunk = span.chunkIndex();
    ChunkIndex.Chunk compared = known;
    for (int attempt = 1; ; attempt++) {
      String wrong =
          blocks.read(
              file,
              compared,
              position(layout, chunk),
              span.offsetBytes(),
              span.lengthBytes(),
              payload,
              start);
      if (wrong == null) {
        return;
      }
      // A write beside this read has opened the block before it has changed it.
      ChunkIndex.Chunk now = index.find(inode, layout, chunk);
      if (now == null || now == compared || attempt == READ_ATTEMPTS) {
        throw corrupt(inode, chunk, wrong);
      }
      compared = now;
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
      for (long chunk : found.toArray()) {
        open.forget(new OpenChunks.Place(inode, chunk, ChunkIndex.slot(layout, chunk)));
      }
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
    openToCut(inode, layout, file, chunks, fromByte, toByte);
    var whole = new Indexes();
    List<Long> partial = new ArrayList<>(2);
    long holeStart = 0;
    long holeEnd = 0;
    for (long chunk : chunks) {
      int size = layout.chunkSizeBytes();
      int from = cutFrom(layout, chunk, fromByte);
      int to = cutTo(layout, chunk, toByte);
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
      int slot = ChunkIndex.slot(layout, chunk);
      ChunkRecord record = index.get(inode, chunk, slot);
      if (record != null) {
        // Tells a repeated cut that this chunk has had it.
        index.put(inode, chunk, slot, record.withGeneration(generation));
      }
    }
    index.delete(inode, layout, whole.toArray());
    for (long chunk : whole.toArray()) {
      open.forget(new OpenChunks.Place(inode, chunk, ChunkIndex.slot(layout, chunk)));
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
      int slot = ChunkIndex.slot(layout, chunk);
      open.touch(new OpenChunks.Place(inode, chunk, slot), System.nanoTime());
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
      requireRight(file, known, inode, layout, chunk, block);
      return false;
    } catch (FsException e) {
      if (e.error() != FsError.CORRUPT) {
        throw e;
      }
      var _ = outcome("cut", inode, chunk, e);
      return true;
    }
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
      files.surviveFromNowOn();
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
    SpanOutcome known = outcomeOfLoss(index.get(inode, chunk, slot), slot);
    if (known != SpanOutcome.UNKNOWN || generation < index.generation(inode, slot)) {
      return known == SpanOutcome.LOST;
    }
    SegmentFile file = files.acquire(key(inode, chunk), true);
    if (file == null) {
      throw new IllegalStateException("a file that was to be made is not there");
    }
    try {
      file.cover(chunkInSegment(chunk), layout.chunkSizeBytes());
      int exponent = Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
      index.put(inode, chunk, slot, ChunkRecord.lost(exponent, generation));
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
    return new ChunkTransfer(files, index, open, space, this::alone, allocator);
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
  public VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
    refuseIfClosed();
    List<String> findings = new ArrayList<>();
    var counts = new long[3];
    var next = new AtomicReference<byte[]>(new byte[0]);
    index.forAll(
        index.requireCursor(cursor),
        (key, record) -> {
          if (counts[0] == VERIFIED_CHUNKS_MAX || counts[2] >= bytesMax) {
            next.set(key);
            return false;
          }
          counts[0]++;
          if (record.anyOpen()) {
            counts[1]++;
          }
          counts[2] += 1L << record.chunkSizeExponent();
          String wrong = verify(Keys.number(key, 0), Keys.number(key, 1), Keys.slot(key), record);
          if (wrong != null) {
            findings.add(wrong);
          }
          return true;
        });
    return new VerifiedPage(findings, counts[0], counts[1], counts[2], next.get());
  }

  /** What is wrong with a chunk; null = nothing. */
  private @Nullable String verify(long inode, long chunk, int slot, ChunkRecord seen)
      throws FsException {
    int size = 1 << seen.chunkSizeExponent();
    StampedLock lock = lock(inode);
    long stamp = lock.readLock();
    SegmentFile file = null;
    int pieceBytes = Math.min(size, VERIFIED_PIECE_BYTES);
    ByteBuf bytes = allocator.directBuffer(pieceBytes, pieceBytes);
    try {
      refuseIfClosed();
      ChunkIndex.Chunk known = index.find(inode, chunk, slot, seen.chunkSizeExponent());
      if (known == null) {
        // Dropped meanwhile.
        return null;
      }
      file = files.acquire(key(inode, chunk), false);
      if (file == null) {
        throw corrupt(inode, chunk, "the file is missing");
      }
      var layout = new FileLayout(size, slot, 0, 0, false);
      for (int from = 0; from < size; from += pieceBytes) {
        readStored(file, known, inode, layout, new ChunkSpan(chunk, from, pieceBytes), bytes, 0);
      }
      return null;
    } catch (FsException e) {
      if (e.error() != FsError.CORRUPT) {
        throw e;
      }
      return e.getMessage();
    } finally {
      bytes.release();
      if (file != null) {
        files.release(file);
      }
      lock.unlockRead(stamp);
    }
  }

  /** Has close not spend time on chunks that go with it. */
  public void goWithData() {
    if (sealer != null) {
      sealer.leaveOpen();
    }
  }

  /** Seals what was written last, for some seconds at most. */
  @Override
  public void close() {
    if (sealer != null) {
      sealer.close();
    }
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
