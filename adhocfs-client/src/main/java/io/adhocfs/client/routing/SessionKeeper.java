package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.ControlRequest.CloseSession;
import io.adhocfs.protocol.wire.ControlRequest.RenewSession;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a session alive at every daemon that knows it and where it has not ended, and ends it
 * there. Thread-safe.
 */
final class SessionKeeper {
  private static final Logger log = LoggerFactory.getLogger(SessionKeeper.class);
  private static final int AT_ONCE_MAX = 64;

  /** For so long the end of a session that nobody needs any more is told. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private final Router router;
  private final Session session;
  private final Timers timers;
  private final long leaseNanos;
  private final long periodNanos;

  /** Where the last renewal failed. */
  private final Set<NodeId> silent = ConcurrentHashMap.newKeySet();

  @GuardedBy("this")
  private Timers.Timer next = () -> {};

  @GuardedBy("this")
  private boolean stopped;

  /** Renews six times in each lease, from {@link #start} on; the daemons count on it. */
  SessionKeeper(Router router, Session session, Timers timers, Duration lease) {
    this.router = router;
    this.session = session;
    this.timers = timers;
    this.leaseNanos = lease.toNanos();
    this.periodNanos = periodNanos(leaseNanos);
  }

  static long periodNanos(long leaseNanos) {
    return Math.max(1, leaseNanos / 6);
  }

  synchronized void start() {
    if (!stopped) {
      // The daemons have heard of it now at the earliest, and refuse it a bit later than this.
      long now = timers.nanoTime();
      if (session.extendLease(now, now + leaseNanos + periodNanos)) {
        next = timers.after(periodNanos, this::renew);
      }
    }
  }

  private void renew() {
    if (router.ended() != null) {
      return;
    }
    // Each has a period's time, and is tried within it: a lost ping must not cost the lease.
    List<NodeId> nodes = session.nodesThatKnow(router.map());
    Completion.then(
        Parallel.run(
            nodes.size(),
            AT_ONCE_MAX,
            i -> {
              NodeId node = nodes.get(i);
              return router
                  .send(operation(), node, new RenewSession())
                  .handle((response, failure) -> {
                    if (failure == null) {
                      response.payload().release();
                      silent.remove(node);
                    } else {
                      said(node, Failures.of(failure));
                    }
                    return true;
                  });
            }),
        (_, _) -> {});
    start();
  }

  private void said(NodeId node, FsException failure) {
    if (failure.error() == FsError.CLOSED || failure.error() == FsError.SESSION_EXPIRED) {
      return;
    }
    // A node may stay away for hours.
    if (silent.add(node)) {
      log.warn("the session could not be renewed at {}: {}", node, failure.getMessage());
    } else {
      log.debug("the session could still not be renewed at {}", node, failure);
    }
  }

  /**
   * Stops renewing and ends the session at the daemons that know it. Completes when all have
   * answered or the time is over; what can't be told now ends with the lease. Never fails.
   */
  CompletableFuture<Void> close(Duration limit) {
    synchronized (this) {
      stopped = true;
      next.cancel();
    }
    List<NodeId> nodes = session.nodesThatKnow(router.map());
    return Parallel.run(
        nodes.size(),
        AT_ONCE_MAX,
        i ->
            session
                .rpc
                .call(
                    nodes.get(i),
                    new CloseSession(),
                    Unpooled.EMPTY_BUFFER,
                    TrafficClass.CONTROL,
                    Deadline.after(limit))
                .handle((response, failure) -> {
                  if (failure == null) {
                    response.payload().release();
                  } else {
                    log.debug("{} was not told the end of the session", nodes.get(i), failure);
                  }
                  return true;
                }));
  }

  private Operation operation() {
    return new Operation(() -> "renewal of the session", TrafficClass.CONTROL, timers, periodNanos)
        .of(session);
  }
}
