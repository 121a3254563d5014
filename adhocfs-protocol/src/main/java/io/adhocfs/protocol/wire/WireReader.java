package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes values off a message body. Never reads past its end, and never allocates more than the body
 * holds: a wrong length is a {@link FsError#BAD_MESSAGE}. Not thread-safe.
 */
public final class WireReader {
  private final ByteBuf in;

  /** Reads one item of a list. */
  @FunctionalInterface
  public interface Item<T> {
    T read(WireReader in) throws FsException;
  }

  public WireReader(ByteBuf in) {
    this.in = in;
  }

  private void need(int length) throws FsException {
    if (length < 0 || in.readableBytes() < length) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a field of " + length + " bytes where " + in.readableBytes() + " are left");
    }
  }

  public int byteValue() throws FsException {
    need(1);
    return in.readUnsignedByte();
  }

  public boolean flag() throws FsException {
    int value = byteValue();
    if (value > 1) {
      throw new FsException(FsError.BAD_MESSAGE, "a flag of " + value);
    }
    return value == 1;
  }

  public int intValue() throws FsException {
    need(4);
    return in.readInt();
  }

  /** A count of items that take at least {@code itemBytesMin} bytes each. */
  public int count(int itemBytesMin) throws FsException {
    int count = intValue();
    if (count < 0 || (long) count * itemBytesMin > in.readableBytes()) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a list of " + count + " items where " + in.readableBytes() + " bytes are left");
    }
    return count;
  }

  /** A list of items that take at least {@code itemBytesMin} bytes each. */
  public <T> List<T> list(int itemBytesMin, Item<T> item) throws FsException {
    int count = count(itemBytesMin);
    List<T> items = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      items.add(item.read(this));
    }
    return items;
  }

  public long longValue() throws FsException {
    need(8);
    return in.readLong();
  }

  public InodeId inode() throws FsException {
    return new InodeId(longValue());
  }

  public EntryName name() throws FsException {
    int length = byteValue();
    need(length);
    var bytes = new byte[length];
    in.readBytes(bytes);
    return EntryName.of(bytes);
  }

  public byte[] bytes() throws FsException {
    int length = intValue();
    need(length);
    var bytes = new byte[length];
    in.readBytes(bytes);
    return bytes;
  }

  public short[] shorts() throws FsException {
    var values = new short[count(Short.BYTES)];
    var bytes = new byte[Short.BYTES * values.length];
    in.readBytes(bytes);
    ByteBuffer.wrap(bytes).asShortBuffer().get(values);
    return values;
  }

  public String text() throws FsException {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /** Refuses bytes left over. */
  public void end() throws FsException {
    if (in.isReadable()) {
      throw new FsException(
          FsError.BAD_MESSAGE, in.readableBytes() + " bytes after the message's end");
    }
  }
}
