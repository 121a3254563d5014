package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;

/**
 * A dentry as its node keeps it.
 *
 * @param slot that it lies in
 * @param inTransaction whether an undecided operation holds it
 */
public record ScannedEntry(
    InodeId directory,
    EntryName name,
    InodeId inode,
    FileType fileType,
    int slot,
    boolean inTransaction) {
  private static final int ENCODED_BYTES_MIN = 20;

  void write(WireWriter out) {
    out.inode(directory);
    out.name(name);
    out.inode(inode);
    out.byteValue(fileType.code());
    out.intValue(slot);
    out.flag(inTransaction);
  }

  static ScannedEntry read(WireReader in) throws FsException {
    return new ScannedEntry(
        in.inode(),
        in.name(),
        in.inode(),
        FileType.ofCode(in.byteValue()),
        in.intValue(),
        in.flag());
  }

  static List<ScannedEntry> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, ScannedEntry::read);
  }
}
