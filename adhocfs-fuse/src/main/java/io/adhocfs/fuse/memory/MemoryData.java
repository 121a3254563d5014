package io.adhocfs.fuse.memory;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of one file, in chunks outside the heap; holes take no memory. Not thread-safe: the
 * inode guards its data. A buffer that {@link #read} returns stays valid during later writes, and
 * may show them.
 */
final class MemoryData {
  private static final int CHUNK_SIZE_BYTES = 256 << 10;
  private static final int CHUNK_SIZE_BYTES_MIN = 4 << 10;

  private static final ByteBuf ZEROS =
      Unpooled.unreleasableBuffer(
          Unpooled.directBuffer(CHUNK_SIZE_BYTES, CHUNK_SIZE_BYTES).writeZero(CHUNK_SIZE_BYTES));

  /** How much all files together may still allocate. */
  private final AtomicLong availableBytes;

  /**
   * The chunks by index. A chunk's buffer may be shorter than a chunk; all bytes behind the last
   * written one are 0, in the buffer and beyond.
   */
  private final Map<Long, ByteBuf> chunks = new HashMap<>();

  private long sizeBytes;

  MemoryData(AtomicLong availableBytes) {
    this.availableBytes = availableBytes;
  }

  long sizeBytes() {
    return sizeBytes;
  }

  /** The bytes from an offset, fewer at the end of the file; the caller releases them. */
  ByteBuf read(long offset, int lengthBytes) {
    int length = Math.clamp(sizeBytes - offset, 0, lengthBytes);
    if (length == 0) {
      return Unpooled.EMPTY_BUFFER;
    }
    int start = (int) (offset % CHUNK_SIZE_BYTES);
    ByteBuf first = chunks.get(offset / CHUNK_SIZE_BYTES);
    if (first != null && start + length <= first.capacity()) {
      return first.retainedSlice(start, length);
    }
    CompositeByteBuf parts =
        PooledByteBufAllocator.DEFAULT.compositeDirectBuffer(2 * length / CHUNK_SIZE_BYTES + 4);
    long position = offset;
    long end = offset + length;
    while (position < end) {
      int from = (int) (position % CHUNK_SIZE_BYTES);
      int until = (int) Math.min(CHUNK_SIZE_BYTES, from + end - position);
      ByteBuf chunk = chunks.get(position / CHUNK_SIZE_BYTES);
      int filled = chunk == null ? from : Math.clamp(chunk.capacity(), from, until);
      if (chunk != null && filled > from) {
        parts.addComponent(true, chunk.retainedSlice(from, filled - from));
      }
      if (until > filled) {
        parts.addComponent(true, ZEROS.slice(filled, until - filled));
      }
      position += until - from;
    }
    return parts;
  }

  /** Copies the readable bytes to an offset. On NO_SPACE a part of them may have been written. */
  void write(long offset, ByteBuf data) throws FsException {
    long position = offset;
    while (data.isReadable()) {
      int from = (int) (position % CHUNK_SIZE_BYTES);
      int length = Math.min(CHUNK_SIZE_BYTES - from, data.readableBytes());
      ByteBuf chunk = chunkFor(position / CHUNK_SIZE_BYTES, from, from + length);
      chunk.setBytes(from, data, length);
      position += length;
      sizeBytes = Math.max(sizeBytes, position);
    }
  }

  void truncate(long newSizeBytes) {
    if (newSizeBytes < sizeBytes) {
      long lastChunk = newSizeBytes / CHUNK_SIZE_BYTES;
      for (Iterator<Map.Entry<Long, ByteBuf>> i = chunks.entrySet().iterator(); i.hasNext(); ) {
        Map.Entry<Long, ByteBuf> entry = i.next();
        if (entry.getKey() > lastChunk) {
          free(entry.getValue());
          i.remove();
        }
      }
      ByteBuf last = chunks.get(lastChunk);
      int kept = (int) (newSizeBytes % CHUNK_SIZE_BYTES);
      if (last != null && kept < last.capacity()) {
        last.setZero(kept, last.capacity() - kept);
      }
    }
    sizeBytes = newSizeBytes;
  }

  void free() {
    chunks.values().forEach(this::free);
    chunks.clear();
    sizeBytes = 0;
  }

  private void free(ByteBuf chunk) {
    availableBytes.addAndGet(chunk.capacity());
    chunk.release();
  }

  /** The chunk's buffer, made or grown so that the bytes [from, until) can be written. */
  private ByteBuf chunkFor(long index, int from, int until) throws FsException {
    ByteBuf chunk = chunks.get(index);
    if (chunk != null && until <= chunk.capacity()) {
      return chunk;
    }
    int capacity = Math.max(CHUNK_SIZE_BYTES_MIN, powerOfTwoFrom(until));
    int grownBytes = capacity - (chunk == null ? 0 : chunk.capacity());
    if (availableBytes.addAndGet(-grownBytes) < 0) {
      availableBytes.addAndGet(grownBytes);
      throw new FsException(FsError.NO_SPACE, "the memory set aside for files is used up");
    }
    ByteBuf grown = allocate(capacity, chunk, from, until);
    if (chunk != null) {
      chunk.release();
    }
    chunks.put(index, grown);
    return grown;
  }

  private static ByteBuf allocate(int capacity, @Nullable ByteBuf earlier, int from, int until) {
    ByteBuf chunk = PooledByteBufAllocator.DEFAULT.directBuffer(capacity, capacity);
    int kept = earlier == null ? 0 : earlier.capacity();
    if (earlier != null) {
      chunk.setBytes(0, earlier, 0, kept);
    }
    // Bytes that are about to be written need not be cleared first.
    if (from > kept) {
      chunk.setZero(kept, from - kept);
    }
    chunk.setZero(until, capacity - until);
    return chunk;
  }

  private static int powerOfTwoFrom(int value) {
    return value <= 1 ? 1 : Integer.highestOneBit(value - 1) << 1;
  }
}
