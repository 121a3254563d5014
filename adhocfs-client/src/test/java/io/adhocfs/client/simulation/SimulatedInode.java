package io.adhocfs.client.simulation;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Everything that is stored of one inode. */
final class SimulatedInode {
  final InodeId id;
  final FileType type;
  int mode;
  int uid;
  int gid;
  int links;
  long size;
  long atime;
  long mtime;
  long ctime;
  long device;
  InodeId parent = InodeId.NONE;
  int exponent;
  long generation;
  long version;
  FileLayout layout;
  byte[] inline = new byte[0];
  byte[] target = new byte[0];

  /** What is shown while a cut is under way. */
  @Nullable FileAttributes beforeCut;

  /** Up to where appends have room, within one generation. */
  long appendEnd;

  long appendGeneration;

  final Map<Long, Long> pins = new HashMap<>();
  final TreeMap<EntryName, InodeId> entries =
      new TreeMap<>(
          Comparator.comparingLong(EntryName::hash)
              .thenComparing(EntryName::bytes, java.util.Arrays::compareUnsigned));

  SimulatedInode(InodeId id, FileType type, FileLayout layout) {
    this.id = id;
    this.type = type;
    this.layout = layout;
  }

  FileAttributes attributes() {
    return beforeCut != null ? beforeCut : now();
  }

  FileAttributes now() {
    return new FileAttributes(
        id,
        type,
        mode,
        uid,
        gid,
        links,
        type == FileType.DIRECTORY ? entries.size() : size,
        atime,
        mtime,
        ctime,
        device,
        parent,
        exponent,
        generation,
        version,
        false,
        layout);
  }
}
