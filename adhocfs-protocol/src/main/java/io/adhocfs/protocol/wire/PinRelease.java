package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;

/**
 * A pin that is no longer needed.
 *
 * @param pin releases the session's pin if its number is at most this
 */
public record PinRelease(InodeId inode, long pin) {
  private static final int ENCODED_BYTES_MIN = 16;

  void write(WireWriter out) {
    out.inode(inode);
    out.longValue(pin);
  }

  static PinRelease read(WireReader in) throws FsException {
    return new PinRelease(in.inode(), in.longValue());
  }

  static List<PinRelease> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, PinRelease::read);
  }
}
