package io.adhocfs.protocol.model;

import org.jspecify.annotations.Nullable;

/** What an inode is. Codes are part of the wire and disk format: the values of dirent's d_type. */
public enum FileType {
  FIFO(1),
  CHARACTER_DEVICE(2),
  DIRECTORY(4),
  BLOCK_DEVICE(6),
  REGULAR(8),
  SYMLINK(10),
  SOCKET(12);

  private static final @Nullable FileType[] BY_CODE = new @Nullable FileType[16];

  static {
    for (FileType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;

  FileType(int code) {
    this.code = code;
  }

  /** The number on wire and disk; also dirent's d_type, and the file type bits of st_mode >> 12. */
  public int code() {
    return code;
  }

  /** The file type bits of st_mode. */
  public int modeBits() {
    return code << 12;
  }

  /** The type with this code. Throws {@link IllegalArgumentException} where there is none. */
  public static FileType ofCode(int code) {
    FileType type = code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    if (type == null) {
      throw new IllegalArgumentException("file type " + code);
    }
    return type;
  }

  /** The type in a full st_mode. Throws {@link IllegalArgumentException} where there is none. */
  public static FileType ofMode(int mode) {
    return ofCode((mode >>> 12) & 0xF);
  }
}
