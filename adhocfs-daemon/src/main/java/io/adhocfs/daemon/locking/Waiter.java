package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import org.jspecify.annotations.Nullable;

/** A place in the queue for a lock. Metadata thread only. */
final class Waiter {
  final Holder holder;
  final FileLock lock;
  final long number;

  /**
   * To be answered when the lock is granted or its patience is over; null = between two requests.
   */
  @Nullable Exchange exchange;

  /** Without a request until then, it has been given up. */
  long expiresNanos;

  Waiter(Holder holder, FileLock lock, long number) {
    this.holder = holder;
    this.lock = lock;
    this.number = number;
  }
}
