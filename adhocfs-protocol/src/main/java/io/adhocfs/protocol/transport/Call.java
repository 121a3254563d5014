package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;

/** One call of a client; completes with its answer. */
final class Call extends CompletableFuture<Response> {
  private final Request request;
  private final TrafficClass trafficClass;
  private final int flags;
  private final Deadline deadline;
  private final int payloadChecksum;

  /** Belongs to whoever made the call until it is submitted, then to the lane's event loop. */
  private ByteBuf payload;

  Call(Request request, ByteBuf payload, TrafficClass trafficClass, int flags, Deadline deadline) {
    this.request = request;
    this.payload = payload;
    this.trafficClass = trafficClass;
    this.flags = flags;
    this.deadline = deadline;
    this.payloadChecksum = Checksum.ofReadable(payload);
  }

  Request request() {
    return request;
  }

  TrafficClass trafficClass() {
    return trafficClass;
  }

  int flags() {
    return flags;
  }

  Deadline deadline() {
    return deadline;
  }

  int payloadChecksum() {
    return payloadChecksum;
  }

  /** The payload, which is the caller's from now on. */
  ByteBuf takePayload() {
    ByteBuf taken = payload;
    payload = Unpooled.EMPTY_BUFFER;
    return taken;
  }

  /** Ends the call without an answer. */
  void fail(FsError error, String message) {
    fail(new FsException(error, message));
  }

  /** Ends the call without an answer. */
  void fail(FsException error) {
    takePayload().release();
    completeExceptionally(error.asCompletion());
  }

  /** Ends the call with its answer, unless nobody waits for it any more. */
  void succeed(Response response) {
    if (!complete(response)) {
      response.payload().release();
    }
  }
}
