package io.adhocfs.client.data;

import java.util.concurrent.atomic.AtomicLong;

/** How many bytes one client holds for writes that it has answered. Thread-safe. */
final class HeldBytes {
  private final long maxBytes;
  private final AtomicLong bytes = new AtomicLong();

  HeldBytes(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Counts some more, unless that would be too many. */
  boolean tryTake(int more) {
    if (bytes.addAndGet(more) <= maxBytes) {
      return true;
    }
    bytes.addAndGet(-more);
    return false;
  }

  void giveBack(int some) {
    bytes.addAndGet(-some);
  }
}
