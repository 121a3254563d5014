package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.threads.Threads;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Lets so many bytes pass in a second, all batches together. Thread-safe; never blocks. */
final class RateLimit {
  /** How much may pass at once after a pause, as a time's share. */
  private static final long BURST_NANOS = 50_000_000L;

  private final Threads threads;

  @GuardedBy("this")
  private long bytesPerSecond;

  /** When the next byte may pass. */
  @GuardedBy("this")
  private long nextNanos;

  @GuardedBy("this")
  private boolean paused;

  /** Completes when those who wait are to look again. */
  @GuardedBy("this")
  private CompletableFuture<@Nullable Void> news = new CompletableFuture<>();

  RateLimit(Threads threads) {
    this.threads = threads;
    this.nextNanos = threads.nanoTime();
  }

  /**
   * Sets the limit, from now on.
   *
   * @param bytesPerSecond 0 = no limit
   * @param paused whether nothing passes at all
   */
  void set(long bytesPerSecond, boolean paused) {
    synchronized (this) {
      if (this.bytesPerSecond == bytesPerSecond && this.paused == paused) {
        return;
      }
      this.bytesPerSecond = bytesPerSecond;
      this.paused = paused;
      nextNanos = threads.nanoTime();
    }
    wake();
  }

  /** The limit; 0 = none. */
  synchronized long bytesPerSecond() {
    return bytesPerSecond;
  }

  /** Has all who wait look whether they are to go on. */
  void wake() {
    CompletableFuture<@Nullable Void> told;
    synchronized (this) {
      told = news;
      news = new CompletableFuture<>();
    }
    told.complete(null);
  }

  /**
   * Lets bytes pass, or answers what completes when it is worth asking again.
   *
   * @return null when they have passed
   */
  synchronized @Nullable CompletableFuture<?> pass(int bytes) {
    if (paused) {
      return news;
    }
    if (bytesPerSecond == 0) {
      return null;
    }
    long now = threads.nanoTime();
    if (nextNanos - now > 0) {
      return CompletableFuture.anyOf(news, threads.after(nextNanos - now));
    }
    nextNanos = Math.max(nextNanos, now - BURST_NANOS) + (long) (bytes * 1e9 / bytesPerSecond);
    return null;
  }
}
