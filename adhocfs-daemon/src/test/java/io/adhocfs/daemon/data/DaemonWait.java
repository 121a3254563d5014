package io.adhocfs.daemon.data;

import io.adhocfs.protocol.transport.Deadline;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what another thread does after it has answered. */
final class DaemonWait {
  private DaemonWait() {}

  static void until(BooleanSupplier condition) {
    Deadline deadline = Deadline.after(Duration.ofSeconds(30));
    while (!condition.getAsBoolean()) {
      if (deadline.passed()) {
        throw new AssertionError("waited in vain");
      }
      LockSupport.parkNanos(100_000);
    }
  }
}
