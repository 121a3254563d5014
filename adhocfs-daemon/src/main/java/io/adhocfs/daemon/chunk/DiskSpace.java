package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.StorageSpace;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Decides whether chunks may take more bytes, and more files, of their disk: the disk is asked
 * every 100 ms, and when what it had left has been given out, then every millisecond. Thread-safe.
 */
final class DiskSpace {
  private static final long FRESH_NANOS = 100_000_000;
  private static final long FULL_NANOS = 1_000_000;
  private static final long RESERVE_BYTES_MIN = 16L << 20;
  private static final long RESERVE_SHARE = 50;

  /**
   * The files that metadata, its log and the control plane's make on a disk that is hardly used.
   */
  private static final long RESERVE_INODES_MIN = 256;

  private final Threads threads;
  private final Disk disk;
  private final String diskName;
  private final SegmentFiles files;
  private final long capacityBytes;
  private final long reserveBytes;
  private final long reserveInodes;

  /** What may still be given out before the disk is asked again. */
  private final AtomicLong leftBytes = new AtomicLong();

  private final AtomicLong leftInodes = new AtomicLong();

  private volatile long askedNanos;
  private volatile StoreCapacity latest;

  /**
   * Looks after a disk.
   *
   * @param reserveBytes 0 = 2% of the disk, at least 16 MiB
   * @param capacityBytes the most that chunks may take; 0 = the disk
   */
  DiskSpace(Threads threads, Disk disk, SegmentFiles files, long reserveBytes, long capacityBytes)
      throws FsException {
    this.threads = threads;
    this.disk = disk;
    this.diskName = disk.name();
    this.files = files;
    this.capacityBytes = capacityBytes;
    BackingDisk.Room room = disk.room();
    this.reserveBytes =
        reserveBytes > 0
            ? reserveBytes
            : Math.max(room.totalBytes() / RESERVE_SHARE, RESERVE_BYTES_MIN);
    this.reserveInodes =
        room.totalInodes() == StorageSpace.INODES_UNLIMITED
            ? 0
            : Math.max(room.totalInodes() / RESERVE_SHARE, RESERVE_INODES_MIN);
    this.latest = new StoreCapacity(StorageSpace.NONE, 0, this.reserveBytes, this.reserveInodes);
    ask();
  }

  /** Whether so many bytes may be taken; if so, they count as taken until the disk is asked. */
  boolean take(long bytes) throws FsException {
    return take(leftBytes, bytes);
  }

  /** Whether a chunk file may be made; if so, it counts as made until the disk is asked. */
  boolean takeFile() throws FsException {
    return take(leftInodes, 1);
  }

  private boolean take(AtomicLong left, long count) throws FsException {
    if (left.addAndGet(-count) >= 0 && threads.nanoTime() - askedNanos < FRESH_NANOS) {
      return true;
    }
    synchronized (this) {
      if (threads.nanoTime() - askedNanos >= FULL_NANOS) {
        ask();
        return left.addAndGet(-count) >= 0;
      }
      return left.get() >= 0;
    }
  }

  /** Asks the disk now, since space was given back. */
  void recount() {
    askedNanos = threads.nanoTime() - FRESH_NANOS;
  }

  @GuardedBy("this")
  private void ask() throws FsException {
    BackingDisk.Room room = disk.room();
    long used = files.allocatedBytes();
    long diskAvailable = Math.max(0, room.availableBytes() - reserveBytes);
    long inodes =
        room.availableInodes() == StorageSpace.INODES_UNLIMITED
            ? StorageSpace.INODES_UNLIMITED
            : Math.max(0, room.availableInodes() - reserveInodes);
    long total = room.totalBytes();
    long available = diskAvailable;
    if (capacityBytes > 0) {
      total = Math.min(total, capacityBytes);
      available = Math.min(available, Math.max(0, capacityBytes - used));
    }
    leftBytes.set(available);
    leftInodes.set(inodes);
    latest =
        new StoreCapacity(
            new StorageSpace(diskName, room.totalBytes(), diskAvailable, inodes, total, available),
            used,
            reserveBytes,
            reserveInodes);
    askedNanos = threads.nanoTime();
  }

  StoreCapacity capacity() {
    if (threads.nanoTime() - askedNanos >= FRESH_NANOS) {
      synchronized (this) {
        try {
          ask();
        } catch (FsException e) {
          // The last answer is the best there is; writes will say what is wrong.
          return latest;
        }
      }
    }
    return latest;
  }
}
