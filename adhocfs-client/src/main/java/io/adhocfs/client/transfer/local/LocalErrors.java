package io.adhocfs.client.transfer.local;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;

/** The one place where the errnos of this host's file systems become our errors. */
final class LocalErrors {
  private LocalErrors() {}

  /** What went wrong, with the path and the call; takes the negative errno of a failed call. */
  static FsException of(long negativeErrno, String call, byte[] path) {
    int errno = (int) -negativeErrno;
    return new FsException(
        category(errno), LocalFiles.display(path) + ": " + call + ": " + describe(errno));
  }

  private static FsError category(int errno) {
    return switch (errno) {
      case 1 -> FsError.NOT_PERMITTED;
      case 2 -> FsError.NOT_FOUND;
      case 7 -> FsError.ATTRIBUTE_TOO_BIG;
      case 9 -> FsError.BAD_HANDLE;
      case 13 -> FsError.PERMISSION_DENIED;
      case 16, 26 -> FsError.BUSY;
      case 17 -> FsError.EXISTS;
      case 18 -> FsError.CROSS_DEVICE;
      case 20 -> FsError.NOT_DIRECTORY;
      case 21 -> FsError.IS_DIRECTORY;
      case 22 -> FsError.INVALID;
      case 27 -> FsError.FILE_TOO_BIG;
      case 28, 122 -> FsError.NO_SPACE;
      case 30 -> FsError.READ_ONLY;
      case 31 -> FsError.TOO_MANY_LINKS;
      case 36 -> FsError.NAME_TOO_LONG;
      case 39 -> FsError.NOT_EMPTY;
      case 40 -> FsError.TOO_MANY_SYMLINKS;
      case 38, 95 -> FsError.NOT_SUPPORTED;
      case 61 -> FsError.NO_ATTRIBUTE;
      default -> FsError.STORAGE_FAILED;
    };
  }

  private static String describe(int errno) {
    return switch (errno) {
      case 1 -> "operation not permitted";
      case 2 -> "no such file or directory";
      case 5 -> "input/output error";
      case 6 -> "no such device or address";
      case 7 -> "longer than allowed here";
      case 9 -> "bad file descriptor";
      case 12 -> "out of memory";
      case 13 -> "permission denied";
      case 16 -> "busy";
      case 17 -> "exists already";
      case 18 -> "on another file system";
      case 20 -> "not a directory";
      case 21 -> "is a directory";
      case 22 -> "invalid argument";
      case 23, 24 -> "too many open files";
      case 26 -> "a program that is running";
      case 27 -> "file too large";
      case 28 -> "no space left";
      case 30 -> "read-only file system";
      case 31 -> "too many links";
      case 36 -> "name too long";
      case 38, 95 -> "not supported here";
      case 39 -> "directory not empty";
      case 40 -> "too many symbolic links";
      case 61 -> "no such attribute";
      case 107 -> "the file system's process is gone";
      case 116 -> "stale file handle";
      case 122 -> "disk quota exceeded";
      default -> "errno " + errno;
    };
  }
}
