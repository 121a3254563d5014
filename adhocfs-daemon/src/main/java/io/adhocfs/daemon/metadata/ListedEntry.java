package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;

/** A dentry of a listing or scan. */
public record ListedEntry(InodeId directory, EntryName name, InodeId inode, FileType type) {}
