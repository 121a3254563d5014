package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.ChunkWritten;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.slot.SlotStream;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.placement.Placement;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chunks in sparse files, one for each inode and segment, with their index in the slot store.
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

  private static final int OPEN_CHUNKS_MAX = 1 << 16;

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
  private final SlotStore records;
  private final SegmentFiles files;
  private final ChunkIndex index;
  private final SlotStream stream;
  private final DiskSpace space;
  private final Blocks blocks;
  private final OpenChunks open;
  private final @Nullable ChunkSealer sealer;

  private final ChunkLocks locks = new ChunkLocks();
  private final ChunkFailures failures = new ChunkFailures();
  private final ChunkCuts cuts;
  private final ChunkExtents extents;
  private final ChunkSums sums;

  /** Slots that were lost once. */
  private volatile Supplier<LostSlots> lost = () -> LostSlots.NONE;

  /**
   * Opens the store in a directory.
   *
   * @param threads where that of the store comes from, and the time
   * @param disk its directory is made if missing; the space of the files there is added up, which
   *     takes about a second for half a million files
   * @param records stays its owner's; has the index of the chunks
   * @param sealing with chunks that are sealed, a thread of the store's own seals them
   * @throws FsException STORAGE_FAILED or NO_SPACE, naming the directory
   */
  public FileChunkStore(
      Threads threads,
      Disk disk,
      SlotStore records,
      Limits limits,
      Sealing sealing,
      ByteBufAllocator allocator)
      throws FsException {
    this.allocator = allocator;
    this.records = records;
    this.files = new SegmentFiles(disk, limits.openFilesMax(), this::takeFile);
    this.index = new ChunkIndex(threads, records);
    this.stream = records.stream();
    this.space = new DiskSpace(threads, disk, files, limits.reserveBytes(), limits.capacityBytes());
    this.blocks = new Blocks(files, index, allocator, sealing.used());
    this.open = new OpenChunks(threads, sealing.used() ? OPEN_CHUNKS_MAX : 0);
    this.cuts = new ChunkCuts(files, index, open, blocks, locks, space, failures);
    this.extents = new ChunkExtents(files);
    this.sums = new ChunkSums(files, index, open, blocks, locks, allocator);
    this.sealer =
        sealing.used()
            ? new ChunkSealer(
                threads, open, index, sums::seal, records.stream()::isHeard, sealing.idleNanos())
            : null;
  }

  /**
   * After a power failure, before anything is served: drops chunks whose record has reached the
   * disk and whose bytes cannot have, since their file does not reach so far. None of their blocks
   * has a checksum, and no {@link #sync} has returned for them: a sync has the file cover its
   * chunks on the disk. So nothing was promised of them, and nobody could write them any more.
   */
  public void dropUnsynced() throws FsException {
    var unsynced = new SlotBatch();
    index.forAll(
        new byte[0],
        (key, record) -> {
          long chunk = Keys.number(key, 1);
          long end = (SegmentFiles.chunkInSegment(chunk) + 1) << record.chunkSizeExponent();
          if (record.isAllOpen()
              && files.sizeBytes(SegmentFiles.key(Keys.number(key, 0), chunk)) < end) {
            unsynced.remove(key);
          }
          return true;
        });
    if (!unsynced.isEmpty()) {
      LOG.info("chunks that never reached the disk count={}", unsynced.size());
      records.commit(unsynced);
      records.sync();
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
    StampedLock lock = locks.of(inode.value());
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
    int slot = Placement.chunkSlotValue(layout, chunk);
    SegmentFile file = null;
    try {
      locks.refuseIfClosed();
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
      file = files.acquire(SegmentFiles.key(inode, chunk), known == null);
      if (file == null) {
        throw files.corrupt(inode, chunk, "the file is missing");
      }
      long position = SegmentFiles.position(layout, chunk) + span.offsetBytes();
      if (!room && !file.bytes().isAllocated(position, span.lengthBytes())) {
        return SpanOutcome.NO_SPACE;
      }
      // Before the bytes change: whoever seals the chunk must not take them for older ones.
      open.touch(new OpenChunks.Place(inode, chunk, slot));
      if (known == null) {
        file.cover(SegmentFiles.chunkInSegment(chunk), layout.chunkSizeBytes());
        index.put(inode, chunk, slot, newRecord(layout, generation));
      } else if (!isCovered(file, layout, chunk)) {
        throw files.corrupt(inode, chunk, "the file ends before its end");
      } else {
        openBlocks(file, known, inode, layout, span);
      }
      try {
        file.bytes().write(address, span.lengthBytes(), position);
      } finally {
        // What failed may have changed some.
        tellWritten(inode, chunk, slot, span.offsetBytes(), span.lengthBytes());
      }
      if (known != null) {
        openLostBlocks(known, inode, layout, generation, span);
      }
      return SpanOutcome.DONE;
    } catch (FsException e) {
      return failures.outcome("write", inode, chunk, e);
    } finally {
      if (file != null) {
        files.release(file);
      }
    }
  }

  private void tellWritten(long inode, long chunk, int slot, int fromByte, int lengthBytes) {
    if (stream.isHeard()) {
      stream.publish(
          new ChunkWritten(slot, new InodeId(inode), chunk, fromByte, fromByte + lengthBytes));
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
    return file.sizeBytes() >= SegmentFiles.position(layout, chunk) + layout.chunkSizeBytes();
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
        blocks.requireRight(file, now, inode, layout, chunk, first);
      }
      if (end < (last + 1) * blockBytes) {
        blocks.requireRight(file, now, inode, layout, chunk, last);
      }
      index.put(
          inode,
          chunk,
          Placement.chunkSlotValue(layout, chunk),
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
          Placement.chunkSlotValue(layout, chunk),
          now.record()
              .withOpen(first, last)
              .withGeneration(Math.max(generation, now.record().generation())));
    }
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
    StampedLock lock = locks.of(inode.value());
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
      locks.refuseIfClosed();
      if (generation < index.generation(inode, Placement.chunkSlotValue(layout, chunk))) {
        return SpanOutcome.STALE;
      }
      int start = payload.writerIndex();
      ChunkIndex.Chunk known = index.find(inode, layout, chunk);
      SpanOutcome loss =
          outcomeOfLoss(
              known == null ? null : known.record(), Placement.chunkSlotValue(layout, chunk));
      if (loss != null) {
        return loss;
      }
      if (known == null) {
        payload.setZero(start, span.lengthBytes());
      } else {
        file = files.acquire(SegmentFiles.key(inode, chunk), false);
        if (file == null) {
          throw files.corrupt(inode, chunk, "the file is missing");
        }
        blocks.readStored(file, known, inode, layout, span, payload, start);
      }
      payload.writerIndex(start + span.lengthBytes());
      return SpanOutcome.DONE;
    } catch (FsException e) {
      return failures.outcome("read", inode, chunk, e);
    } finally {
      if (file != null) {
        files.release(file);
      }
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
    cuts.discard(inode, layout, generation, fromByte, toByte, slots, false);
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
    cuts.discard(inode, layout, generation, fromByte, toByte, slots, true);
  }

  @Override
  public long seek(
      InodeId inode, FileLayout layout, long fromByte, boolean hole, IntPredicate slots)
      throws FsException {
    if (fromByte < 0) {
      throw new IllegalArgumentException("a search from " + fromByte);
    }
    StampedLock lock = locks.of(inode.value());
    long stamp = lock.readLock();
    try {
      locks.refuseIfClosed();
      return hole
          ? extents.hole(inode.value(), layout, fromByte, slots)
          : extents.data(inode.value(), layout, fromByte, slots);
    } finally {
      lock.unlockRead(stamp);
    }
  }

  @Override
  public long allocatedBytes(InodeId inode) throws FsException {
    StampedLock lock = locks.of(inode.value());
    long stamp = lock.readLock();
    try {
      locks.refuseIfClosed();
      long sum = 0;
      for (long segment : files.segments(inode.value())) {
        SegmentFile file = files.acquire(new SegmentFiles.Key(inode.value(), segment), false);
        if (file != null) {
          try {
            sum += file.bytes().extent().allocatedBytes();
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
    locks.refuseIfClosed();
    index.sync();
  }

  /** Whether anything is left of a file: else its bytes need not be written to be dropped. */
  private boolean hasChunks(Dropped file) throws FsException {
    long inode = file.inode().value();
    StampedLock lock = locks.of(inode);
    long stamp = lock.readLock();
    try {
      locks.refuseIfClosed();
      for (long segment : files.segments(inode)) {
        long size = files.sizeBytes(new SegmentFiles.Key(inode, segment));
        if (!cuts.isEmpty(
            inode, file.layout(), segment, SegmentFiles.lastChunk(file.layout(), segment, size))) {
          return true;
        }
      }
      return false;
    } finally {
      lock.unlockRead(stamp);
    }
  }

  private void syncFiles(InodeId inode) throws FsException {
    StampedLock lock = locks.of(inode.value());
    long stamp = lock.readLock();
    try {
      locks.refuseIfClosed();
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
    locks.refuseIfClosed();
    index.sync();
    for (Dropped file : dropped) {
      locks.alone(
          file.inode().value(), () -> cuts.deleteEmptyFiles(file.inode().value(), file.layout()));
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
    locks.alone(
        inode.value(),
        () -> {
          for (long chunk = firstChunk; chunk <= lastChunk; chunk++) {
            int slot = Placement.chunkSlotValue(layout, chunk);
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
    SegmentFile file = files.acquire(SegmentFiles.key(inode, chunk), true);
    if (file == null) {
      throw new IllegalStateException("a file that was to be made is not there");
    }
    try {
      file.cover(SegmentFiles.chunkInSegment(chunk), layout.chunkSizeBytes());
      int exponent = Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
      index.put(inode, chunk, slot, ChunkRecord.lost(exponent, generation));
      // A byte, so that who looks for data finds the chunk and not a hole.
      ByteBuf mark = Unpooled.directBuffer(1, 1).writeZero(1);
      try {
        MemorySegment memory = MemorySegment.ofBuffer(mark.nioBuffer());
        file.bytes().write(memory.address(), 1, SegmentFiles.position(layout, chunk));
        tellWritten(inode, chunk, slot, 0, 1);
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
    locks.refuseIfClosed();
    return index.scan(cursor, itemsMax);
  }

  @Override
  public List<String> findings() throws FsException {
    locks.refuseIfClosed();
    return new StorageInspection(files, index, locks).findings();
  }

  /** The way of chunks from and to other nodes. */
  public ChunkTransfer transfer() {
    return new ChunkTransfer(files, index, open, space, locks, allocator);
  }

  @Override
  public VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
    return sums.verify(cursor, bytesMax);
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
    locks.close(files::close);
  }
}
