package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.BiConsumer;

/** Appends values to a message body; big-endian, lengths before contents. Not thread-safe. */
public final class WireWriter {
  private final ByteBuf out;

  public WireWriter(ByteBuf out) {
    this.out = out;
  }

  public void byteValue(int value) {
    out.writeByte(value);
  }

  public void flag(boolean value) {
    out.writeByte(value ? 1 : 0);
  }

  public void intValue(int value) {
    out.writeInt(value);
  }

  public void longValue(long value) {
    out.writeLong(value);
  }

  public void inode(InodeId id) {
    out.writeLong(id.value());
  }

  /** A name: one length byte, then its bytes. */
  public void name(EntryName name) {
    out.writeByte(name.length());
    out.writeBytes(name.bytes());
  }

  /** Up to 2^31-1 bytes: an int length, then the bytes. */
  public void bytes(byte[] bytes) {
    out.writeInt(bytes.length);
    out.writeBytes(bytes);
  }

  public void shorts(short[] values) {
    out.writeInt(values.length);
    var bytes = new byte[Short.BYTES * values.length];
    ByteBuffer.wrap(bytes).asShortBuffer().put(values);
    out.writeBytes(bytes);
  }

  /** A list: an int count, then its items. */
  public <T> void list(List<T> items, BiConsumer<WireWriter, T> item) {
    out.writeInt(items.size());
    items.forEach(each -> item.accept(this, each));
  }

  /** A text as UTF-8. */
  public void text(String text) {
    bytes(text.getBytes(StandardCharsets.UTF_8));
  }
}
