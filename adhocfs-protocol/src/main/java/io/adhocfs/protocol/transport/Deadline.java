package io.adhocfs.protocol.transport;

import java.time.Duration;

/**
 * The moment after which nobody waits for an answer any more; passed down, never invented below.
 *
 * @param nanoTime the moment, by {@link System#nanoTime}
 * @param patienceNanos how far away it was when it was made, for networks with a time of their own
 */
public record Deadline(long nanoTime, long patienceNanos, boolean bounded) {
  /** Waits for ever. */
  public static final Deadline NEVER = new Deadline(0, Long.MAX_VALUE, false);

  /** So long from now; a zero duration means for ever. */
  public static Deadline after(Duration duration) {
    if (duration.isZero()) {
      return NEVER;
    }
    long nanos = duration.toNanos();
    return new Deadline(System.nanoTime() + nanos, nanos, true);
  }

  public boolean passed() {
    return bounded && System.nanoTime() - nanoTime >= 0;
  }

  /** Nanoseconds left, at least 0; {@link Long#MAX_VALUE} without a bound. */
  public long remainingNanos() {
    return bounded ? Math.max(0, nanoTime - System.nanoTime()) : Long.MAX_VALUE;
  }
}
