package io.adhocfs.client;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a listing.
 *
 * @param attributes null when the listing was made without them, or when the entry went away while
 *     they were asked for
 */
public record DirectoryItem(
    EntryName name, InodeId inode, FileType type, @Nullable FileAttributes attributes) {
  /** Where the listing goes on after this entry, and all others whose names have the same hash. */
  public long cookie() {
    return name.hash();
  }
}
