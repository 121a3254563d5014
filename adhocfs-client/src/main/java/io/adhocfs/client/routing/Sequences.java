package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.wire.OperationStamp;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Numbers the requests of a session that must run once, and knows below which number all are over.
 * Thread-safe.
 */
public final class Sequences {
  /** A number in use; those in use are linked in their order, so the lowest is always at hand. */
  private static final class Ticket {
    final long sequence;
    @Nullable Ticket earlier;
    @Nullable Ticket later;

    Ticket(long sequence) {
      this.sequence = sequence;
    }
  }

  @GuardedBy("this")
  private long last;

  @GuardedBy("this")
  private @Nullable Ticket lowest;

  @GuardedBy("this")
  private @Nullable Ticket highest;

  /**
   * Draws a number for a request that lasts until its future is done, however it ends: after that
   * it is not sent again, so its stored reply may go.
   */
  public <T> CompletableFuture<T> stamped(Function<OperationStamp, CompletableFuture<T>> request) {
    Ticket ticket;
    OperationStamp stamp;
    synchronized (this) {
      ticket = new Ticket(++last);
      ticket.earlier = highest;
      if (highest == null) {
        lowest = ticket;
      } else {
        highest.later = ticket;
      }
      highest = ticket;
      stamp = new OperationStamp(ticket.sequence, lowest == null ? last : lowest.sequence);
    }
    CompletableFuture<T> result;
    try {
      result = request.apply(stamp);
    } catch (RuntimeException e) {
      end(ticket);
      throw e;
    }
    return result.whenComplete((_, _) -> end(ticket));
  }

  private synchronized void end(Ticket ticket) {
    if (ticket.earlier == null) {
      lowest = ticket.later;
    } else {
      ticket.earlier.later = ticket.later;
    }
    if (ticket.later == null) {
      highest = ticket.earlier;
    } else {
      ticket.later.earlier = ticket.earlier;
    }
  }
}
