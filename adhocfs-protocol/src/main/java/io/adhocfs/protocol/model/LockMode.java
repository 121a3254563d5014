package io.adhocfs.protocol.model;

/** What a lock allows others. Codes are part of the wire and disk format. */
public enum LockMode {
  /** No lock: setting it unlocks. */
  NONE(0),
  SHARED(1),
  EXCLUSIVE(2);

  private final int code;

  LockMode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** The mode with this code. */
  public static LockMode ofCode(int code) {
    return switch (code) {
      case 0 -> NONE;
      case 1 -> SHARED;
      case 2 -> EXCLUSIVE;
      default -> throw new IllegalArgumentException("mode of lock " + code);
    };
  }
}
