package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest.GetMap;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Asks nodes for the map, in the newest session: once more in its successor where it turns out to
 * have ended. Thread-safe.
 */
final class MapQuestions implements Maps.Asker {
  private final Sessions sessions;
  private final Pauses pauses;

  MapQuestions(Sessions sessions, Pauses pauses) {
    this.sessions = sessions;
    this.pauses = pauses;
  }

  @Override
  public CompletableFuture<Response> ask(NodeId node, Duration limit) {
    return Completion.compose(
        askOnce(node, limit),
        (response, failure) ->
            failure == null
                ? CompletableFuture.completedFuture(response)
                : failure.error() == FsError.SESSION_EXPIRED && pauses.ended() == null
                    ? askOnce(node, limit)
                    : CompletableFuture.failedFuture(failure.asCompletion()));
  }

  private CompletableFuture<Response> askOnce(NodeId node, Duration limit) {
    Session session = sessions.retainNewest();
    session.noteAsked(node);
    return session
        .rpc
        .call(
            node, new GetMap(), Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.after(limit))
        .whenComplete((_, failure) -> sessions.answered(session, node, failure));
  }
}
