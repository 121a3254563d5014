package io.adhocfs.protocol.wire;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC32C over buffers, without copies through the Java heap. Not thread-safe. */
public final class Checksum {
  private final CRC32C crc = new CRC32C();

  /**
   * The checksum of a range of a buffer that nobody else reads or writes meanwhile, not even
   * through a slice: it uses the buffer's cached view.
   */
  public int ofOwn(ByteBuf buffer, int index, int length) {
    if (length == 0) {
      return 0;
    }
    if (buffer.nioBufferCount() != 1) {
      return of(buffer, index, length);
    }
    crc.reset();
    crc.update(buffer.internalNioBuffer(index, length));
    return (int) crc.getValue();
  }

  /** The checksum of a range of a buffer that others may be reading. */
  public int of(ByteBuf buffer, int index, int length) {
    if (length == 0) {
      return 0;
    }
    crc.reset();
    if (buffer.nioBufferCount() == 1) {
      crc.update(buffer.nioBuffer(index, length));
    } else {
      for (ByteBuffer part : buffer.nioBuffers(index, length)) {
        crc.update(part);
      }
    }
    return (int) crc.getValue();
  }

  /** The checksum of a buffer's readable bytes; 0 when there are none. Any thread. */
  public static int ofReadable(ByteBuf buffer) {
    return buffer.isReadable()
        ? new Checksum().of(buffer, buffer.readerIndex(), buffer.readableBytes())
        : 0;
  }
}
