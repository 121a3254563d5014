package io.adhocfs.fuse.kernel;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.MemorySegment;

/**
 * A pooled direct buffer together with the same memory as a segment, made once: system calls and
 * fields of structs need the segment, and the buffer counts references.
 */
final class NativeBuffer {
  private final ByteBuf buffer;
  private final MemorySegment segment;

  private NativeBuffer(ByteBuf buffer) {
    this.buffer = buffer;
    this.segment =
        MemorySegment.ofBuffer(buffer.internalNioBuffer(0, buffer.capacity()).duplicate());
  }

  static NativeBuffer allocate(int sizeBytes) {
    return new NativeBuffer(PooledByteBufAllocator.DEFAULT.directBuffer(sizeBytes, sizeBytes));
  }

  MemorySegment segment() {
    return segment;
  }

  /**
   * A part of the memory, which its receiver releases; until then the whole buffer is not returned
   * to the pool.
   */
  ByteBuf retainedSlice(int offset, int lengthBytes) {
    return buffer.retainedSlice(offset, lengthBytes);
  }

  /** A buffer of its own with a copy of this part. */
  ByteBuf copy(int offset, int lengthBytes) {
    return PooledByteBufAllocator.DEFAULT
        .directBuffer(lengthBytes, lengthBytes)
        .writeBytes(buffer, offset, lengthBytes);
  }

  /** Whether all slices have been released, so that the memory may be overwritten. */
  boolean isOursAlone() {
    return buffer.refCnt() == 1;
  }

  void release() {
    buffer.release();
  }
}
