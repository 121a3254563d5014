package io.adhocfs.daemon.migration;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Bounds how many requests of one sender are under way. Thread-safe; never blocks. */
final class UnderWay {
  private final int max;

  @GuardedBy("this")
  private int count;

  /** Completes at the next end of one. */
  @GuardedBy("this")
  private CompletableFuture<@Nullable Void> next = new CompletableFuture<>();

  UnderWay(int max) {
    this.max = max;
  }

  /**
   * Begins one, or answers what completes when it is worth trying again.
   *
   * @return null when it has begun
   */
  synchronized @Nullable CompletableFuture<?> begin() {
    if (count == max) {
      return next;
    }
    count++;
    return null;
  }

  void end() {
    CompletableFuture<@Nullable Void> ended;
    synchronized (this) {
      count--;
      ended = next;
      next = new CompletableFuture<>();
    }
    ended.complete(null);
  }

  /** Null when none is under way, else what completes when it is worth asking again. */
  synchronized @Nullable CompletableFuture<?> over() {
    return count == 0 ? null : next;
  }
}
