package io.adhocfs.fuse;

import io.adhocfs.protocol.model.FsError;

/**
 * The one place where our errors become Linux's (errno.h, the numbers that x86-64 and aarch64
 * share), and the numbers themselves.
 */
public final class Errnos {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int E2BIG = 7;
  public static final int EBADF = 9;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int EXDEV = 18;
  public static final int ENODEV = 19;
  public static final int ENOTDIR = 20;
  public static final int EISDIR = 21;
  public static final int EINVAL = 22;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int EROFS = 30;
  public static final int EMLINK = 31;
  public static final int ERANGE = 34;
  public static final int EDEADLK = 35;
  public static final int ENAMETOOLONG = 36;
  public static final int ENOLCK = 37;
  public static final int ENOSYS = 38;
  public static final int ENOTEMPTY = 39;
  public static final int ELOOP = 40;
  public static final int ENODATA = 61;
  public static final int EPROTO = 71;
  public static final int EOPNOTSUPP = 95;
  public static final int ECONNABORTED = 103;
  public static final int ENOTCONN = 107;
  public static final int ESTALE = 116;

  private Errnos() {}

  /**
   * The error number that a program sees. All errors by which a node cannot serve the request now
   * (it does not answer, is overloaded, has ended the session) are EIO: EAGAIN would tell a program
   * that it had asked for non-blocking I/O (or a lock without waiting), ETIMEDOUT is an error that
   * few programs expect of a file, and ESTALE (for an expired session) would only make the kernel
   * ask again.
   */
  public static int of(FsError error) {
    return switch (error) {
      case NOT_FOUND -> ENOENT;
      case EXISTS -> EEXIST;
      case NOT_DIRECTORY -> ENOTDIR;
      case IS_DIRECTORY -> EISDIR;
      case NOT_EMPTY -> ENOTEMPTY;
      case NAME_TOO_LONG -> ENAMETOOLONG;
      case INVALID -> EINVAL;
      case PERMISSION_DENIED -> EACCES;
      case NOT_PERMITTED -> EPERM;
      case NO_SPACE -> ENOSPC;
      case TOO_MANY_LINKS -> EMLINK;
      case TOO_MANY_SYMLINKS -> ELOOP;
      case FILE_TOO_BIG -> EFBIG;
      case NOT_SUPPORTED -> EOPNOTSUPP;
      case BAD_HANDLE -> EBADF;
      case BUSY -> EBUSY;
      case INTERRUPTED -> EINTR;
      case READ_ONLY -> EROFS;
      case CROSS_DEVICE -> EXDEV;
      case WOULD_BLOCK -> EAGAIN;
      case DEADLOCK -> EDEADLK;
      case TOO_MANY_LOCKS -> ENOLCK;
      case NO_ATTRIBUTE -> ENODATA;
      case ATTRIBUTE_TOO_BIG -> E2BIG;
      case CLOSED -> ENOTCONN;
      case CORRUPT, STORAGE_FAILED, UNKNOWN_MESSAGE, BAD_MESSAGE, INTERNAL, DATA_LOST -> EIO;
      case WRONG_OWNER,
          STALE_GENERATION,
          NOT_INLINE,
          CHANGED,
          SPREAD_CHANGED,
          OVERLOADED,
          THROTTLED ->
          EIO;
      case UNREACHABLE, CONNECTION_LOST, TIMED_OUT, REFUSED, SESSION_EXPIRED -> EIO;
    };
  }

  /**
   * As {@link #of}, but a missing inode is ESTALE: for requests that name an inode and no entry. A
   * program that opens a file while another program renames a new file over it has looked up the
   * old file, and on ESTALE the kernel looks the name up again and finds the new file.
   */
  public static int ofInodeRequest(FsError error) {
    return error == FsError.NOT_FOUND ? ESTALE : of(error);
  }
}
