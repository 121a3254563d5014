package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;

/** Lets so many bytes pass in a second, all threads together. Thread-safe. */
final class RateLimit {
  /** How much may pass at once after a pause, as a time's share. */
  private static final long BURST_NANOS = 50_000_000L;

  @GuardedBy("this")
  private long bytesPerSecond;

  /** When the next byte may pass. */
  @GuardedBy("this")
  private long nextNanos = System.nanoTime();

  /** Sets the limit, from now on; 0 = none. */
  synchronized void set(long bytesPerSecond) {
    if (this.bytesPerSecond != bytesPerSecond) {
      this.bytesPerSecond = bytesPerSecond;
      nextNanos = System.nanoTime();
      notifyAll();
    }
  }

  /** Waits until the bytes may pass. */
  synchronized void pass(int bytes) throws InterruptedException {
    while (bytesPerSecond > 0) {
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
