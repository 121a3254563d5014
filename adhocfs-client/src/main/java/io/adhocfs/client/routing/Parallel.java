package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Runs numbered asynchronous tasks, a bounded number at once. */
public final class Parallel {
  private final int count;
  private final int atOnceMax;
  private final IntFunction<? extends CompletableFuture<?>> task;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  @GuardedBy("this")
  private int started;

  @GuardedBy("this")
  private int running;

  @GuardedBy("this")
  private boolean pumping;

  @GuardedBy("this")
  private @Nullable Throwable failure;

  private Parallel(int count, int atOnceMax, IntFunction<? extends CompletableFuture<?>> task) {
    this.count = count;
    this.atOnceMax = atOnceMax;
    this.task = task;
  }

  /**
   * Completes when all tasks have; after a failure no further task is started, and the first
   * failure is the result once those under way have ended.
   *
   * @param task starts the task of a number from 0 to count - 1
   */
  public static CompletableFuture<Void> run(
      int count, int atOnceMax, IntFunction<? extends CompletableFuture<?>> task) {
    var parallel = new Parallel(count, atOnceMax, task);
    parallel.pump();
    return parallel.done;
  }

  /** Starts what may be started. One thread at a time, so tasks that end at once don't recurse. */
  private void pump() {
    synchronized (this) {
      if (pumping) {
        return;
      }
      pumping = true;
    }
    while (true) {
      int next;
      synchronized (this) {
        if (failure != null || started == count || running == atOnceMax) {
          pumping = false;
          if (running > 0) {
            return;
          }
          break;
        }
        next = started++;
        running++;
      }
      CompletableFuture<?> future;
      try {
        future = task.apply(next);
      } catch (RuntimeException e) {
        future = CompletableFuture.failedFuture(e);
      }
      Completion.then(future, (_, failed) -> ended(failed));
    }
    @Nullable Throwable first;
    synchronized (this) {
      first = failure;
    }
    if (first == null) {
      done.complete(null);
    } else {
      done.completeExceptionally(first);
    }
  }

  private void ended(@Nullable Throwable failed) {
    synchronized (this) {
      running--;
      if (failed != null && failure == null) {
        failure = failed;
      }
    }
    pump();
  }
}
