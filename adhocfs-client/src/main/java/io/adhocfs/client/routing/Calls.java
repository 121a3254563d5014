package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Requests on their way, each through as many tries as {@link Recovery} grants it: to the owner of
 * its slot by the map of each try, or to one node. Thread-safe.
 */
final class Calls {
  private final Maps maps;
  private final Attempts attempts;
  private final Recovery recovery;

  Calls(Maps maps, Attempts attempts, Recovery recovery) {
    this.maps = maps;
    this.attempts = attempts;
    this.recovery = recovery;
  }

  /**
   * A call to the owner of the request's slot; {@link Call#begin} sends it.
   *
   * @param payload taken over and released at the end
   */
  Call toOwner(Operation operation, Request request, ByteBuf payload, int flags) {
    if (request.slotValue() == Request.NO_SLOT) {
      throw new IllegalArgumentException(request.type() + " names no slot");
    }
    return new Call(operation, null, request, payload, flags, null);
  }

  /** A call to a node, which fails with CHANGED once the node has left the instance. */
  Call toNode(Operation operation, NodeId node, Request request, ByteBuf payload) {
    return new Call(operation, node, request, payload, 0, null);
  }

  /**
   * A call to the owner of the request's slot, which fails where a session has ended.
   *
   * @param session that the request's number is of
   * @param payload taken over and released at the end
   */
  Call stamped(Operation operation, Request request, ByteBuf payload, Session session) {
    return new Call(operation, null, request, payload, 0, session);
  }

  /** One request on its way, through all its tries. */
  final class Call {
    private final Operation operation;
    private final @Nullable NodeId fixedNode;
    private final Request request;
    private final ByteBuf payload;
    private final int flags;

    /** The session that the request's number is of; null = it has none. */
    private final @Nullable Session stampedIn;

    private final CompletableFuture<Response> result = new CompletableFuture<>();

    private volatile boolean mayHaveRun;

    /** Only one try is under way at a time; its completion starts the next. */
    private int failures;

    private Call(
        Operation operation,
        @Nullable NodeId fixedNode,
        Request request,
        ByteBuf payload,
        int flags,
        @Nullable Session stampedIn) {
      this.operation = operation;
      this.stampedIn = stampedIn;
      this.fixedNode = fixedNode;
      this.request = request;
      this.payload = payload;
      this.flags = flags;
    }

    /** Begins it; once. */
    CompletableFuture<Response> begin() {
      attempt();
      return result;
    }

    /** Whether a try that has failed may have been carried out. */
    boolean mayHaveRun() {
      return mayHaveRun;
    }

    private void attempt() {
      ClusterMap map = maps.current();
      if (fixedNode != null && !map.isMember(fixedNode)) {
        payload.release();
        result.completeExceptionally(
            new FsException(FsError.CHANGED, "node " + fixedNode + " has left the instance")
                .asCompletion());
        return;
      }
      NodeId node = fixedNode != null ? fixedNode : new NodeId(map.ownerValue(request.slotValue()));
      Completion.then(
          attempts.sendOnce(
              operation, node, request, payload.retainedDuplicate(), flags, stampedIn),
          (response, failure) -> {
            if (failure == null) {
              finish(response);
            } else {
              failed(Failures.of(failure), node, map.epoch());
            }
          });
    }

    private void failed(FsException failure, NodeId node, Epoch usedEpoch) {
      mayHaveRun |= canHaveRun(failure.error());
      Completion.then(
          stampedIn != null && failure.error() == FsError.SESSION_EXPIRED
              ? CompletableFuture.<Void>failedFuture(failure.asCompletion())
              : recovery.recover(operation, failure, node, usedEpoch, failures++),
          (_, stop) -> {
            if (stop == null) {
              attempt();
            } else {
              payload.release();
              result.completeExceptionally(
                  (operation.isCancelled() ? operation.interruption() : Failures.of(stop))
                      .asCompletion());
            }
          });
    }

    private void finish(Response response) {
      payload.release();
      if (!result.complete(response)) {
        response.payload().release();
      }
    }
  }

  /** Whether a request that failed so may have been carried out. */
  private static boolean canHaveRun(FsError error) {
    return switch (error.resend()) {
      case NEVER -> error.category() != FsError.Category.ENDED;
      // It was not taken, or the handshake was refused before it.
      case AFTER_PAUSE, ONLY_AT_ANOTHER_ADDRESS -> false;
      // A daemon says so also of what was running when the slot went away.
      case WITH_NEWER_MAP -> true;
      case AT_NEWER_ADDRESS -> error != FsError.UNREACHABLE;
    };
  }
}
