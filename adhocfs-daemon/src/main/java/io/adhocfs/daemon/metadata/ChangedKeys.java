package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/** Who holds locks that keep a batch from changing something. For self-checks. */
public interface ChangedKeys {
  /** Nobody holds any. */
  ChangedKeys FREE =
      new ChangedKeys() {
        @Override
        public @Nullable Object otherHolderOfEntry(
            @Nullable Object holder, InodeId directory, EntryName name) {
          return null;
        }

        @Override
        public @Nullable Object otherHolderOfInode(@Nullable Object holder, InodeId inode) {
          return null;
        }

        @Override
        public @Nullable Object otherHolderOfShare(
            @Nullable Object holder, InodeId directory, int partition) {
          return null;
        }
      };

  /** Who else holds a name; null = nobody. */
  @Nullable Object otherHolderOfEntry(@Nullable Object holder, InodeId directory, EntryName name);

  /** Who else holds an inode for itself; null = nobody. */
  @Nullable Object otherHolderOfInode(@Nullable Object holder, InodeId inode);

  /** Who else holds what a partition of a directory keeps, for itself; null = nobody. */
  @Nullable Object otherHolderOfShare(@Nullable Object holder, InodeId directory, int partition);
}
