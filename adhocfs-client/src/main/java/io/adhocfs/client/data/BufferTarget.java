package io.adhocfs.client.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/** Copies the bytes of a range into a caller's buffer, until it is closed. */
final class BufferTarget implements ReadTarget {
  private final ByteBuffer buffer;
  private final int position;

  @GuardedBy("this")
  private boolean closed;

  BufferTarget(ByteBuffer buffer) {
    this.buffer = buffer;
    this.position = buffer.position();
  }

  @Override
  public void begin(int parts) {}

  /**
   * Parts don't overlap; the lock is for the caller, who may use the buffer again once the read has
   * failed.
   */
  @Override
  public synchronized void put(int number, int start, ByteBuf bytes, int lengthBytes) {
    if (!closed) {
      bytes.getBytes(bytes.readerIndex(), buffer.slice(position + start, lengthBytes));
    }
  }

  /** Nothing is put any more. */
  synchronized void close() {
    closed = true;
  }

  /** Closes, and moves the buffer's position past what was read. */
  synchronized void close(int lengthBytes) {
    closed = true;
    buffer.position(position + lengthBytes);
  }
}
