package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What failures of the disk are to who asked for spans; the log says them. Thread-safe. */
final class ChunkFailures {
  private static final Logger LOG = LoggerFactory.getLogger(ChunkFailures.class);
  private static final long LOG_EVERY_NANOS = 1_000_000_000;

  private final AtomicLong loggedNanos = new AtomicLong(System.nanoTime() - LOG_EVERY_NANOS);

  SpanOutcome outcome(String operation, long inode, long chunk, FsException e) {
    if (e.error() == FsError.NO_SPACE) {
      return SpanOutcome.NO_SPACE;
    }
    SpanOutcome outcome = e.error() == FsError.CORRUPT ? SpanOutcome.CORRUPT : SpanOutcome.FAILED;
    long now = System.nanoTime();
    long logged = loggedNanos.get();
    // A broken disk fails every request: one line a second says it.
    if (now - logged >= LOG_EVERY_NANOS && loggedNanos.compareAndSet(logged, now)) {
      LOG.error(
          "chunk {} failed inode={} chunk={} error={} reason=\"{}\"",
          operation,
          Long.toUnsignedString(inode),
          chunk,
          e.error(),
          e.getMessage());
    }
    return outcome;
  }
}
