package io.adhocfs.daemon.slot;

import io.adhocfs.protocol.model.InodeId;

/**
 * Bytes of a chunk have been written. Where its record has changed too, that is a change of its
 * own.
 *
 * @param toByte exclusive; both offsets in the chunk
 */
public record ChunkWritten(int slot, InodeId inode, long chunkIndex, int fromByte, int toByte)
    implements SlotChange {}
