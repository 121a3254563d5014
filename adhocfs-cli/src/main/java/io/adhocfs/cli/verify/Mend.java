package io.adhocfs.cli.verify;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ScannedChunk;

/**
 * What would make a thing fit again that a verification has found inconsistent. Two findings may
 * ask for the same.
 */
public sealed interface Mend {
  /** What is done, for people: begins with a verb. */
  String sentence();

  /** A name goes that stands for nothing, or lies where nobody looks for it. */
  record RemoveName(int slot, EntryKey entry, InodeId inode, String path) implements Mend {
    @Override
    public String sentence() {
      return "remove the name " + path;
    }
  }

  /** An inode that no name stands for gets one below {@link Repairer#ORPHANS}. */
  record Reattach(FileAttributes inode) implements Mend {
    @Override
    public String sentence() {
      return "name the %s with inode %s %s/%s"
          .formatted(
              inode.isDirectory() ? "directory" : "file", inode.id(), Repairer.ORPHANS, inode.id());
    }
  }

  /** An inode is told how many names stand for it, or in which directory the one lies. */
  record SetNames(FileAttributes seen, int names, InodeId parent) implements Mend {
    @Override
    public String sentence() {
      return seen.isDirectory()
          ? "make %s the parent of directory %s".formatted(parent, seen.id())
          : names == 0
              ? "remove inode %s".formatted(seen.id())
              : "set the link count of inode %s to %d".formatted(seen.id(), names);
    }
  }

  /** The entries of a directory are counted anew, and partitions that are missing made. */
  record CountEntries(FileAttributes directory) implements Mend {
    @Override
    public String sentence() {
      return "count the entries of directory %s".formatted(directory.id());
    }
  }

  /** What is left of a directory's partition goes. */
  record RemovePartition(InodeId directory, int partition) implements Mend {
    @Override
    public String sentence() {
      return "remove partition %d of directory %s".formatted(partition, directory);
    }
  }

  /** A chunk of no file goes. */
  record DropChunk(NodeId node, ScannedChunk chunk) implements Mend {
    @Override
    public String sentence() {
      return "remove chunk %d of inode %s from node %s"
          .formatted(chunk.chunkIndex(), chunk.inode(), node);
    }
  }
}
