package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.wire.Values;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The values of records. What can't be decoded is CORRUPT. Metadata thread only. */
final class Records {
  private static final int VERSION = 1;
  private static final int DENTRY_BYTES = 9;
  private static final int TYPE_OFFSET = 9;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final ByteBuf scratch = Unpooled.buffer(512);
  private final WireWriter writer = new WireWriter(scratch);

  private byte[] written() {
    var bytes = new byte[scratch.readableBytes()];
    scratch.readBytes(bytes);
    return bytes;
  }

  byte[] attributes(FileAttributes attributes) {
    scratch.clear();
    Values.writeAttributes(writer, attributes);
    return written();
  }

  static FileAttributes attributes(byte[] value, String what) throws FsException {
    try {
      var in = new WireReader(Unpooled.wrappedBuffer(value));
      FileAttributes attributes = Values.readAttributes(in);
      in.end();
      return attributes;
    } catch (FsException | IllegalArgumentException e) {
      throw corrupt(what, e);
    }
  }

  /** The type in encoded attributes, without decoding the rest. */
  static FileType typeOfAttributes(byte[] value) throws FsException {
    if (value.length <= TYPE_OFFSET) {
      throw new FsException(FsError.CORRUPT, "attributes of " + value.length + " bytes");
    }
    return type(value[TYPE_OFFSET]);
  }

  static byte[] dentry(InodeId inode, FileType type) {
    var value = new byte[DENTRY_BYTES];
    LONG.set(value, 0, inode.value());
    value[Long.BYTES] = (byte) type.code();
    return value;
  }

  static Dentry dentry(byte[] value) throws FsException {
    if (value.length != DENTRY_BYTES) {
      throw new FsException(FsError.CORRUPT, "a dentry of " + value.length + " bytes");
    }
    return new Dentry(new InodeId((long) LONG.get(value, 0)), type(value[Long.BYTES]));
  }

  static byte[] number(long number) {
    var value = new byte[Long.BYTES];
    LONG.set(value, 0, number);
    return value;
  }

  static long number(byte[] value, String what) throws FsException {
    if (value.length != Long.BYTES) {
      throw new FsException(FsError.CORRUPT, what + " of " + value.length + " bytes");
    }
    return (long) LONG.get(value, 0);
  }

  byte[] reclaim(FileLayout layout, long sizeBytes) {
    scratch.clear();
    writer.byteValue(VERSION);
    Values.writeLayout(writer, layout);
    writer.longValue(sizeBytes);
    return written();
  }

  static Reclaim reclaim(InodeId inode, byte[] value) throws FsException {
    try {
      WireReader in = versioned(value);
      var reclaim = new Reclaim(inode, Values.readLayout(in), in.longValue());
      in.end();
      return reclaim;
    } catch (FsException | IllegalArgumentException e) {
      throw corrupt("reclaim record of " + inode, e);
    }
  }

  static byte[] appendEnd(AppendEnd end) {
    var value = new byte[2 * Long.BYTES];
    LONG.set(value, 0, end.endByte());
    LONG.set(value, Long.BYTES, end.sinceGeneration());
    return value;
  }

  static AppendEnd appendEnd(InodeId inode, byte[] value) throws FsException {
    if (value.length != 2 * Long.BYTES) {
      throw new FsException(
          FsError.CORRUPT, "an end of appends to " + inode + " of " + value.length + " bytes");
    }
    return new AppendEnd((long) LONG.get(value, 0), (long) LONG.get(value, Long.BYTES));
  }

  byte[] share(Share share) {
    scratch.clear();
    writer.byteValue(VERSION);
    TransactionId staging = share.staging();
    writer.longValue(staging == null ? 0 : staging.value());
    Values.writeAttributes(writer, share.attributes());
    return written();
  }

  static Share share(InodeId directory, long partition, byte[] value) throws FsException {
    try {
      WireReader in = versioned(value);
      long staging = in.longValue();
      var share =
          new Share(
              Math.toIntExact(partition),
              Values.readAttributes(in),
              staging == 0 ? null : new TransactionId(staging));
      in.end();
      return share;
    } catch (FsException | IllegalArgumentException | ArithmeticException e) {
      throw corrupt("share " + partition + " of directory " + directory, e);
    }
  }

  byte[] cut(PendingCut cut) {
    scratch.clear();
    writer.byteValue(VERSION);
    writer.byteValue(cut.kind().code());
    Values.writeLayout(writer, cut.layout());
    writer.longValue(cut.fromByte());
    writer.longValue(cut.toByte());
    return written();
  }

  static PendingCut cut(InodeId inode, long generation, byte[] value) throws FsException {
    try {
      WireReader in = versioned(value);
      PendingCut.Kind kind = PendingCut.Kind.ofCode(in.byteValue());
      var cut =
          new PendingCut(
              inode, generation, kind, Values.readLayout(in), in.longValue(), in.longValue());
      in.end();
      return cut;
    } catch (FsException | IllegalArgumentException e) {
      throw corrupt("pending cut of " + inode, e);
    }
  }

  private static WireReader versioned(byte[] value) throws FsException {
    var in = new WireReader(Unpooled.wrappedBuffer(value));
    int version = in.byteValue();
    if (version != VERSION) {
      throw new FsException(FsError.CORRUPT, "a record of version " + version);
    }
    return in;
  }

  private static FileType type(byte code) throws FsException {
    try {
      return FileType.ofCode(code);
    } catch (IllegalArgumentException e) {
      throw corrupt("file type", e);
    }
  }

  private static FsException corrupt(String what, Exception e) {
    return new FsException(FsError.CORRUPT, what + ": " + e.getMessage(), e);
  }
}
