package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.transport.Backoff;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides what comes after a failed try: the operation's failure, or a next try, as {@link
 * FsError#resend} says; and completes when it is time for that. Thread-safe.
 */
final class Recovery {
  /** A session that has ended is tried again in a newer one at once, but not for ever. */
  private static final int AT_ONCE_MAX = 3;

  private final Maps maps;
  private final Sessions sessions;
  private final Pauses pauses;
  private final RandomGenerator random;

  /**
   * @param random thread-safe
   */
  Recovery(Maps maps, Sessions sessions, Pauses pauses, RandomGenerator random) {
    this.maps = maps;
    this.sessions = sessions;
    this.pauses = pauses;
    this.random = random;
  }

  /**
   * Completes when it is time for the next try; fails with the final answer when there is none.
   *
   * @param node where the last one failed
   * @param usedEpoch the map it was routed by
   * @param attempt how many tries have failed before
   */
  CompletableFuture<Void> recover(
      Operation operation, FsException failure, NodeId node, Epoch usedEpoch, int attempt) {
    if (failure.error() == FsError.SESSION_EXPIRED) {
      return goOnElsewhere(operation, failure, node, attempt);
    }
    if (failure.error() == FsError.THROTTLED) {
      operation.heldBack();
    }
    FsError.Resend resend = failure.error().resend();
    if (resend == FsError.Resend.NEVER) {
      FsException last =
          operation.isCancelled()
              ? operation.interruption()
              : failure.error() == FsError.TIMED_OUT ? timeout(operation, node, failure) : failure;
      return CompletableFuture.failedFuture(last.asCompletion());
    }
    FsException stop = reasonToStop(operation, node, failure);
    if (stop != null) {
      return CompletableFuture.failedFuture(stop);
    }
    // A daemon that holds it back is not the busier for it, and its turn may come at any moment.
    int failures = failure.error() == FsError.THROTTLED ? 0 : attempt;
    long delayNanos = delayNanos(failures);
    return switch (resend) {
      case NEVER, AFTER_PAUSE -> pauses.pause(operation, delayNanos);
      case WITH_NEWER_MAP -> awaitNewerMap(operation, node, usedEpoch, delayNanos);
      case AT_NEWER_ADDRESS -> {
        sessions.restarted(node);
        maps.readContacts();
        // Others may know more: where it is now, or that its slots are owned by somebody else.
        maps.askOthers();
        yield pauses.pause(operation, delayNanos);
      }
      case ONLY_AT_ANOTHER_ADDRESS -> {
        String refusing = address(node);
        yield maps.readContacts()
            .thenCompose(_ ->
                address(node).equals(refusing)
                    ? CompletableFuture.failedFuture(failure)
                    : pauses.pause(operation, delayNanos));
      }
    };
  }

  private CompletableFuture<Void> awaitNewerMap(
      Operation operation, NodeId node, Epoch usedEpoch, long delayNanos) {
    if (maps.current().epoch().isAfter(usedEpoch)) {
      return CompletableFuture.completedFuture(null);
    }
    // Not waiting for ever for a map that nobody can tell: the pause is the limit.
    CompletableFuture<Void> pause = pauses.pause(operation, delayNanos);
    Completion.then(
        maps.ask(node),
        (map, _) -> {
          if (map != null && map.epoch().isAfter(usedEpoch)) {
            pause.complete(null);
          }
        });
    return pause;
  }

  /** Completes when an operation goes on in another session, if it may. */
  private CompletableFuture<Void> goOnElsewhere(
      Operation operation, FsException failure, NodeId node, int attempt) {
    FsException stop = reasonToStop(operation, node, failure);
    if (stop == null && operation.belongsToSession() && operation.home() == null) {
      stop = failure;
    }
    if (stop != null) {
      return CompletableFuture.failedFuture(stop.asCompletion());
    }
    return pauseBeforeNewerSession(operation, attempt);
  }

  /** Waits before an operation goes on in a newer session, if that has happened to it often. */
  CompletableFuture<Void> pauseBeforeNewerSession(Operation operation, int times) {
    return times < AT_ONCE_MAX ? Completion.done() : pause(operation, times - AT_ONCE_MAX);
  }

  /** Waits before something is planned anew; fails when the operation has no time left. */
  CompletableFuture<Void> pauseBeforeReplanning(
      Operation operation, FsException failure, int attempt) {
    FsException stop = reasonToStop(operation, null, failure);
    return stop != null ? CompletableFuture.failedFuture(stop) : pause(operation, attempt);
  }

  /** Waits the longer, the more tries have failed before. */
  CompletableFuture<Void> pause(Operation operation, int attempt) {
    return pauses.pause(operation, delayNanos(attempt));
  }

  private long delayNanos(int failures) {
    return Backoff.STANDARD.delayNanos(failures, random);
  }

  /**
   * Why an operation is not tried again, whatever its last failure was; null if it may be.
   *
   * @param node where it failed, for the message; null = at no node in particular
   */
  @Nullable FsException reasonToStop(Operation operation, @Nullable NodeId node, FsException last) {
    FsException end = pauses.endOf(operation);
    if (end != null) {
      return end;
    }
    FsException loss = operation.loss();
    if (loss != null) {
      return loss;
    }
    return operation.remainingNanos() > 0 ? null : timeout(operation, node, last);
  }

  private FsException timeout(Operation operation, @Nullable NodeId node, FsException last) {
    String where = node == null ? "" : ": node " + node + " at " + address(node);
    return new FsException(
        FsError.TIMED_OUT,
        operation.description()
            + where
            + ": no success within "
            + operation.limit().toMillis()
            + " ms; last: "
            + last.error()
            + ", "
            + last.getMessage(),
        last);
  }

  private String address(NodeId node) {
    Node entry = maps.current().node(node);
    return entry == null ? "an unknown address" : entry.address();
  }
}
