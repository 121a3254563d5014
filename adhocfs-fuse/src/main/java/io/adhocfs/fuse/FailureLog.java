package io.adhocfs.fuse;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of failures that an error number does not explain to the program. At most one warning a
 * second is written; it counts the failures that were left out since the last one. Thread-safe.
 */
final class FailureLog {
  private static final Logger log = LoggerFactory.getLogger(FailureLog.class);

  /** At most one warning in this time: otherwise a dead node would fill the log. */
  private static final long WARNING_PERIOD_NANOS = 1_000_000_000L;

  private final LongSupplier nanoTime;
  private final AtomicLong nextWarningNanos;
  private final AtomicLong warningsDropped = new AtomicLong();

  FailureLog(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.nextWarningNanos = new AtomicLong(nanoTime.getAsLong());
  }

  void warn(FsException failure) {
    long now = nanoTime.getAsLong();
    long next = nextWarningNanos.get();
    if (now - next < 0 || !nextWarningNanos.compareAndSet(next, now + WARNING_PERIOD_NANOS)) {
      warningsDropped.incrementAndGet();
      return;
    }
    long dropped = warningsDropped.getAndSet(0);
    log.warn(
        "{}: {}{}",
        failure.error(),
        failure.getMessage(),
        dropped == 0 ? "" : " (and " + dropped + " failures since the last message)");
  }
}
