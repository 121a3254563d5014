package io.adhocfs.daemon.chunk;

/**
 * Space of a chunk store in bytes.
 *
 * @param totalBytes size of its disk, or less where a capacity is set
 * @param availableBytes what chunks may still take: the reserve is not in it
 * @param usedBytes what the blocks of chunk files take
 * @param reserveBytes kept free for metadata
 */
public record StoreCapacity(
    long totalBytes, long availableBytes, long usedBytes, long reserveBytes) {}
