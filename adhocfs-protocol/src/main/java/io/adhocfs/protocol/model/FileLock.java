package io.adhocfs.protocol.model;

/**
 * An advisory lock on a range of bytes, or its absence.
 *
 * @param first the first byte
 * @param last the last byte, {@link #TO_THE_END} = however long the file is
 * @param pid the process that set it, as its mount knows it; 0 = of another mount
 */
public record FileLock(LockKind kind, LockMode mode, long first, long last, int pid) {
  public static final long TO_THE_END = Long.MAX_VALUE;

  public FileLock {
    if (first < 0 || last < first) {
      throw new IllegalArgumentException("a lock from " + first + " to " + last);
    }
    if (kind == LockKind.FLOCK && (first != 0 || last != TO_THE_END)) {
      throw new IllegalArgumentException("flock of a part of a file");
    }
  }

  /** A flock of a mode. */
  public static FileLock whole(LockMode mode, int pid) {
    return new FileLock(LockKind.FLOCK, mode, 0, TO_THE_END, pid);
  }
}
