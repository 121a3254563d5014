package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;

/** What an undecided operation can hold. */
public sealed interface LockKey {
  /** A name, whether it is there or not. */
  record OfEntry(InodeId directory, EntryName name) implements LockKey {}

  /**
   * An inode. Shared by those that change entries of a directory (each adds its part to counts and
   * times in the end), exclusive for everything else.
   */
  record OfInode(InodeId inode) implements LockKey {}

  /**
   * What a partition of a spread directory keeps of its own, partition 1 or more; shared and
   * exclusive as the directory's inode, which is partition 0's.
   */
  record OfShare(InodeId directory, int partition) implements LockKey {}

  /** The token under which directories change their parents. */
  record OfRenames() implements LockKey {}

  /** The file's end, while a truncation is under way: the file can't grow or be cut again. */
  record OfCut(InodeId inode) implements LockKey {}

  /** Room behind a file's end that appends are filling. */
  record OfAppends(InodeId inode) implements LockKey {}

  /** A range of a file that is about to change, for which appends wait. */
  record OfRange(InodeId inode) implements LockKey {}

  /** What a partition of a directory keeps of its own. */
  static LockKey ofPartition(InodeId directory, int partition) {
    return partition == 0 ? new OfInode(directory) : new OfShare(directory, partition);
  }

  /** What the partition that a name lies in keeps of its own. */
  static LockKey ofDirectory(EntryKey entry) {
    return ofPartition(entry.directory(), entry.partition());
  }

  /** A key, and how it is wanted. */
  record Wanted(LockKey key, boolean shared) {}
}
