package io.adhocfs.client.retry;

/** A clock for durations, and actions at a later time of it. Thread-safe. */
public interface Timers {
  /** An action that is to come. */
  @FunctionalInterface
  interface Timer {
    /** Forgets the action, unless it has begun. */
    void cancel();
  }

  /** Nanoseconds since some moment; only differences mean anything. */
  long nanoTime();

  /**
   * Runs an action once, later, on a thread that it must not block.
   *
   * @param delayNanos 0 or more
   */
  Timer after(long delayNanos, Runnable action);
}
