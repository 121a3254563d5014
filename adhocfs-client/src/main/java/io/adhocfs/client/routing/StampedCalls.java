package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Requests that must run once, each under a number of a session. Where that session has ended, an
 * operation that belongs to no session goes on in a newer one, if no try can have run. Thread-safe.
 */
final class StampedCalls {
  private final Calls calls;
  private final Recovery recovery;
  private final Sessions sessions;
  private final Pauses pauses;

  StampedCalls(Calls calls, Recovery recovery, Sessions sessions, Pauses pauses) {
    this.calls = calls;
    this.recovery = recovery;
    this.sessions = sessions;
    this.pauses = pauses;
  }

  /**
   * Sends a request to the owner of its slot.
   *
   * @param request makes it for a number, maybe more than once
   * @param payload taken over and released at the end
   */
  CompletableFuture<StampedResponse> send(
      Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
    var call = new StampedCall(operation, request, payload);
    call.attempt();
    return call.result;
  }

  /** One request that must run once, in as many sessions as it takes. */
  private final class StampedCall {
    private final Operation operation;
    private final Function<OperationStamp, ? extends Request> request;
    private final ByteBuf payload;
    final CompletableFuture<StampedResponse> result = new CompletableFuture<>();

    /** How many sessions have ended under it. Only one try is under way at a time. */
    private int ends;

    StampedCall(
        Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
      this.operation = operation;
      this.request = request;
      this.payload = payload;
    }

    void attempt() {
      FsException stop = pauses.endOf(operation);
      if (stop == null) {
        sessions.checkClock(sessions.of(operation));
        stop = operation.loss();
      }
      Session session = stop == null ? retained() : null;
      if (session == null) {
        payload.release();
        result.completeExceptionally(
            (stop != null ? stop : sessions.of(operation).closure()).asCompletion());
        return;
      }
      var calling = new AtomicReference<Calls.@Nullable Call>();
      Completion.then(
          session.sequences.stamped(stamp -> {
            Calls.Call call =
                calls.stamped(
                    operation, request.apply(stamp), payload.retainedDuplicate(), session);
            calling.set(call);
            return call.begin();
          }),
          result,
          (response, failure) -> {
            Calls.Call call = calling.get();
            if (failure == null) {
              payload.release();
              if (!result.complete(new StampedResponse(response, session))) {
                response.payload().release();
              }
            } else {
              failed(failure, call != null && call.mayHaveRun());
            }
            sessions.release(session);
          });
    }

    /** The session to number it in, to be released; null if the operation's own is over. */
    private @Nullable Session retained() {
      Session session = sessions.of(operation);
      if (operation.belongsToSession()) {
        return sessions.tryRetain(session) ? session : null;
      }
      if (!session.isOverslept() && ends == 0 && sessions.tryRetain(session)) {
        return session;
      }
      Session newest = sessions.retainNewest();
      operation.goOnIn(newest);
      return newest;
    }

    private void failed(FsException failure, boolean mayHaveRun) {
      boolean goesOn = failure.error() == FsError.SESSION_EXPIRED && !operation.belongsToSession();
      FsException stop = goesOn ? recovery.reasonToStop(operation, null, failure) : failure;
      if (stop == null && mayHaveRun) {
        stop =
            new FsException(
                FsError.SESSION_EXPIRED,
                "whether it has been done is not known: the connection was lost, and then this"
                    + " client's session ended; "
                    + failure.getMessage(),
                failure);
      }
      if (stop != null) {
        payload.release();
        result.completeExceptionally(stop.asCompletion());
        return;
      }
      ends++;
      Completion.then(
          recovery.pauseBeforeNewerSession(operation, ends),
          result,
          (_, stopped) -> {
            if (stopped == null) {
              attempt();
            } else {
              payload.release();
              result.completeExceptionally(stopped.asCompletion());
            }
          });
    }
  }
}
