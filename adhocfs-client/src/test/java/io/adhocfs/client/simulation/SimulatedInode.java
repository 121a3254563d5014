package io.adhocfs.client.simulation;

import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

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

  /** Whether not all nodes have heard of the last cut or cleared range. */
  boolean cutUnderWay;

  /** The size when a truncation or change of a range was decided last. */
  long sizeBeforeChange;

  /** Up to where appends have room, between two cuts. */
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
        cutUnderWay ? DataGeneration.justBefore(generation) : generation,
        version,
        false,
        layout);
  }
}
