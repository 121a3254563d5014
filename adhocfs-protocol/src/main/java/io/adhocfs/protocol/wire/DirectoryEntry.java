package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a listing; its cookie is the hash of its name.
 *
 * @param attributes null when not asked for, or when the inode lies at another node
 */
public record DirectoryEntry(
    EntryName name, InodeId inode, FileType fileType, @Nullable FileAttributes attributes) {
  private static final int ENCODED_BYTES_MIN = 12;

  void write(WireWriter out) {
    out.name(name);
    out.inode(inode);
    out.byteValue(fileType.code());
    Reply.writeOptional(out, attributes);
  }

  static DirectoryEntry read(WireReader in) throws FsException {
    return new DirectoryEntry(
        in.name(), in.inode(), FileType.ofCode(in.byteValue()), Reply.readOptional(in));
  }

  static List<DirectoryEntry> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, DirectoryEntry::read);
  }
}
