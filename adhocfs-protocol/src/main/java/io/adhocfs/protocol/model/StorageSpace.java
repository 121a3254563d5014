package io.adhocfs.protocol.model;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * The space of one daemon's storage, and of the disk below it, which other daemons may share.
 *
 * @param disk names the backing file system among all hosts: two daemons whose storage lies on the
 *     same one say the same; a text that is empty stands for a disk of its own
 * @param diskBytes size of the backing file system
 * @param diskAvailableBytes what file data may still take there: the reserve is not in it
 * @param diskInodesAvailable how many files may still be made there, the reserve not counted;
 *     {@link #INODES_UNLIMITED} where the file system has no bound
 * @param totalBytes the most that this daemon stores: its capacity where one is set, else the disk
 * @param availableBytes what file data may still take at this daemon
 */
public record StorageSpace(
    String disk,
    long diskBytes,
    long diskAvailableBytes,
    long diskInodesAvailable,
    long totalBytes,
    long availableBytes) {
  public static final long INODES_UNLIMITED = Long.MAX_VALUE;

  /** What a file takes at least, for an estimate of how many more there may be. */
  private static final long FILE_BYTES_ESTIMATE = 4096;

  /** Nothing, on a disk of its own. */
  public static final StorageSpace NONE = new StorageSpace("", 0, 0, 0, 0, 0);

  public StorageSpace {
    if (diskBytes < 0
        || diskAvailableBytes < 0
        || diskInodesAvailable < 0
        || totalBytes < 0
        || availableBytes < 0) {
      throw new IllegalArgumentException(
          "a disk of %d bytes with %d left and %d inodes, of which %d bytes with %d left are used"
              .formatted(
                  diskBytes, diskAvailableBytes, diskInodesAvailable, totalBytes, availableBytes));
    }
  }

  /**
   * Several daemons' space together.
   *
   * @param inodesAvailable how many more files there may be: bounded by the bytes, and by the
   *     inodes of the disks
   */
  public record Sum(long totalBytes, long availableBytes, long inodesAvailable) {}

  /** What the daemons of one disk have together. */
  private static final class Disk {
    private long diskBytes;
    private long diskAvailableBytes;
    private long diskInodesAvailable;
    private long totalBytes;
    private long availableBytes;

    /** The daemons have asked the disk at different moments: the largest answer counts. */
    private void add(StorageSpace space) {
      diskBytes = Math.max(diskBytes, space.diskBytes);
      diskAvailableBytes = Math.max(diskAvailableBytes, space.diskAvailableBytes);
      diskInodesAvailable = Math.max(diskInodesAvailable, space.diskInodesAvailable);
      totalBytes += space.totalBytes;
      availableBytes += space.availableBytes;
    }

    private long available() {
      return Math.min(availableBytes, diskAvailableBytes);
    }

    private long inodes() {
      return Math.min(available() / FILE_BYTES_ESTIMATE, diskInodesAvailable);
    }
  }

  /** The sum over daemons, in which each disk counts once. */
  public static Sum sum(Collection<StorageSpace> spaces) {
    Map<String, Disk> disks = new HashMap<>();
    int own = 0;
    for (StorageSpace space : spaces) {
      String name = space.disk.isEmpty() ? " " + own++ : space.disk;
      disks.computeIfAbsent(name, _ -> new Disk()).add(space);
    }
    long total = 0;
    long available = 0;
    long inodes = 0;
    for (Disk disk : disks.values()) {
      total += Math.min(disk.totalBytes, disk.diskBytes);
      available += disk.available();
      inodes += disk.inodes();
    }
    return new Sum(total, available, inodes);
  }
}
