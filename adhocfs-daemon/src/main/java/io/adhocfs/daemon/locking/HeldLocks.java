package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;

/**
 * What a holder holds, as memory and records have it.
 *
 * @param pid the process that set a lock last, as its mount knows it
 */
record HeldLocks(int pid, List<LockRange> ranges) {
  private static final int VERSION = 1;
  private static final int RANGE_BYTES = 17;
  private static final int FIXED_BYTES = 9;

  static final HeldLocks NONE = new HeldLocks(0, List.of());

  /**
   * {@code [version: 1][pid: 4][count: 4]}, then {@code [first: 8][last: 8][exclusive: 1]} each.
   */
  byte[] encoded() {
    ByteBuf out = Unpooled.buffer(FIXED_BYTES + RANGE_BYTES * ranges.size());
    var writer = new WireWriter(out);
    writer.byteValue(VERSION);
    writer.intValue(pid);
    writer.intValue(ranges.size());
    for (LockRange range : ranges) {
      writer.longValue(range.first());
      writer.longValue(range.last());
      writer.flag(range.exclusive());
    }
    var bytes = new byte[out.readableBytes()];
    out.readBytes(bytes);
    return bytes;
  }

  /**
   * The value of a record.
   *
   * @throws FsException CORRUPT
   */
  static HeldLocks decode(byte[] value) throws FsException {
    try {
      var in = new WireReader(Unpooled.wrappedBuffer(value));
      int version = in.byteValue();
      if (version != VERSION) {
        throw new FsException(FsError.CORRUPT, "locks of version " + version);
      }
      int pid = in.intValue();
      int count = in.count(RANGE_BYTES);
      List<LockRange> ranges = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        ranges.add(new LockRange(in.longValue(), in.longValue(), in.flag()));
      }
      in.end();
      return new HeldLocks(pid, List.copyOf(ranges));
    } catch (FsException | IllegalArgumentException e) {
      throw new FsException(FsError.CORRUPT, "a record of locks: " + e.getMessage(), e);
    }
  }
}
