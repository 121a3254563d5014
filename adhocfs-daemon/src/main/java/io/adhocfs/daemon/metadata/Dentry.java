package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;

/** What a name stands for. */
public record Dentry(InodeId inode, FileType type) {}
