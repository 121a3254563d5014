package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One try of a request: in the session of its operation, or in a newer one where that has ended at
 * the node, if the operation may go on so. Thread-safe.
 */
final class Attempts {
  /** Asks a node whether the session of an operation is alive there, until it answers. */
  @FunctionalInterface
  interface Renewer {
    CompletableFuture<Response> renewAt(Operation operation, NodeId node);
  }

  private final Sessions sessions;
  private final Maps maps;
  private final Pauses pauses;
  private final Transmission transmission;
  private final Renewer renewer;
  private final Timers timers;
  private final long leaseNanos;

  /**
   * @param lease of each session
   */
  Attempts(
      Sessions sessions,
      Maps maps,
      Pauses pauses,
      Transmission transmission,
      Renewer renewer,
      Timers timers,
      Duration lease) {
    this.sessions = sessions;
    this.maps = maps;
    this.pauses = pauses;
    this.transmission = transmission;
    this.renewer = renewer;
    this.timers = timers;
    this.leaseNanos = lease.toNanos();
  }

  /**
   * Sends a request to a node, once.
   *
   * @param payload taken over and released
   * @param stampedIn the session that the request's number is of, for it means nothing in another;
   *     null = it has none
   */
  CompletableFuture<Response> sendOnce(
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags,
      @Nullable Session stampedIn) {
    FsException stop = pauses.endOf(operation);
    Session session = stampedIn != null ? stampedIn : sessions.of(operation);
    if (stop == null) {
      sessions.checkClock(session);
      stop = operation.loss();
    }
    if (stop != null) {
      payload.release();
      return CompletableFuture.failedFuture(stop);
    }
    FsException loss = session.lossAt(node);
    if (loss == null && sessions.tryRetain(session)) {
      return transmission.send(session, operation, node, request, payload, flags);
    }
    InodeId home = operation.home();
    if (stampedIn != null || (operation.belongsToSession() && (loss == null || home == null))) {
      payload.release();
      return CompletableFuture.failedFuture(loss != null ? loss : session.closure());
    }
    if (home == null) {
      Session newest = sessions.retainNewest();
      operation.goOnIn(newest);
      return transmission.send(newest, operation, node, request, payload, flags);
    }
    return sendInNewer(session, home, operation, node, request, payload, flags);
  }

  /**
   * Sends in a newer session what is done for a handle, if the handle's own session, which has
   * ended at the node, is alive at the owner of the handle's inode.
   */
  private CompletableFuture<Response> sendInNewer(
      Session session,
      InodeId home,
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags) {
    NodeId owner = maps.current().owner(home.slot());
    FsException lossAtHome = session.lossAt(owner);
    if (lossAtHome != null) {
      // The slot has come there just now.
      sessions.ended(session, owner);
      payload.release();
      return CompletableFuture.failedFuture(lossAtHome);
    }
    if (session.isConfirmedAt(owner, node, timers.nanoTime() - leaseNanos)) {
      return transmission.send(sessions.retainNewest(), operation, node, request, payload, flags);
    }
    // A client that was cut off from all nodes learns it from the first node that refuses its
    // session; a node that never knew the session refuses nothing. What the client has open or
    // locked at the inode's owner may be somebody else's by now, so the owner is asked before.
    return Completion.compose(
        renewer.renewAt(operation, owner),
        (response, failure) -> {
          if (failure == null) {
            response.payload().release();
          } else if (failure.error() != FsError.CHANGED) {
            payload.release();
            return CompletableFuture.failedFuture(failure.asCompletion());
          }
          return sendOnce(operation, node, request, payload, flags, null);
        });
  }
}
