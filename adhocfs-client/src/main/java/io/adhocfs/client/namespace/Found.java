package io.adhocfs.client.namespace;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/**
 * What a name stands for.
 *
 * @param attributes null when another node has them
 */
public record Found(InodeId inode, FileType type, @Nullable FileAttributes attributes) {}
