package io.adhocfs.protocol.model;

/** Two families of advisory locks that do not see each other. Codes are wire and disk format. */
public enum LockKind {
  /** flock(2): the whole file, owned by an open file description. */
  FLOCK(1),
  /** fcntl(2): ranges, owned by a process or (F_OFD_SETLK) an open file description. */
  POSIX(2);

  private final int code;

  LockKind(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** The kind with this code. */
  public static LockKind ofCode(int code) {
    return switch (code) {
      case 1 -> FLOCK;
      case 2 -> POSIX;
      default -> throw new IllegalArgumentException("kind of lock " + code);
    };
  }
}
