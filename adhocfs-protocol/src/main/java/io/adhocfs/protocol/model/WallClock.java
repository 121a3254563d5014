package io.adhocfs.protocol.model;

import java.time.Instant;
import java.time.InstantSource;

/** Times of files and of changes: nanoseconds since 1970. */
public final class WallClock {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private WallClock() {}

  /** Now. */
  public static long nanos(InstantSource clock) {
    Instant now = clock.instant();
    return now.getEpochSecond() * NANOS_PER_SECOND + now.getNano();
  }
}
