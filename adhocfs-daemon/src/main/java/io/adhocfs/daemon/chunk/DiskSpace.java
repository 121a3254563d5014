package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Decides whether chunks may take more space: the disk is asked every 100 ms, and when what it had
 * left has been given out, then every millisecond. Thread-safe.
 */
final class DiskSpace {
  private static final long FRESH_NANOS = 100_000_000;
  private static final long FULL_NANOS = 1_000_000;
  private static final long RESERVE_BYTES_MIN = 16L << 20;
  private static final long RESERVE_SHARE = 50;

  private final FileStore store;
  private final Path directory;
  private final SegmentFiles files;
  private final long capacityBytes;
  private final long reserveBytes;

  /** What may still be given out before the disk is asked again. */
  private final AtomicLong leftBytes = new AtomicLong();

  private volatile long askedNanos;
  private volatile StoreCapacity latest;

  /**
   * Looks after a disk.
   *
   * @param reserveBytes 0 = 2% of the disk, at least 16 MiB
   * @param capacityBytes the most that chunks may take; 0 = the disk
   */
  DiskSpace(Path directory, SegmentFiles files, long reserveBytes, long capacityBytes)
      throws FsException {
    this.directory = directory;
    this.files = files;
    this.capacityBytes = capacityBytes;
    try {
      store = Files.getFileStore(directory);
      this.reserveBytes =
          reserveBytes > 0
              ? reserveBytes
              : Math.max(store.getTotalSpace() / RESERVE_SHARE, RESERVE_BYTES_MIN);
    } catch (IOException e) {
      throw failure(e);
    }
    this.latest = new StoreCapacity(0, 0, 0, this.reserveBytes);
    ask();
  }

  private FsException failure(IOException e) {
    return e instanceof FsException failure
        ? failure
        : new FsException(
            FsError.STORAGE_FAILED, "asking for the space of " + directory + ": " + e, e);
  }

  /** Whether so many bytes may be taken; if so, they count as taken until the disk is asked. */
  boolean take(long bytes) throws FsException {
    if (leftBytes.addAndGet(-bytes) >= 0 && System.nanoTime() - askedNanos < FRESH_NANOS) {
      return true;
    }
    synchronized (this) {
      if (System.nanoTime() - askedNanos >= FULL_NANOS) {
        ask();
        return leftBytes.addAndGet(-bytes) >= 0;
      }
      return leftBytes.get() >= 0;
    }
  }

  /** Asks the disk now, since space was given back. */
  void recount() {
    askedNanos = System.nanoTime() - FRESH_NANOS;
  }

  @GuardedBy("this")
  private void ask() throws FsException {
    long total;
    long usable;
    try {
      total = store.getTotalSpace();
      usable = store.getUsableSpace();
    } catch (IOException e) {
      throw failure(e);
    }
    long used = files.allocatedBytes();
    long available = Math.max(0, usable - reserveBytes);
    if (capacityBytes > 0) {
      total = Math.min(total, capacityBytes);
      available = Math.min(available, Math.max(0, capacityBytes - used));
    }
    leftBytes.set(available);
    latest = new StoreCapacity(total, available, used, reserveBytes);
    askedNanos = System.nanoTime();
  }

  StoreCapacity capacity() {
    if (System.nanoTime() - askedNanos >= FRESH_NANOS) {
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
