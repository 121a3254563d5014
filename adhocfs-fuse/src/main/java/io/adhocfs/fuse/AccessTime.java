package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.WallClock;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The access time of a file that one handle reads, in the manner of relatime: the time moves with
 * the first read after a change, or when it is a day old, and is sent to the owner when the handle
 * is flushed. So it costs one request for each change that is read, and only a reader learns of it
 * at once. Thread-safe.
 */
final class AccessTime {
  private static final long DAY_NANOS = 86_400_000_000_000L;

  private final InodeOperations inodes;
  private final InstantSource clock;

  /**
   * When the file was first read since the access time was last sent; 0 = there is nothing to send.
   */
  private final AtomicLong untoldNanos = new AtomicLong();

  AccessTime(InodeOperations inodes, InstantSource clock) {
    this.inodes = inodes;
    this.clock = clock;
  }

  /** To be called when the handle has read; the attributes are the last that the client has got. */
  void read(FileAttributes known) {
    if (untoldNanos.get() == 0 && isDue(known)) {
      untoldNanos.compareAndSet(0, WallClock.nanos(clock));
    }
  }

  /**
   * Whether the next read moves the access time. The kernel must not answer that read from its page
   * cache, since this process would not see the read.
   */
  boolean isDue(FileAttributes known) {
    long atimeNanos = known.atimeNanos();
    return atimeNanos <= known.mtimeNanos()
        || atimeNanos <= known.ctimeNanos()
        || WallClock.nanos(clock) - atimeNanos >= DAY_NANOS;
  }

  /**
   * Sends the access time if there is something to send. Never fails: no program waits for an
   * access time.
   */
  CompletableFuture<Void> tell(FileAttributes known) {
    long nanos = untoldNanos.getAndSet(0);
    if (nanos == 0) {
      return CompletableFuture.completedFuture(null);
    }
    // A change time that is not later than the stored one leaves the stored one unchanged.
    return inodes
        .setAttributes(
            known.id(),
            AttributeChange.NONE.withAtimeNanos(nanos).withCtimeNanos(known.ctimeNanos()))
        .handle((_, _) -> null);
  }
}
