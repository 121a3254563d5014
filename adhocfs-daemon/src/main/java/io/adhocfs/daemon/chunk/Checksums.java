package io.adhocfs.daemon.chunk;

import io.netty.buffer.ByteBuf;
import java.util.zip.CRC32C;

/** Sums of bytes. Pure functions. */
final class Checksums {
  private Checksums() {}

  /** CRC32C of some bytes of a direct buffer in one piece, whatever its indexes are. */
  static int of(ByteBuf bytes, int from, int length) {
    var sum = new CRC32C();
    sum.update(bytes.nioBuffer(from, length));
    return (int) sum.getValue();
  }
}
