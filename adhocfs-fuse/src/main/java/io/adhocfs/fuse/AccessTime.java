package io.adhocfs.fuse;

import io.adhocfs.client.AttributeChange;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.WallClock;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The access time of a file that one handle reads, in the manner of relatime: it moves by the first
 * read after a change, or when it is a day old, and is told when the handle is flushed. So it costs
 * one request for each change that is read, and a reader alone learns of it at once. Thread-safe.
 */
final class AccessTime {
  private static final long DAY_NANOS = 86_400_000_000_000L;

  private final InodeOperations inodes;
  private final InstantSource clock;

  /** When it was read for the first time since it was told; 0 = nothing is to be told. */
  private final AtomicLong untoldNanos = new AtomicLong();

  AccessTime(InodeOperations inodes, InstantSource clock) {
    this.inodes = inodes;
    this.clock = clock;
  }

  /** The handle has read; the attributes are those that the client has heard last. */
  void read(FileAttributes known) {
    if (untoldNanos.get() == 0 && isDue(known)) {
      untoldNanos.compareAndSet(0, WallClock.nanos(clock));
    }
  }

  /**
   * Whether the next read moves it. The kernel must not answer that read from its page cache, where
   * nobody would see it.
   */
  boolean isDue(FileAttributes known) {
    long atimeNanos = known.atimeNanos();
    return atimeNanos <= known.mtimeNanos()
        || atimeNanos <= known.ctimeNanos()
        || WallClock.nanos(clock) - atimeNanos >= DAY_NANOS;
  }

  /** Tells it if there is something to tell. Never fails: nobody waits for an access time. */
  CompletableFuture<Void> tell(FileAttributes known) {
    long nanos = untoldNanos.getAndSet(0);
    if (nanos == 0) {
      return CompletableFuture.completedFuture(null);
    }
    // A change time that is no later than what it is leaves it alone.
    return inodes
        .setAttributes(
            known.id(),
            AttributeChange.NONE.withAtimeNanos(nanos).withCtimeNanos(known.ctimeNanos()))
        .handle((_, _) -> null);
  }
}
