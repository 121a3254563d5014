package io.adhocfs.client.core;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a directory, for those who go through all of them.
 *
 * @param attributes null when they were not asked for, or when the entry went away meanwhile
 */
record Entry(EntryName name, InodeId inode, FileType type, @Nullable FileAttributes attributes) {}
