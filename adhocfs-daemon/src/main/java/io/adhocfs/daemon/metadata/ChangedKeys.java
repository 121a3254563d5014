package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/**
 * Who holds locks that keep a batch from changing something; nobody by default. For self-checks.
 */
public interface ChangedKeys {
  /** Who else holds a name; null = nobody. */
  default @Nullable Object otherHolderOfEntry(
      @Nullable Object holder, InodeId directory, EntryName name) {
    return null;
  }

  /** Who else holds an inode exclusively; null = nobody. */
  default @Nullable Object otherHolderOfInode(@Nullable Object holder, InodeId inode) {
    return null;
  }

  /** Who else holds exclusively what a partition of a directory keeps; null = nobody. */
  default @Nullable Object otherHolderOfShare(
      @Nullable Object holder, InodeId directory, int partition) {
    return null;
  }
}
