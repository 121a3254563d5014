package io.adhocfs.client.retry;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Timers by the system's clock, on one daemon thread. */
public final class SystemTimers implements Timers, AutoCloseable {
  private final ScheduledThreadPoolExecutor executor;

  public SystemTimers(String threadName) {
    executor =
        new ScheduledThreadPoolExecutor(
            1, action -> Thread.ofPlatform().daemon().name(threadName).unstarted(action));
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  @Override
  public Timer after(long delayNanos, Runnable action) {
    try {
      var task = executor.schedule(action, delayNanos, TimeUnit.NANOSECONDS);
      return () -> task.cancel(false);
    } catch (RejectedExecutionException e) {
      // Closed: whoever closes answers those that wait, so nothing waits for this action.
      return () -> {};
    }
  }

  /** Forgets all actions that have not begun. */
  @Override
  public void close() {
    executor.shutdownNow();
  }
}
