package io.adhocfs.client.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Keeps the parts of a range as slices of the answers they came in, without copying. */
final class PartsTarget implements ReadTarget {
  @GuardedBy("this")
  private @Nullable ByteBuf[] parts = new @Nullable ByteBuf[0];

  @GuardedBy("this")
  private boolean closed;

  @Override
  public synchronized void begin(int count) {
    drop();
    parts = new @Nullable ByteBuf[count];
  }

  @Override
  public synchronized void put(int number, int start, ByteBuf bytes, int lengthBytes) {
    if (closed) {
      return;
    }
    ByteBuf before = parts[number];
    if (before != null) {
      before.release();
    }
    parts[number] = bytes.retainedSlice(bytes.readerIndex(), lengthBytes);
  }

  /** All parts as one buffer, which the caller releases. Every part must have come. */
  synchronized ByteBuf take() {
    closed = true;
    List<ByteBuf> all = new ArrayList<>(parts.length);
    for (ByteBuf part : parts) {
      if (part == null) {
        throw new IllegalStateException("a part is missing");
      }
      all.add(part);
    }
    parts = new @Nullable ByteBuf[0];
    if (all.size() <= 1) {
      return all.isEmpty() ? Unpooled.EMPTY_BUFFER : all.get(0);
    }
    CompositeByteBuf whole = Unpooled.compositeBuffer(all.size());
    whole.addComponents(true, all);
    return whole;
  }

  /** Releases what has come; nothing is put any more. */
  synchronized void close() {
    closed = true;
    drop();
  }

  @GuardedBy("this")
  private void drop() {
    for (ByteBuf part : parts) {
      if (part != null) {
        part.release();
      }
    }
    Arrays.fill(parts, null);
  }
}
