package io.adhocfs.protocol.transport;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what other threads bring about. */
final class Waiting {
  private Waiting() {}

  /** Returns once the condition holds; fails after the tests' patience. */
  static void until(String what, BooleanSupplier condition) {
    Deadline deadline = Deadline.after(Cluster.PATIENCE);
    while (!condition.getAsBoolean()) {
      if (deadline.passed()) {
        throw new AssertionError("still not: " + what);
      }
      LockSupport.parkNanos(500_000);
    }
  }
}
