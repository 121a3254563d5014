package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import java.util.List;

/**
 * An inode as its node keeps it.
 *
 * @param pins how many sessions hold it open
 * @param inlineBytes length of its inline data
 * @param inTransaction whether an undecided operation holds it
 */
public record ScannedInode(
    FileAttributes attributes, int pins, int inlineBytes, boolean inTransaction) {
  private static final int ENCODED_BYTES_MIN = 90;

  void write(WireWriter out) {
    Values.writeAttributes(out, attributes);
    out.intValue(pins);
    out.intValue(inlineBytes);
    out.flag(inTransaction);
  }

  static ScannedInode read(WireReader in) throws FsException {
    return new ScannedInode(Values.readAttributes(in), in.intValue(), in.intValue(), in.flag());
  }

  static List<ScannedInode> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, ScannedInode::read);
  }
}
