package io.adhocfs.daemon.chunk;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What chunks do with files that Java's channels do not offer: punching holes, growing a sparse
 * file, asking for allocated blocks, and the number of an error, which decides between a full and a
 * broken disk. Memory is passed as addresses, which stay the caller's to keep alive. Thread-safe.
 */
final class NativeFile {
  private static final int ENOENT = 2;
  private static final int EEXIST = 17;
  private static final int ENOSPC = 28;
  private static final int ENOSYS = 38;
  private static final int EOPNOTSUPP = 95;
  private static final int EDQUOT = 122;

  private static final int BLOCK_BYTES = 512;

  /** Room for an answer of statx. */
  private static final ThreadLocal<MemorySegment> STATUS =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(FileCalls.STATX_BYTES, 8));

  private static final MemorySegment EMPTY_PATH = Arena.global().allocateFrom("");

  private NativeFile() {}

  /**
   * As {@link Disk#open}.
   *
   * @return its descriptor, or -1
   */
  static int open(Path path, boolean create) throws FsException {
    int flags = FileCalls.O_RDWR | FileCalls.O_CLOEXEC;
    if (create) {
      flags |= FileCalls.O_CREAT | FileCalls.O_EXCL;
    }
    int returned;
    try (Arena arena = Arena.ofConfined()) {
      returned = FileCalls.openat(FileCalls.AT_FDCWD, FileCalls.cString(arena, path), flags, 0600);
    }
    if (returned == -(create ? EEXIST : ENOENT)) {
      return -1;
    }
    if (returned < 0) {
      throw failure("opening " + path, returned);
    }
    return returned;
  }

  static void close(int descriptor) {
    FileCalls.close(descriptor);
  }

  /**
   * Reads until everything is there or the file ends.
   *
   * @return bytes read
   */
  static long read(int descriptor, long address, long length, long position) throws FsException {
    long done = 0;
    while (done < length) {
      long count =
          FileCalls.pread(
              descriptor, MemorySegment.ofAddress(address + done), length - done, position + done);
      if (count < 0) {
        throw failure("reading", count);
      }
      if (count == 0) {
        break;
      }
      done += count;
    }
    return done;
  }

  /** Writes everything, or fails with NO_SPACE or STORAGE_FAILED after some of it. */
  static void write(int descriptor, long address, long length, long position) throws FsException {
    long done = 0;
    while (done < length) {
      long count =
          FileCalls.pwrite(
              descriptor, MemorySegment.ofAddress(address + done), length - done, position + done);
      if (count < 0) {
        throw failure("writing", count);
      }
      if (count == 0) {
        throw failure("writing nothing of " + (length - done) + " bytes", -ENOSPC);
      }
      done += count;
    }
  }

  /** Makes a file this long; what is new is a hole. */
  static void setSize(int descriptor, long sizeBytes) throws FsException {
    int returned = FileCalls.ftruncate(descriptor, sizeBytes);
    if (returned < 0) {
      throw failure("growing to " + sizeBytes + " bytes", returned);
    }
  }

  /**
   * Gives the blocks of a range back; it reads as zeros.
   *
   * @return false where the file system cannot do that
   */
  static boolean punch(int descriptor, long position, long length) throws FsException {
    int mode = FileCalls.FALLOC_FL_PUNCH_HOLE | FileCalls.FALLOC_FL_KEEP_SIZE;
    int returned = FileCalls.fallocate(descriptor, mode, position, length);
    if (returned == -EOPNOTSUPP || returned == -ENOSYS) {
      return false;
    }
    if (returned < 0) {
      throw failure("punching " + length + " bytes at " + position, returned);
    }
    return true;
  }

  /** Where the next data from a position on begins; negative = there is none. */
  static long data(int descriptor, long position) {
    return FileCalls.lseek(descriptor, position, FileCalls.SEEK_DATA);
  }

  /** Where the next hole from a position on begins; negative = the file ends before. */
  static long hole(int descriptor, long position) {
    return FileCalls.lseek(descriptor, position, FileCalls.SEEK_HOLE);
  }

  static void sync(int descriptor) throws FsException {
    int returned = FileCalls.fsync(descriptor);
    if (returned < 0) {
      throw failure("syncing", returned);
    }
  }

  static Disk.Extent extent(int descriptor) throws FsException {
    Disk.Extent extent = extent(descriptor, EMPTY_PATH, FileCalls.AT_EMPTY_PATH);
    if (extent == null) {
      throw new FsException(FsError.STORAGE_FAILED, "an open file has no status");
    }
    return extent;
  }

  /** Size and space of a file, or null if there is none. */
  static Disk.@Nullable Extent extent(Path path) throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      return extent(FileCalls.AT_FDCWD, FileCalls.cString(arena, path), 0);
    }
  }

  private static Disk.@Nullable Extent extent(int descriptor, MemorySegment path, int flags)
      throws FsException {
    MemorySegment status = STATUS.get();
    int mask = FileCalls.STATX_SIZE | FileCalls.STATX_BLOCKS;
    int returned = FileCalls.statx(descriptor, path, flags, mask, status);
    if (returned == -ENOENT) {
      return null;
    }
    if (returned < 0) {
      throw failure("asking for the status", returned);
    }
    return new Disk.Extent(
        status.get(JAVA_LONG, FileCalls.STATX_SIZE_OFFSET),
        status.get(JAVA_LONG, FileCalls.STATX_BLOCKS_OFFSET) * BLOCK_BYTES);
  }

  private static FsException failure(String doing, long negativeErrno) {
    FsError error =
        negativeErrno == -ENOSPC || negativeErrno == -EDQUOT
            ? FsError.NO_SPACE
            : FsError.STORAGE_FAILED;
    return new FsException(error, doing + " failed with errno " + -negativeErrno);
  }
}
