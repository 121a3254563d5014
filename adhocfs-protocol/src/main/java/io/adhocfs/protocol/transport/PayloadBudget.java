package io.adhocfs.protocol.transport;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/** How many bytes of payloads a server holds at most. Thread-safe. */
final class PayloadBudget {
  private final long maxBytes;
  private final AtomicLong usedBytes = new AtomicLong();
  private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();

  PayloadBudget(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Takes so many bytes if they are free. */
  boolean tryTake(long bytes) {
    while (true) {
      long used = usedBytes.get();
      if (used + bytes > maxBytes && used > 0) {
        return false;
      }
      if (usedBytes.compareAndSet(used, used + bytes)) {
        return true;
      }
    }
  }

  /**
   * Takes so many bytes if they are free, else remembers who waits.
   *
   * @param retry called once after a refusal, by any thread, when it may be worth to try again
   */
  boolean takeOrWait(long bytes, Runnable retry) {
    if (tryTake(bytes)) {
      return true;
    }
    waiting.add(retry);
    // Whoever gave back before it could see this waiter would not have called it.
    if (tryTake(bytes)) {
      waiting.remove(retry);
      return true;
    }
    return false;
  }

  void giveBack(long bytes) {
    if (bytes == 0) {
      return;
    }
    if (usedBytes.addAndGet(-bytes) < 0) {
      throw new IllegalStateException("more payload bytes given back than taken");
    }
    // As many as wait now: one that fails again queues up behind.
    for (int i = waiting.size(); i > 0; i--) {
      Runnable retry = waiting.poll();
      if (retry == null) {
        return;
      }
      retry.run();
    }
  }

  long usedBytes() {
    return usedBytes.get();
  }
}
