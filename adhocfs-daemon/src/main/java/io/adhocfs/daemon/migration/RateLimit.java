package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.function.BooleanSupplier;

/** Lets so many bytes pass in a second, all threads together. Thread-safe. */
final class RateLimit {
  /** How much may pass at once after a pause, as a time's share. */
  private static final long BURST_NANOS = 50_000_000L;

  @GuardedBy("this")
  private long bytesPerSecond;

  /** When the next byte may pass. */
  @GuardedBy("this")
  private long nextNanos = System.nanoTime();

  @GuardedBy("this")
  private boolean paused;

  /**
   * Sets the limit, from now on.
   *
   * @param bytesPerSecond 0 = no limit
   * @param paused whether nothing passes at all
   */
  synchronized void set(long bytesPerSecond, boolean paused) {
    if (this.bytesPerSecond != bytesPerSecond || this.paused != paused) {
      this.bytesPerSecond = bytesPerSecond;
      this.paused = paused;
      nextNanos = System.nanoTime();
      notifyAll();
    }
  }

  /** The limit; 0 = none. */
  synchronized long bytesPerSecond() {
    return bytesPerSecond;
  }

  /** Has all who wait look whether they are to go on. */
  synchronized void wake() {
    notifyAll();
  }

  /**
   * Waits until the bytes may pass.
   *
   * @param ends whether the wait is over without that; {@link #wake} tells of a change
   */
  synchronized void pass(int bytes, BooleanSupplier ends) throws InterruptedException {
    while (paused && !ends.getAsBoolean()) {
      wait();
    }
    while (bytesPerSecond > 0 && !ends.getAsBoolean()) {
      long now = System.nanoTime();
      long waitNanos = nextNanos - now;
      if (waitNanos <= 0) {
        long from = Math.max(nextNanos, now - BURST_NANOS);
        nextNanos = from + (long) (bytes * 1e9 / bytesPerSecond);
        return;
      }
      wait(waitNanos / 1_000_000, (int) (waitNanos % 1_000_000));
    }
  }
}
