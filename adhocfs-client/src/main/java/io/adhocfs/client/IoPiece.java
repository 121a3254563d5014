package io.adhocfs.client;

import java.nio.ByteBuffer;

/**
 * One part of a vectored transfer: as many bytes as the buffer has remaining, at this offset of the
 * file. Direct and heap buffers will do.
 */
public record IoPiece(long offset, ByteBuffer buffer) {
  public IoPiece {
    if (offset < 0 || offset > Long.MAX_VALUE - buffer.remaining()) {
      throw new IllegalArgumentException("a piece of " + buffer.remaining() + " at " + offset);
    }
  }
}
