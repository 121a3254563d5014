package io.adhocfs.daemon;

import io.adhocfs.protocol.transport.Deadline;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waits for what other threads and processes bring about. */
public final class Waiting {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_NANOS = 500_000;

  /** What is waited for. */
  @FunctionalInterface
  public interface Condition {
    boolean holds() throws Exception;
  }

  private Waiting() {}

  /**
   * Looks again and again until a condition holds.
   *
   * @throws AssertionError when it does not hold in time, or what it throws if that is checked
   */
  public static void until(String what, Condition condition) {
    Deadline deadline = Deadline.after(PATIENCE);
    try {
      while (!condition.holds()) {
        if (deadline.passed()) {
          throw new AssertionError("waited in vain for " + what);
        }
        LockSupport.parkNanos(LOOK_NANOS);
      }
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError("while waiting for " + what, e);
    }
  }
}
