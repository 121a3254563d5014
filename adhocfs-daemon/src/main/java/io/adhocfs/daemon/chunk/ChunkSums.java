package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/** Gives chunks their checksums, and compares what is stored with them. Thread-safe. */
final class ChunkSums {
  private static final int VERIFIED_CHUNKS_MAX = 4096;
  private static final int VERIFIED_PIECE_BYTES = 1 << 20;

  private final SegmentFiles files;
  private final ChunkIndex index;
  private final OpenChunks open;
  private final Blocks blocks;
  private final ChunkLocks locks;
  private final ByteBufAllocator allocator;

  ChunkSums(
      SegmentFiles files,
      ChunkIndex index,
      OpenChunks open,
      Blocks blocks,
      ChunkLocks locks,
      ByteBufAllocator allocator) {
    this.files = files;
    this.index = index;
    this.open = open;
    this.blocks = blocks;
    this.locks = locks;
    this.allocator = allocator;
  }

  /** Gives a chunk its sums, unless it is being changed. */
  void seal(OpenChunks.Place place) throws FsException {
    long inode = place.inode();
    long chunk = place.chunk();
    var found = new @Nullable ChunkRecord[1];
    var change = new long[1];
    locks.alone(
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
    locks.alone(
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
    long position = SegmentFiles.chunkInSegment(chunk) << record.chunkSizeExponent();
    StampedLock lock = locks.of(inode);
    for (int block = 0; block < sums.length; block++) {
      if (!record.isOpen(block)) {
        continue;
      }
      long stamp = lock.readLock();
      SegmentFile file = null;
      try {
        locks.refuseIfClosed();
        file = files.acquire(SegmentFiles.key(inode, chunk), false);
        int blockBytes = record.blockBytes();
        Integer sum =
            file == null
                ? null
                : blocks.sum(file, position + (long) block * blockBytes, blockBytes);
        if (sum == null) {
          throw files.corrupt(inode, chunk, "the file is missing or ends before block " + block);
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
      files.syncBytes(SegmentFiles.key(inode, chunk));
    }
    return sums;
  }

  /**
   * Reads chunks and compares them with their checksums, while they are in use; as {@link
   * ChunkStore#verify}.
   */
  ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
    locks.refuseIfClosed();
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
    return new ChunkStore.VerifiedPage(findings, counts[0], counts[1], counts[2], next.get());
  }

  /** What is wrong with a chunk; null = nothing. */
  private @Nullable String verify(long inode, long chunk, int slot, ChunkRecord seen)
      throws FsException {
    int size = 1 << seen.chunkSizeExponent();
    StampedLock lock = locks.of(inode);
    long stamp = lock.readLock();
    SegmentFile file = null;
    int pieceBytes = Math.min(size, VERIFIED_PIECE_BYTES);
    ByteBuf bytes = allocator.directBuffer(pieceBytes, pieceBytes);
    try {
      locks.refuseIfClosed();
      ChunkIndex.Chunk known = index.find(inode, chunk, slot, seen.chunkSizeExponent());
      if (known == null) {
        // Dropped meanwhile.
        return null;
      }
      file = files.acquire(SegmentFiles.key(inode, chunk), false);
      if (file == null) {
        throw files.corrupt(inode, chunk, "the file is missing");
      }
      var layout = new FileLayout(size, slot, 0, 0, false);
      for (int from = 0; from < size; from += pieceBytes) {
        blocks.readStored(
            file, known, inode, layout, new ChunkSpan(chunk, from, pieceBytes), bytes, 0);
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
}
