package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The file system below a chunk store: its seam to the disk. What a process has done is there after
 * its death; after a power failure, of a file what was synced before, and of names those of
 * directories that were. Thread-safe; every call may wait for the disk, and fails with NO_SPACE or
 * STORAGE_FAILED.
 */
public interface Disk {
  /** Where chunks are to lie on it; made if missing. */
  Path directory();

  /** Size and allocated space of a file. */
  record Extent(long sizeBytes, long allocatedBytes) {}

  /**
   * Opens a file for reading and writing.
   *
   * @param create whether to make it, which it must not have been yet
   * @return null when it does not exist, or exists where it was to be made
   */
  @Nullable DiskFile open(Path path, boolean create) throws FsException;

  /** Size and space of a file, or null if there is none. */
  @Nullable Extent extent(Path path) throws FsException;

  /** Whether there is a file or directory of this name. */
  boolean exists(Path path);

  boolean isDirectory(Path path);

  /** What lies in a directory; nothing where there is none. */
  List<Path> list(Path directory) throws FsException;

  /** Makes a directory and those above it, as far as they are missing. */
  void makeDirectories(Path path) throws FsException;

  /** Makes an empty file if there is none. */
  void makeFile(Path path) throws FsException;

  /** Deletes a file or an empty directory; answers whether it was there and is gone. */
  boolean delete(Path path) throws FsException;

  /** Makes the names in a directory survive a power failure; one that is gone needs nothing. */
  void syncDirectory(Path path) throws FsException;

  /** What the file system has left. */
  BackingDisk.Room room() throws FsException;

  /** Names the file system among those of all hosts. */
  String name() throws FsException;
}
