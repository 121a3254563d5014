package io.adhocfs.protocol.model;

import java.util.Locale;

/** For whom a request travels, as throttling and statistics tell traffic apart. */
public enum TrafficClass {
  FOREGROUND(0),
  MIGRATION(1),
  STAGING(2),
  CONTROL(3);

  private final int code;

  TrafficClass(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** Its name for people. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The class with this code. Throws {@link IllegalArgumentException} where there is none. */
  public static TrafficClass ofCode(int code) {
    return switch (code) {
      case 0 -> FOREGROUND;
      case 1 -> MIGRATION;
      case 2 -> STAGING;
      case 3 -> CONTROL;
      default -> throw new IllegalArgumentException("traffic class " + code);
    };
  }
}
