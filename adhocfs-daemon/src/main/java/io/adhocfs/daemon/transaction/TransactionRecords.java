package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;

/** The values of PREPARED and DECISION records. What can't be decoded is CORRUPT. */
final class TransactionRecords {
  private static final int VERSION = 1;

  /**
   * What one slot has promised.
   *
   * @param made one per change: the inode that it makes, else NONE
   */
  record Promise(List<Change> changes, List<InodeId> made) {
    Promise {
      if (changes.size() != made.size()) {
        throw new IllegalArgumentException(changes.size() + " changes, " + made.size() + " inodes");
      }
    }
  }

  private TransactionRecords() {}

  static byte[] promise(Promise promise) {
    ByteBuf bytes = Unpooled.buffer();
    var out = new WireWriter(bytes);
    out.byteValue(VERSION);
    Change.writeAll(out, promise.changes());
    promise.made().forEach(out::inode);
    return taken(bytes);
  }

  static Promise promise(byte[] value) throws FsException {
    try {
      WireReader in = versioned(value);
      List<Change> changes = Change.readAll(in);
      List<InodeId> made = new ArrayList<>(changes.size());
      for (int i = 0; i < changes.size(); i++) {
        made.add(in.inode());
      }
      in.end();
      return new Promise(changes, made);
    } catch (FsException | IllegalArgumentException e) {
      throw new FsException(FsError.CORRUPT, "a prepared transaction: " + e.getMessage(), e);
    }
  }

  static byte[] slots(List<Integer> slots) {
    ByteBuf bytes = Unpooled.buffer();
    var out = new WireWriter(bytes);
    out.byteValue(VERSION);
    out.intValue(slots.size());
    slots.forEach(out::intValue);
    return taken(bytes);
  }

  static List<Integer> slots(byte[] value) throws FsException {
    try {
      WireReader in = versioned(value);
      List<Integer> slots = in.list(Integer.BYTES, WireReader::intValue);
      in.end();
      return slots;
    } catch (FsException e) {
      throw new FsException(FsError.CORRUPT, "a decided transaction: " + e.getMessage(), e);
    }
  }

  private static byte[] taken(ByteBuf buffer) {
    var bytes = new byte[buffer.readableBytes()];
    buffer.readBytes(bytes);
    return bytes;
  }

  private static WireReader versioned(byte[] value) throws FsException {
    var in = new WireReader(Unpooled.wrappedBuffer(value));
    int version = in.byteValue();
    if (version != VERSION) {
      throw new FsException(FsError.CORRUPT, "a transaction record of version " + version);
    }
    return in;
  }
}
