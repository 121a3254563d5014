package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;

/** An inode that is gone and whose chunks have to go. */
public record Reclaim(InodeId inode, FileLayout layout, long sizeBytes) {}
