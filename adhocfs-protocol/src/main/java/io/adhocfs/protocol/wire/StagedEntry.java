package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayList;
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
    int count = in.count(ENCODED_BYTES_MIN);
    List<StagedEntry> entries = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      entries.add(new StagedEntry(in.name(), in.inode(), FileType.ofCode(in.byteValue())));
    }
    return entries;
  }
}
