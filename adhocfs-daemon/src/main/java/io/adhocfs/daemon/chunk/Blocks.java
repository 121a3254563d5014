package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Reads blocks of chunks and compares them with their checksums. Where blocks may be written
 * meanwhile, a difference counts only if the chunk's record is still the one that was compared
 * with: a block is opened in its record before its first byte changes. Thread-safe.
 */
final class Blocks {
  private static final int READ_ATTEMPTS = 10;

  private final SegmentFiles files;
  private final ChunkIndex index;
  private final ByteBufAllocator allocator;
  private final boolean compares;

  /**
   * @param compares whether to look at checksums at all
   */
  Blocks(SegmentFiles files, ChunkIndex index, ByteBufAllocator allocator, boolean compares) {
    this.files = files;
    this.index = index;
    this.allocator = allocator;
    this.compares = compares;
  }

  /** Bytes of a file from a position on into a buffer; answers how many there were. */
  private static long fill(SegmentFile file, ByteBuf into, int start, int length, long position)
      throws FsException {
    if (into.hasMemoryAddress()) {
      return file.bytes().read(into.memoryAddress() + start, length, position);
    }
    MemorySegment memory = MemorySegment.ofBuffer(into.nioBuffer(start, length));
    try {
      return file.bytes().read(memory.address(), length, position);
    } finally {
      Reference.reachabilityFence(memory);
    }
  }

  /**
   * Reads a part of a chunk.
   *
   * @param position of the chunk in the file
   * @param into has room for the part from the start on; its indexes are left alone
   * @return what is wrong; null = nothing
   */
  @Nullable String read(
      SegmentFile file,
      ChunkIndex.Chunk chunk,
      long position,
      int offset,
      int length,
      ByteBuf into,
      int start)
      throws FsException {
    ChunkRecord record = chunk.record();
    int blockBytes = record.blockBytes();
    int first = offset / blockBytes;
    int last = (offset + length - 1) / blockBytes;
    for (int block = first; block <= last; block++) {
      if (record.isLost(block)) {
        return "block " + block + " is lost";
      }
    }
    if (fill(file, into, start, length, position + offset) < length) {
      return "the file ends in it";
    }
    if (!compares) {
      return null;
    }
    for (int block = first; block <= last; block++) {
      int from = block * blockBytes;
      boolean whole = from >= offset && from + blockBytes <= offset + length;
      if (!record.isSealed(block) || (!whole && chunk.isVerified(block))) {
        continue;
      }
      boolean matches;
      if (whole) {
        matches = Checksums.of(into, start + from - offset, blockBytes) == record.sum(block);
      } else {
        ByteBuf bytes = allocator.directBuffer(blockBytes, blockBytes);
        try {
          matches =
              fill(file, bytes, 0, blockBytes, position + from) == blockBytes
                  && Checksums.of(bytes, 0, blockBytes) == record.sum(block);
          // What was compared is what is given.
          int partFrom = Math.max(from, offset);
          int partTo = Math.min(from + blockBytes, offset + length);
          into.setBytes(start + partFrom - offset, bytes, partFrom - from, partTo - partFrom);
        } finally {
          bytes.release();
        }
      }
      if (!matches) {
        return "block " + block + " does not match its checksum";
      }
      chunk.setVerified(block);
    }
    return null;
  }

  /** Whether a block that is sealed holds what was written, as far as it is to be looked at. */
  boolean matches(SegmentFile file, ChunkIndex.Chunk chunk, long position, int block)
      throws FsException {
    ChunkRecord record = chunk.record();
    if (!compares || chunk.isVerified(block)) {
      return true;
    }
    Integer sum = sum(file, position + (long) block * record.blockBytes(), record.blockBytes());
    if (sum == null || sum != record.sum(block)) {
      return false;
    }
    chunk.setVerified(block);
    return true;
  }

  /** The sum of bytes of a file; null where the file ends before them. */
  @Nullable Integer sum(SegmentFile file, long position, int length) throws FsException {
    ByteBuf bytes = allocator.directBuffer(length, length);
    try {
      return fill(file, bytes, 0, length, position) < length
          ? null
          : (Integer) Checksums.of(bytes, 0, length);
    } finally {
      bytes.release();
    }
  }

  /**
   * Reads a span of a chunk, beside writes of it.
   *
   * @param payload has room for the span from the start on; its indexes are left alone
   * @throws FsException CORRUPT when it is not what was written
   */
  void readStored(
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
          read(
              file,
              compared,
              SegmentFiles.position(layout, chunk),
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
        throw files.corrupt(inode, chunk, wrong);
      }
      compared = now;
    }
  }

  /** Refuses to write a part of a block whose other bytes are wrong: its new sum would hide it. */
  void requireRight(
      SegmentFile file,
      ChunkIndex.Chunk known,
      long inode,
      FileLayout layout,
      long chunk,
      int block)
      throws FsException {
    if (known.record().isLost(block)) {
      throw files.corrupt(inode, chunk, "block " + block + " is lost");
    }
    if (known.record().isSealed(block)
        && !matches(file, known, SegmentFiles.position(layout, chunk), block)) {
      throw files.corrupt(inode, chunk, "block " + block + " does not match its checksum");
    }
  }
}
