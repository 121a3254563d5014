package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;

/** What an undecided operation can hold. */
public sealed interface LockKey {
  /** A name, whether it is there or not. */
  record OfEntry(InodeId directory, EntryName name) implements LockKey {}

  /**
   * An inode. Shared by those that change entries of a directory (each adds its part to counts and
   * times in the end), exclusive for everything else.
   */
  record OfInode(InodeId inode) implements LockKey {}

  /** The token under which directories change their parents. */
  record OfRenames() implements LockKey {}

  /** The file's end, while a truncation is under way: the file can't grow or be cut again. */
  record OfCut(InodeId inode) implements LockKey {}

  /** Room behind a file's end that appends are filling. */
  record OfAppends(InodeId inode) implements LockKey {}

  /** A range of a file that is about to change, for which appends wait. */
  record OfRange(InodeId inode) implements LockKey {}

  /** A key, and how it is wanted. */
  record Wanted(LockKey key, boolean shared) {}
}
