package io.adhocfs.protocol.statistics;

import org.jspecify.annotations.Nullable;

/**
 * What users do, whatever it takes. On the wire a kind is its name: who does not know it shows it
 * all the same.
 */
public enum OperationKind {
  /** Files, and special files, made. */
  CREATE("create", false),
  MKDIR("mkdir", false),
  SYMLINK("symlink", false),
  LINK("link", false),
  OPEN("open", false),
  /** Attributes asked for, of a name that is there or of a file. */
  STAT("stat", false),
  /** Names asked for that are not there, as before each create. */
  MISSING("missing", false),
  READDIR("readdir", false),
  READLINK("readlink", false),
  /** Times, owner, group or mode set. */
  SETATTR("setattr", false),
  TRUNCATE("truncate", false),
  /** Ranges allocated, or made holes. */
  FALLOCATE("fallocate", false),
  RENAME("rename", false),
  /** Names of anything but directories removed. */
  REMOVE("remove", false),
  RMDIR("rmdir", false),
  GETXATTR("getxattr", false),
  SETXATTR("setxattr", false),
  LISTXATTR("listxattr", false),
  REMOVEXATTR("removexattr", false),
  LOCK("lock", false),
  FSYNC("fsync", false),
  READ("read", true),
  WRITE("write", true);

  private final String label;
  private final boolean movesData;

  OperationKind(String label, boolean movesData) {
    this.label = label;
    this.movesData = movesData;
  }

  /** Its name for people and on the wire. */
  public String label() {
    return label;
  }

  /** Whether it has bytes, and may be small or unaligned. */
  public boolean movesData() {
    return movesData;
  }

  /** The kind of a name, or null where there is none. */
  public static @Nullable OperationKind ofLabel(String label) {
    for (OperationKind kind : values()) {
      if (kind.label.equals(label)) {
        return kind;
      }
    }
    return null;
  }
}
