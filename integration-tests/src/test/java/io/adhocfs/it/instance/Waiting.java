package io.adhocfs.it.instance;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waits for what comes about by itself. */
public final class Waiting {
  /** What is waited for. */
  @FunctionalInterface
  public interface Condition {
    boolean holds() throws Exception;
  }

  private Waiting() {}

  /**
   * Looks again and again until a condition holds.
   *
   * @param lookNanos between two looks
   * @throws AssertionError when it does not hold in time, or what it throws if that is checked
   */
  public static void until(String what, Duration patience, long lookNanos, Condition condition)
      throws InterruptedException {
    long limit = System.nanoTime() + patience.toNanos();
    try {
      while (!condition.holds()) {
        if (System.nanoTime() - limit > 0) {
          throw new AssertionError("waited in vain for " + what);
        }
        LockSupport.parkNanos(lookNanos);
      }
    } catch (InterruptedException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError("while waiting for " + what, e);
    }
  }
}
