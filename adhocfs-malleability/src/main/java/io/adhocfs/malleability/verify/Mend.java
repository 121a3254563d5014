package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ScannedChunk;

/**
 * A remedy for an inconsistency that a verification has found. Two findings may need the same
 * remedy.
 */
public sealed interface Mend {
  /** What the remedy does, for users: begins with a verb. */
  String sentence();

  /** Removes a name that points to nothing, or lies where no lookup finds it. */
  record RemoveName(int slot, EntryKey entry, InodeId inode, String path) implements Mend {
    @Override
    public String sentence() {
      return "remove the name " + path;
    }
  }

  /** Gives an inode without a name a name below {@link Verification#ORPHANS}. */
  record Reattach(FileAttributes inode) implements Mend {
    @Override
    public String sentence() {
      return "name the %s with inode %s %s/%s"
          .formatted(
              inode.isDirectory() ? "directory" : "file",
              inode.id(),
              Verification.ORPHANS,
              inode.id());
    }
  }

  /**
   * Sets the link count of a file, or removes the file if it has no names; or sets the parent of a
   * directory.
   */
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

  /** Counts the entries of a directory anew, and makes missing partitions. */
  record CountEntries(FileAttributes directory) implements Mend {
    @Override
    public String sentence() {
      return "count the entries of directory %s".formatted(directory.id());
    }
  }

  /** Removes a left-over partition of a directory. */
  record RemovePartition(InodeId directory, int partition) implements Mend {
    @Override
    public String sentence() {
      return "remove partition %d of directory %s".formatted(partition, directory);
    }
  }

  /** Removes a chunk that belongs to no file. */
  record DropChunk(NodeId node, ScannedChunk chunk) implements Mend {
    @Override
    public String sentence() {
      return "remove chunk %d of inode %s from node %s"
          .formatted(chunk.chunkIndex(), chunk.inode(), node);
    }
  }
}
