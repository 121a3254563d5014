package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A request that a connection has received, and its answer: the first that is given, by any thread.
 */
final class ServerExchange implements Exchange {
  private final Frame.Header header;
  private final Hello peer;
  private final Consumer<ServerExchange> whenAnswered;
  private final AtomicBoolean answered = new AtomicBoolean();

  /** What it holds of the connection's budget. */
  final long bytes;

  // Written before it is handed to whenAnswered.
  private @Nullable Reply reply;
  private ByteBuf payload = Unpooled.EMPTY_BUFFER;
  private int payloadChecksum;
  private int answerFlags;

  /**
   * @param whenAnswered given this, once, by the thread that answers
   */
  ServerExchange(
      Frame.Header header, Hello peer, long bytes, Consumer<ServerExchange> whenAnswered) {
    this.header = header;
    this.peer = peer;
    this.bytes = bytes;
    this.whenAnswered = whenAnswered;
  }

  @Override
  public SessionId session() {
    return peer.session();
  }

  @Override
  public PeerRole role() {
    return peer.role();
  }

  @Override
  public Epoch epoch() {
    return new Epoch(header.epoch());
  }

  @Override
  public TrafficClass trafficClass() {
    return header.trafficClass();
  }

  @Override
  public int flags() {
    return header.flags();
  }

  @Override
  public void addAnswerFlags(int added) {
    answerFlags |= added;
  }

  @Override
  public void reply(Reply answer, ByteBuf answerPayload) {
    if (!answered.compareAndSet(false, true)) {
      answerPayload.release();
      return;
    }
    reply = answer;
    payload = answerPayload;
    // Here, so that data threads do it and not the event loop.
    payloadChecksum = Checksum.ofReadable(answerPayload);
    whenAnswered.accept(this);
  }

  @Override
  public void fail(FsError error, String message) {
    reply(new Reply.Failed(error, message));
  }

  long requestId() {
    return header.requestId();
  }

  Reply answer() {
    if (reply == null) {
      throw new IllegalStateException("an answer without a message");
    }
    return reply;
  }

  ByteBuf payload() {
    return payload;
  }

  int payloadChecksum() {
    return payloadChecksum;
  }

  int answerFlags() {
    return answerFlags;
  }
}
