package io.adhocfs.client;

/**
 * Space of an instance in bytes, and inodes: the sum over its nodes' disks.
 *
 * @param availableBytes what file data may still take
 * @param inodesTotal used and free; what is free is an estimate from the space, bounded by the
 *     inodes of the disks
 */
public record Statistics(
    long totalBytes, long availableBytes, long inodesTotal, long inodesFree, int blockSizeBytes) {}
