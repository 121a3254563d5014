package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.transport.Handshake.Challenge;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.Handshake.Proof;
import io.adhocfs.protocol.transport.Handshake.Refused;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.WireReader;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.collection.LongObjectHashMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection as the client sees it: proves itself and has the daemon prove itself, sends calls
 * and matches answers. All state belongs to the lane's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What fails on a channel closes it, which is seen.
final class ClientConnection extends FrameReceiver {
  private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);
  private static final int METADATA_GATHER_BYTES = 16 << 10;
  private static final int DATA_GATHER_BYTES = 4 << 10;
  private static final int DATA_READS_MAX = 16;

  private enum Phase {
    CONNECTING,
    CHALLENGE,
    WELCOME,
    /** Both sides have proved themselves; the daemon ends this lane's older connection. */
    READY,
    SERVING,
    CLOSED
  }

  private final ClientLane lane;
  private final InstanceIdentity identity;
  private final Node node;
  private final Hello hello;
  private final boolean viaUnixSocket;
  private final FrameSender sender;
  private final LongObjectHashMap<Call> sent = new LongObjectHashMap<>();
  private Phase phase = Phase.CONNECTING;
  private @Nullable Challenge challenge;
  private @Nullable FsException closeReason;
  private long nextRequestId = 1;
  private @Nullable Reply reply;
  private @Nullable FsException replyError;

  ClientConnection(
      Channel channel,
      ClientLane lane,
      InstanceIdentity identity,
      Node node,
      Hello hello,
      boolean viaUnixSocket) {
    super(
        channel,
        hello.lane() == Handshake.METADATA_LANE ? METADATA_GATHER_BYTES : DATA_GATHER_BYTES);
    this.lane = lane;
    this.identity = identity;
    this.node = node;
    this.hello = hello;
    this.viaUnixSocket = viaUnixSocket;
    this.sender = new FrameSender(channel);
    if (hello.lane() != Handshake.METADATA_LANE) {
      tune(DATA_GATHER_BYTES, DATA_READS_MAX);
    }
  }

  /** The node, at the address that this connection leads to. */
  Node node() {
    return node;
  }

  /** Whether it goes through a file of this host, and perhaps to another node's daemon. */
  boolean isViaUnixSocket() {
    return viaUnixSocket;
  }

  /** Whether both sides have proved themselves: the time to connect no longer runs. */
  boolean isWelcome() {
    return phase == Phase.READY || phase == Phase.SERVING;
  }

  boolean isServing() {
    return phase == Phase.SERVING;
  }

  boolean isIdle() {
    return sent.isEmpty();
  }

  boolean isWritable() {
    return channel.isWritable();
  }

  private String where() {
    return "node " + node.id() + " at " + node.address();
  }

  // ---- handshake

  @Override
  public void channelActive(ChannelHandlerContext context) {
    phase = Phase.CHALLENGE;
    sendStep(Step.HELLO, hello::encode);
  }

  private void sendStep(int step, FrameSender.Body body) {
    try {
      sender.frame(Frame.Kind.HANDSHAKE, step, body, TrafficClass.CONTROL, 0, lane.epoch().value());
      sender.flush();
    } catch (FsException e) {
      close(e);
    }
  }

  private void takeHandshake(int step, ByteBuf body, boolean intact) throws FsException {
    if (!intact) {
      throw new FsException(FsError.CORRUPT, "a step of the handshake was damaged on its way");
    }
    switch (step) {
      case Step.CHALLENGE -> {
        Challenge asked = Challenge.decode(body);
        challenge = asked;
        phase = Phase.WELCOME;
        sendStep(Step.PROOF, Handshake.clientProof(identity.secret(), hello, asked)::encode);
      }
      case Step.WELCOME -> {
        Challenge asked = challenge;
        if (asked == null
            || !Proof.decode(body)
                .matches(Handshake.serverProof(identity.secret(), hello, asked))) {
          throw new FsException(
              FsError.REFUSED,
              where()
                  + " does not know the secret of instance '"
                  + identity.instanceId()
                  + "': whatever listens there is no daemon of it");
        }
        lane.met(asked.storageTerm());
        phase = Phase.READY;
      }
      case Step.READY -> {
        phase = Phase.SERVING;
        lane.ready(this);
      }
      case Step.REFUSED -> {
        Refused refused = Refused.decode(body);
        throw new FsException(refused.reason().error(), refusalMessage(refused));
      }
      default -> throw new FsException(FsError.BAD_MESSAGE, "a step " + step);
    }
  }

  private String refusalMessage(Refused refused) {
    String advice =
        switch (refused.reason()) {
          case VERSION -> "; use the same release of adhocfs on both sides";
          case INSTANCE, WRONG_NODE ->
              "; another daemon has taken its address: take the current instance file";
          case SECRET -> "; take the instance file that the daemons were started with";
          case SUPERSEDED -> "; another process has taken this session over";
          case TOO_MANY_CONNECTIONS -> "; try later or with fewer clients";
          case MALFORMED, TOO_SLOW, CLOSING -> "";
        };
    return where() + " refused: " + refused.message() + advice;
  }

  // ---- answers

  @Override
  boolean mayStartFrame() {
    return phase != Phase.CLOSED;
  }

  @Override
  void checkHeader(Frame.Header header) throws FsException {
    boolean expected =
        switch (phase) {
          case CONNECTING, CLOSED -> false;
          case CHALLENGE -> isStep(header, Step.CHALLENGE);
          case WELCOME -> isStep(header, Step.WELCOME);
          case READY -> isStep(header, Step.READY);
          case SERVING -> header.kind() == Frame.Kind.REPLY;
        };
    if (!expected && !isStep(header, Step.REFUSED)) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a " + header.kind() + " of type " + header.typeCode() + " while " + phase);
    }
  }

  private static boolean isStep(Frame.Header header, int step) {
    return header.kind() == Frame.Kind.HANDSHAKE
        && header.typeCode() == step
        && header.bodyBytes() <= Handshake.BODY_BYTES_MAX
        && header.payloadBytes() == 0;
  }

  @Override
  void onMalformed(FsException reason) {
    FsError error =
        phase == Phase.SERVING
            ? FsError.CONNECTION_LOST
            : reason.error() == FsError.UNKNOWN_MESSAGE ? FsError.REFUSED : FsError.UNREACHABLE;
    close(new FsException(error, where() + " sent what is no answer: " + reason.getMessage()));
  }

  @Override
  void onBody(Frame.Header header, ByteBuf body, boolean intact) {
    reply = null;
    replyError = null;
    if (header.kind() == Frame.Kind.HANDSHAKE) {
      try {
        takeHandshake(header.typeCode(), body, intact);
      } catch (FsException e) {
        close(e);
      }
      return;
    }
    if (!sent.containsKey(header.requestId())) {
      return;
    }
    MessageType type = MessageType.ofCode(header.typeCode());
    try {
      if (type == null) {
        throw new FsException(
            FsError.UNKNOWN_MESSAGE, "an answer of unknown type " + header.typeCode());
      }
      if (!intact) {
        throw new FsException(FsError.CORRUPT, "the body of a " + type + " was damaged on its way");
      }
      if (!(type.decode(new WireReader(body)) instanceof Reply decoded)) {
        throw new FsException(FsError.BAD_MESSAGE, "a " + type + " is no answer");
      }
      reply = decoded;
    } catch (FsException e) {
      replyError = new FsException(e.error(), where() + ": " + e.getMessage());
    } catch (RuntimeException e) {
      LOG.error("{}: decoding an answer of type {}", where(), header.typeCode(), e);
      replyError = new FsException(FsError.BAD_MESSAGE, where() + ": an undecodable answer", e);
    }
  }

  @Override
  Admission admission(Frame.Header header) {
    return reply == null ? Admission.SKIP : Admission.TAKE;
  }

  @Override
  void onSkipped(Frame.Header header) {
    FsException error = replyError;
    if (error != null) {
      Call call = answered(header);
      if (call != null) {
        call.fail(error);
      }
    }
  }

  @Override
  void onFrame(Frame.Header header, ByteBuf payload, boolean intact) {
    Reply answer = reply;
    Call call = answered(header);
    if (call == null || answer == null) {
      payload.release();
      return;
    }
    if (answer instanceof Reply.Failed failed) {
      payload.release();
      call.fail(failed.error(), where() + ": " + failed.message());
    } else if (!intact) {
      payload.release();
      call.fail(FsError.CORRUPT, where() + ": the payload of an answer was damaged on its way");
    } else {
      call.succeed(new Response(answer, payload, new Epoch(header.epoch())));
    }
  }

  private @Nullable Call answered(Frame.Header header) {
    Call call = sent.remove(header.requestId());
    if (call != null) {
      lane.ended(1);
      if (header.flags() != 0) {
        lane.flagged(call, header.flags());
      }
    }
    return call;
  }

  @Override
  void onReadComplete() {
    // What calls made by completions send leaves with the lane's next batch.
  }

  // ---- calls

  /** Appends a call; it leaves with {@link #flush}. */
  void send(Call call) {
    long id = nextRequestId++;
    try {
      sender.message(
          Frame.Kind.REQUEST,
          call.request(),
          call.trafficClass(),
          call.flags(),
          id,
          lane.epoch().value(),
          call.takePayload(),
          call.payloadChecksum(),
          null);
      sent.put(id, call);
    } catch (FsException e) {
      lane.ended(1);
      call.fail(e.error(), call.request().type() + ": " + e.getMessage());
    } catch (RuntimeException e) {
      lane.ended(1);
      call.completeExceptionally(e);
    }
  }

  void flush() {
    sender.flush();
  }

  /** Fails the sent calls whose deadline has passed; the earliest of the others, or 0 for none. */
  long expire(long now) {
    long earliest = 0;
    List<Long> expired = new ArrayList<>();
    for (var entry : sent.entries()) {
      Deadline deadline = entry.value().deadline();
      if (!deadline.bounded()) {
        continue;
      }
      if (now - deadline.nanoTime() >= 0) {
        expired.add(entry.key());
      } else if (earliest == 0 || deadline.nanoTime() - earliest < 0) {
        earliest = deadline.nanoTime();
      }
    }
    for (Long id : expired) {
      Call call = sent.remove(id.longValue());
      lane.ended(1);
      call.fail(
          FsError.TIMED_OUT,
          where() + " did not answer a " + call.request().type() + " before its deadline");
    }
    return earliest;
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      lane.writable();
    }
  }

  /** Closes for a reason that its calls will hear; the first reason counts. */
  void close(FsException reason) {
    if (closeReason == null) {
      closeReason = reason;
    }
    stopReading();
    channel.close();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    close(
        new FsException(
            phase == Phase.SERVING ? FsError.CONNECTION_LOST : FsError.UNREACHABLE,
            where() + ": " + cause.getMessage(),
            cause));
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    boolean served = phase == Phase.SERVING;
    phase = Phase.CLOSED;
    stopReading();
    sender.discard();
    FsException reason = closeReason;
    if (reason == null) {
      reason =
          served
              ? new FsException(
                  FsError.CONNECTION_LOST, "the connection to " + where() + " was lost")
              : new FsException(
                  FsError.UNREACHABLE, where() + " closed the connection before it served");
    }
    lane.lost(this, served, reason);
  }

  /** Ends the calls that were sent; the connection is closed. */
  void failSent(FsException reason) {
    List<Call> calls = new ArrayList<>(sent.values());
    sent.clear();
    lane.ended(calls.size());
    for (Call call : calls) {
      // The request may have run, whatever the reason says of later ones.
      call.fail(
          reason.error() == FsError.CLOSED ? FsError.CLOSED : FsError.CONNECTION_LOST,
          reason.getMessage() + "; a " + call.request().type() + " was under way");
    }
  }
}
