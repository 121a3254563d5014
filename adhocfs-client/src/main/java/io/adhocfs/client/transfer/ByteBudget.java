package io.adhocfs.client.transfer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * A bound on the bytes in memory. Who asks is served in the order of asking, at once or when enough
 * has been given back; nobody waits in a thread.
 */
final class ByteBudget {
  private record Request(long bytes, Runnable action) {}

  @GuardedBy("this")
  private final Queue<Request> waiting = new ArrayDeque<>();

  @GuardedBy("this")
  private long available;

  private final long total;

  ByteBudget(long total) {
    this.total = total;
    available = total;
  }

  /** Runs the action once so many bytes are free; they belong to it until it gives them back. */
  void acquire(long bytes, Runnable action) {
    if (bytes > total) {
      throw new IllegalArgumentException(bytes + " of " + total + " bytes");
    }
    synchronized (this) {
      if (!waiting.isEmpty() || bytes > available) {
        waiting.add(new Request(bytes, action));
        return;
      }
      available -= bytes;
    }
    action.run();
  }

  void release(long bytes) {
    synchronized (this) {
      available += bytes;
    }
    for (Runnable action = next(); action != null; action = next()) {
      action.run();
    }
  }

  private synchronized @Nullable Runnable next() {
    Request first = waiting.peek();
    if (first == null || first.bytes > available) {
      return null;
    }
    waiting.remove();
    available -= first.bytes;
    return first.action;
  }
}
