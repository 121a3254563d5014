package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Between this host's files and the buffers that travel. */
final class HostBuffers {
  private HostBuffers() {}

  /** So many bytes of the file, or fewer where it ends. The receiver releases the buffer. */
  static ByteBuf read(LocalFile file, long offset, int lengthBytes) throws FsException {
    ByteBuf buffer = PooledByteBufAllocator.DEFAULT.directBuffer(lengthBytes, lengthBytes);
    boolean handedOver = false;
    try {
      if (lengthBytes > 0) {
        MemorySegment target = MemorySegment.ofBuffer(buffer.internalNioBuffer(0, lengthBytes));
        buffer.writerIndex((int) file.read(target, offset));
      }
      handedOver = true;
      return buffer;
    } finally {
      if (!handedOver) {
        buffer.release();
      }
    }
  }

  /** Writes what is readable in the buffer, which stays the caller's. */
  static void write(LocalFile file, long offset, ByteBuf data) throws FsException {
    long at = offset;
    for (ByteBuffer part : data.nioBuffers()) {
      int length = part.remaining();
      if (part.isDirect()) {
        file.write(MemorySegment.ofBuffer(part), at);
      } else {
        writeCopied(file, at, part);
      }
      at += length;
    }
  }

  private static void writeCopied(LocalFile file, long offset, ByteBuffer part) throws FsException {
    ByteBuf copy = PooledByteBufAllocator.DEFAULT.directBuffer(part.remaining());
    try {
      copy.writeBytes(part);
      file.write(MemorySegment.ofBuffer(copy.internalNioBuffer(0, copy.readableBytes())), offset);
    } finally {
      copy.release();
    }
  }
}
