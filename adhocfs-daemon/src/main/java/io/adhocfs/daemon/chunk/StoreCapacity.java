package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.StorageSpace;

/**
 * What a chunk store has and uses.
 *
 * @param space of its disk, and what chunks may still take of it
 * @param usedBytes what the blocks of chunk files take
 * @param reserveBytes kept free for metadata
 * @param reserveInodes kept free for metadata
 */
public record StoreCapacity(
    StorageSpace space, long usedBytes, long reserveBytes, long reserveInodes) {}
