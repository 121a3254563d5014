package io.adhocfs.protocol.transport;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;

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

  /** Returns once the count has grown and then not changed for a while. */
  static void untilStill(IntSupplier count) {
    var last = new int[] {0};
    var since = new long[] {System.nanoTime()};
    until(
        "the count stands still",
        () -> {
          int now = count.getAsInt();
          if (now != last[0] || now == 0) {
            last[0] = now;
            since[0] = System.nanoTime();
          }
          return System.nanoTime() - since[0] > 300_000_000L;
        });
  }
}
