package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;

/** A dentry on its way to its directory's partition. */
public record StagedEntry(EntryName name, InodeId inode, FileType fileType) {
  private static final int ENCODED_BYTES_MIN = 11;

  void write(WireWriter out) {
    out.name(name);
    out.inode(inode);
    out.byteValue(fileType.code());
  }

  static List<StagedEntry> readAll(WireReader in) throws FsException {
    return in.list(
        ENCODED_BYTES_MIN,
        item -> new StagedEntry(item.name(), item.inode(), FileType.ofCode(item.byteValue())));
  }
}
