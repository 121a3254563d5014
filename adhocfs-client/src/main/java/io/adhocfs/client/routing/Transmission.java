package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest.RenewSession;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Sends a request over the connections of a session, once, after taking tokens where the node has a
 * limit; and takes in what the answer says of the map and the session. Thread-safe.
 */
final class Transmission {
  private final Sessions sessions;
  private final Maps maps;
  private final Unsynced unsynced;
  private final Timers timers;

  Transmission(Sessions sessions, Maps maps, Unsynced unsynced, Timers timers) {
    this.sessions = sessions;
    this.maps = maps;
    this.unsynced = unsynced;
    this.timers = timers;
  }

  /**
   * Sends a request; cancelled with its operation.
   *
   * @param session has been retained for it, and is released with the answer
   * @param payload taken over and released
   */
  CompletableFuture<Response> send(
      Session session,
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags) {
    session.noteAsked(node);
    session.acquiring.meet(node, operation.party());
    DataRequest.AcquireData tokens = session.acquiring.before(node, request);
    Session.Renewal renewal =
        request instanceof RenewSession ? session.renewing(timers.nanoTime()) : null;
    CompletableFuture<Response> reply =
        tokens == null
            ? call(session, operation, node, request, payload, flags)
            : callPaid(session, operation, node, tokens, request, payload, flags);
    operation.waitFor(reply);
    return reply.whenComplete((response, failure) -> {
      operation.waitedFor(reply);
      if (response != null) {
        maps.noticed(response.epoch(), node);
        if (renewal != null) {
          session.confirmedAt(node, renewal);
        }
      }
      sessions.answered(session, node, failure);
    });
  }

  private CompletableFuture<Response> call(
      Session session,
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags) {
    if (maps.switches().anyOnDisk()) {
      unsynced.sent(request);
    }
    return session.rpc.call(
        node,
        request,
        payload,
        operation.trafficClass(),
        operation.party() | flags,
        operation.deadline());
  }

  /** Sends a request when its tokens have been taken. */
  private CompletableFuture<Response> callPaid(
      Session session,
      Operation operation,
      NodeId node,
      DataRequest.AcquireData tokens,
      Request request,
      ByteBuf payload,
      int flags) {
    var paid = new CompletableFuture<Response>();
    CompletableFuture<Response> taking =
        call(session, operation, node, tokens, Unpooled.EMPTY_BUFFER, 0);
    operation.waitFor(taking);
    Completion.then(
        taking,
        (taken, failure) -> {
          operation.waitedFor(taking);
          if (failure != null) {
            payload.release();
            paid.completeExceptionally(failure);
            return;
          }
          taken.payload().release();
          if (paid.isDone()) {
            payload.release();
            return;
          }
          operation.heldBack();
          FsException loss = lossWhileTaking(session, operation, node);
          if (loss != null) {
            payload.release();
            paid.completeExceptionally(loss);
            return;
          }
          Completion.then(
              call(session, operation, node, request, payload, flags | Frame.PAID),
              (response, refused) -> {
                if (refused != null) {
                  paid.completeExceptionally(refused);
                } else if (!paid.complete(response)) {
                  response.payload().release();
                }
              });
        });
    return paid;
  }

  /** Why what has been paid for can't be sent; null if it can. */
  private @Nullable FsException lossWhileTaking(Session session, Operation operation, NodeId node) {
    sessions.checkClock(session);
    FsException loss = operation.loss();
    return loss != null ? loss : session.lossAt(node);
  }
}
