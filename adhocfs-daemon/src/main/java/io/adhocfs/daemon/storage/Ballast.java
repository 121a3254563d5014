package io.adhocfs.daemon.storage;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.StorageSpace;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bytes and inodes that a daemon holds on its disk only to give them up: to start, and to remove
 * what it stores, on a disk that somebody else has filled to the last byte or inode. It is given up
 * when it is needed and not before, since whoever fills the disk would take it; it is taken again
 * when there is room for it several times over. While the disk has less left than the ballast, or
 * the ballast is given up, space is <em>scarce</em>: metadata may shrink, not grow. Thread-safe.
 */
public final class Ballast {
  private static final Logger LOG = LoggerFactory.getLogger(Ballast.class);
  private static final String DIRECTORY = "ballast";
  private static final String BYTES_FILE = "bytes";
  private static final int INODES = 64;
  private static final long BYTES_MIN = 4L << 20;
  private static final long BYTES_MAX = 32L << 20;
  private static final long DISK_SHARE = 32;
  private static final int ROOM_TO_TAKE = 3;
  private static final int WRITE_BYTES = 1 << 20;

  private final Path directory;
  private final BackingDisk disk;

  @GuardedBy("this")
  private boolean held;

  private volatile boolean scarce;

  /**
   * Finds what an earlier daemon has left there.
   *
   * @param dataDirectory an existing directory
   */
  public Ballast(Path dataDirectory) {
    this.directory = dataDirectory.resolve(DIRECTORY);
    this.disk = new BackingDisk(dataDirectory);
    // Written last: one that was not finished is made anew.
    this.held = Files.exists(directory.resolve(BYTES_FILE));
  }

  /** Whether metadata must not grow, as of the last look. */
  public boolean isScarce() {
    return scarce;
  }

  private static long bytes(BackingDisk.Room room) {
    return Math.clamp(room.totalBytes() / DISK_SHARE, BYTES_MIN, BYTES_MAX);
  }

  private static boolean has(BackingDisk.Room room, int times) {
    return room.availableBytes() >= times * bytes(room)
        && (room.availableInodes() == StorageSpace.INODES_UNLIMITED
            || room.availableInodes() >= (long) times * INODES);
  }

  /**
   * Looks how much room there is, and takes the ballast where it is not held and there is enough.
   *
   * @throws FsException STORAGE_FAILED when the disk does not tell
   */
  public synchronized void look() throws FsException {
    BackingDisk.Room room = disk.room();
    if (!held && has(room, ROOM_TO_TAKE)) {
      take(bytes(room));
    }
    boolean now = !held || !has(room, 1);
    if (now != scarce) {
      scarce = now;
      if (now) {
        LOG.warn(
            "the disk of {} is full: {} bytes and {} inodes are left; files can be read and removed",
            directory.getParent(),
            room.availableBytes(),
            room.availableInodes());
      } else {
        LOG.info("the disk of {} has room again", directory.getParent());
      }
    }
  }

  /**
   * Gives the ballast up if space is scarce: for what must be written now.
   *
   * @throws FsException STORAGE_FAILED when the disk does not tell
   */
  public synchronized void giveUpIfScarce() throws FsException {
    if (!held || has(disk.room(), 1)) {
      return;
    }
    scarce = true;
    try {
      remove();
      held = false;
      LOG.warn("the disk of {} is full: its ballast is given up", directory.getParent());
    } catch (IOException e) {
      LOG.warn("cannot remove all of {}", directory, e);
    }
  }

  @GuardedBy("this")
  private void take(long bytes) {
    try {
      Files.createDirectories(directory);
      for (int i = 1; i < INODES; i++) {
        Files.newOutputStream(directory.resolve(Integer.toString(i))).close();
      }
      // Bytes that no file system stores as less than they are.
      var noise = new byte[WRITE_BYTES];
      new SplittableRandom(bytes).nextBytes(noise);
      try (OutputStream out = Files.newOutputStream(directory.resolve(BYTES_FILE))) {
        for (long written = 0; written < bytes; written += WRITE_BYTES) {
          out.write(noise);
        }
      }
      held = true;
    } catch (IOException e) {
      LOG.info("no ballast below {}: {}", directory, e.toString());
      try {
        remove();
      } catch (IOException again) {
        LOG.warn("cannot remove all of {}", directory, again);
      }
    }
  }

  @GuardedBy("this")
  private void remove() throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException e) {
      return;
    }
    Files.deleteIfExists(directory);
  }
}
