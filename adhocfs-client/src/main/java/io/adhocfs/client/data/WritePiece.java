package io.adhocfs.client.data;

import io.netty.buffer.ByteBuf;

/** Bytes for a place in a file: all that are readable. Who makes it releases the buffer. */
public record WritePiece(long offset, ByteBuf data) {
  int lengthBytes() {
    return data.readableBytes();
  }

  long end() {
    return offset + data.readableBytes();
  }
}
