package io.adhocfs.protocol.transport;

import java.time.Duration;

/**
 * The moment after which nobody waits for an answer any more; passed down, never invented below.
 */
public record Deadline(long nanoTime, boolean bounded) {
  /** Waits for ever. */
  public static final Deadline NEVER = new Deadline(0, false);

  /** So long from now; a zero duration means for ever. */
  public static Deadline after(Duration duration) {
    return duration.isZero() ? NEVER : new Deadline(System.nanoTime() + duration.toNanos(), true);
  }

  public boolean passed() {
    return bounded && System.nanoTime() - nanoTime >= 0;
  }

  /** Nanoseconds left, at least 0; {@link Long#MAX_VALUE} without a bound. */
  public long remainingNanos() {
    return bounded ? Math.max(0, nanoTime - System.nanoTime()) : Long.MAX_VALUE;
  }
}
