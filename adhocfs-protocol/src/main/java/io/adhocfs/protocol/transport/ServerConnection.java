package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.Handshake.Refusal;
import io.adhocfs.protocol.transport.Handshake.Refused;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection as the server sees it: proves itself, waits for its session's older connection to
 * end, then brings requests to the handler and answers back.
 *
 * <p>State belongs to the channel's event loop unless it says otherwise. A metadata connection
 * changes from the loop that accepted it to the metadata thread before it serves.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What fails on a channel closes it, which is seen.
final class ServerConnection extends FrameReceiver implements ServerHandshake.Connection {
  private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);
  private static final int HANDSHAKE_GATHER_BYTES = 1 << 10;

  /** Some hundred requests to a read, and then their answers leave. */
  private static final int METADATA_GATHER_BYTES = 16 << 10;

  /** Little, since the part of a payload that is caught with its header must be copied. */
  private static final int DATA_GATHER_BYTES = 4 << 10;

  private static final int DATA_READS_MAX = 16;

  private enum Phase {
    HANDSHAKE,
    /** Waits until it may serve. */
    ADMITTING,
    SERVING,
    ENDING
  }

  private final RpcServer server;
  private final RequestHandler handler;
  private final FrameSender sender;
  private final ServerHandshake handshake;
  private final RequestBudget budget;
  private final StallWatch stalls;

  /** What the connections of one peer have in common; all of the Unix socket are one peer's. */
  private final Object address;

  /** Answers that other threads gave. */
  private final ConcurrentLinkedQueue<ServerExchange> answers = new ConcurrentLinkedQueue<>();

  private final AtomicBoolean answersAnnounced = new AtomicBoolean();

  /** Read by the stopping thread too. */
  private volatile Phase phase = Phase.HANDSHAKE;

  /** Set before the loop is told, so that the end of a move between loops sees it. */
  private volatile boolean drainRequested;

  /** Between two loops; set and reset by the metadata thread. */
  private volatile boolean moving;

  private @Nullable ScheduledFuture<?> watch;

  /** Whether it has a place among those that may serve. */
  private boolean proved;

  private boolean flushScheduled;
  private boolean arrived;
  private boolean endReported;
  private boolean closed;

  /** Requests handed to the handler and not answered. */
  private int requestsInFlight;

  private @Nullable Request request;
  private Reply.@Nullable Failed failure;

  ServerConnection(Channel channel, RpcServer server, RequestHandler handler) {
    super(channel, HANDSHAKE_GATHER_BYTES);
    this.server = server;
    this.handler = handler;
    this.sender = new FrameSender(channel);
    this.handshake = new ServerHandshake(server, this);
    this.stalls = new StallWatch(channel);
    this.budget = new RequestBudget(server, this::retryAdmission);
    this.address =
        channel.remoteAddress() instanceof InetSocketAddress remote ? remote.getAddress() : "local";
  }

  /** What the peer said of itself; only of a connection that has proved it. Any thread. */
  Hello hello() {
    Hello said = handshake.said();
    if (said == null) {
      throw new IllegalStateException("no hello yet");
    }
    return said;
  }

  private MessageType.Lane lane() {
    return hello().lane() == Handshake.METADATA_LANE
        ? MessageType.Lane.METADATA
        : MessageType.Lane.DATA;
  }

  Object address() {
    return address;
  }

  private void onLoop(Runnable work) {
    EventLoop loop = channel.eventLoop();
    if (loop.inEventLoop()) {
      work.run();
      return;
    }
    try {
      loop.execute(work);
    } catch (RejectedExecutionException e) {
      LOG.debug("{}: its event loop has ended", this, e);
    }
  }

  // ---- handshake

  @Override
  public void channelActive(ChannelHandlerContext context) {
    watch =
        channel
            .eventLoop()
            .schedule(
                () ->
                    refuse(
                        Refusal.TOO_SLOW,
                        "no handshake within "
                            + server.limits().handshakeTimeout().toMillis()
                            + " ms"),
                server.limits().handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
    if (!server.opened(this)) {
      refuse(Refusal.CLOSING, "the daemon is stopping");
    }
  }

  @Override
  void checkHeader(Frame.Header header) throws FsException {
    switch (phase) {
      case HANDSHAKE -> handshake.check(header);
      case SERVING, ADMITTING, ENDING -> {
        if (header.kind() != Frame.Kind.REQUEST) {
          throw new FsException(
              FsError.BAD_MESSAGE, "a " + header.kind() + " where requests are expected");
        }
      }
    }
  }

  @Override
  void onMalformed(FsException reason) {
    boolean otherVersion = reason.error() == FsError.UNKNOWN_MESSAGE;
    refuse(otherVersion ? Refusal.VERSION : Refusal.MALFORMED, message(reason));
  }

  private static String message(Throwable error) {
    return error.getMessage() == null ? error.toString() : error.getMessage();
  }

  @Override
  public boolean takePlace() {
    proved = server.proved(this);
    return proved;
  }

  /** Waits for its place in the session, once the welcome has left: it may change its loop then. */
  private void awaitAdmission() {
    phase = Phase.ADMITTING;
    endWatch();
    sender.flush();
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(done -> {
          if (done.isSuccess() && phase == Phase.ADMITTING) {
            arrived = true;
            onMetadataThread(() -> server.registry().arrived(this));
          }
        });
  }

  private void onMetadataThread(Runnable work) {
    try {
      server.metadataLoop().execute(work);
    } catch (RejectedExecutionException e) {
      channel.close();
    }
  }

  @Override
  public void send(int step, FrameSender.Body body) throws FsException {
    sender.frame(
        Frame.Kind.HANDSHAKE, step, body, TrafficClass.CONTROL, 0, handler.currentEpoch().value());
  }

  /** Says why, and closes. Any thread. */
  @Override
  public void refuse(Refusal reason, String message) {
    onLoop(() -> {
      if (phase == Phase.ENDING) {
        return;
      }
      if (proved) {
        LOG.warn("{} refused ({}): {}", this, reason, message);
      } else {
        server.refusals().refused(this, reason, message);
      }
      phase = Phase.ENDING;
      stopReading();
      budget.giveBackOfRequest();
      if (channel.isActive()) {
        try {
          send(Step.REFUSED, new Refused(reason, message)::encode);
        } catch (FsException e) {
          LOG.warn("{}: cannot say why it is refused", this, e);
        }
        closeWhenSent();
      }
    });
  }

  /** Another connection has got its place before it had proved itself. Any thread. */
  void loseItsPlace() {
    onLoop(() -> {
      if (phase == Phase.ENDING) {
        // It was refused before, and does not take that.
        channel.close();
      } else if (!proved) {
        refuse(
            Refusal.TOO_MANY_CONNECTIONS,
            "all places of connections that have not proved themselves are taken");
      }
    });
  }

  private void closeWhenSent() {
    sender.flush();
    channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    endWatch();
    // A peer that takes nothing must not keep the connection.
    watch =
        channel
            .eventLoop()
            .schedule(
                (Runnable) channel::close,
                server.limits().handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
  }

  private void endWatch() {
    if (watch != null) {
      watch.cancel(false);
      watch = null;
    }
  }

  // ---- from the handshake to service

  /** All older connections have ended: begins to serve. Metadata thread. */
  void serve() {
    if (lane() == MessageType.Lane.DATA) {
      if (announceSession()) {
        onLoop(this::becomeReady);
      }
      return;
    }
    moving = true;
    channel
        .deregister()
        .addListener(deregistered ->
            server
                .metadataLoop()
                .register(channel)
                .addListener(registered -> onMetadataThread(() -> moved(registered.cause()))));
  }

  private void moved(@Nullable Throwable failed) {
    moving = false;
    if (failed != null) {
      LOG.warn("{}: cannot be served", this, failed);
      channel.close();
      reportEnd();
      return;
    }
    if (announceSession()) {
      becomeReady();
    }
  }

  /** Whether the handler has taken notice of the session; else the connection is given up. */
  private boolean announceSession() {
    try {
      handler.sessionConnected(hello().session(), hello().role());
      return true;
    } catch (RuntimeException e) {
      LOG.error("{}: its session cannot begin", this, e);
      refuse(Refusal.CLOSING, "the session cannot begin: " + e);
      return false;
    }
  }

  private void becomeReady() {
    if (drainRequested || phase != Phase.ADMITTING || !channel.isActive()) {
      phase = Phase.ENDING;
      channel.close();
      reportEnd();
      return;
    }
    phase = Phase.SERVING;
    if (lane() == MessageType.Lane.METADATA) {
      tune(METADATA_GATHER_BYTES, 1);
    } else {
      tune(DATA_GATHER_BYTES, DATA_READS_MAX);
    }
    long period = server.limits().stallTimeout().toMillis();
    watch =
        channel
            .eventLoop()
            .scheduleWithFixedDelay(this::closeIfStalled, period, period, TimeUnit.MILLISECONDS);
    try {
      send(Step.READY, out -> {});
    } catch (FsException e) {
      throw new IllegalStateException("an empty body is never too large", e);
    }
    sender.flush();
    LOG.debug("{} is served", this);
    resumeReading();
  }

  private void closeIfStalled() {
    String stalled = stalls.look(awaitsRestOfFrame(), readsDone());
    if (stalled != null) {
      LOG.warn("{} closed: {} for {} s", this, stalled, server.limits().stallTimeout().toSeconds());
      channel.close();
    }
  }

  /** Reads nothing more, and closes once everything under way is answered. Any thread. */
  void drainAndClose() {
    drainRequested = true;
    onLoop(() -> {
      // Between two loops: the end of the move looks at the request.
      if (moving) {
        return;
      }
      stopReading();
      budget.giveBackOfRequest();
      endIfDrained();
    });
  }

  /** Closes at once. Any thread. */
  void closeNow() {
    channel.close();
  }

  private void endIfDrained() {
    if (!drainRequested || requestsInFlight > 0) {
      return;
    }
    if (phase != Phase.ENDING) {
      phase = Phase.ENDING;
      if (channel.isActive()) {
        closeWhenSent();
      }
    }
    reportEnd();
  }

  /** Tells the registry, once, that nothing of this connection can have an effect any more. */
  private void reportEnd() {
    if (arrived && !endReported && requestsInFlight == 0) {
      endReported = true;
      try {
        server.metadataLoop().execute(() -> server.registry().ended(this));
      } catch (RejectedExecutionException e) {
        LOG.debug("{}: the server has ended before it", this, e);
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    closed = true;
    phase = Phase.ENDING;
    stopReading();
    endWatch();
    budget.giveBackOfRequest();
    sender.discard();
    server.closed(this, proved);
    reportEnd();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    LOG.debug("{} closed", this, cause);
    channel.close();
  }

  // ---- requests

  @Override
  boolean mayStartFrame() {
    return switch (phase) {
      case HANDSHAKE -> true;
      case SERVING ->
          requestsInFlight < server.limits().maxRequestsInFlight() && channel.isWritable();
      case ADMITTING, ENDING -> false;
    };
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      resumeReading();
    }
  }

  @Override
  void onBody(Frame.Header header, ByteBuf body, boolean intact) {
    request = null;
    failure = null;
    if (phase == Phase.HANDSHAKE) {
      if (handshake.take(body, intact)) {
        awaitAdmission();
      } else {
        sender.flush();
      }
      return;
    }
    try {
      request = RequestDecoder.decode(header, body, intact, lane());
    } catch (FsException e) {
      failure = new Reply.Failed(e.error(), message(e));
    } catch (RuntimeException e) {
      LOG.error("{}: decoding a message of type {}", this, header.typeCode(), e);
      failure = new Reply.Failed(FsError.BAD_MESSAGE, "a message that cannot be decoded: " + e);
    }
  }

  @Override
  Admission admission(Frame.Header header) {
    Request next = request;
    if (next == null) {
      return Admission.SKIP;
    }
    return budget.tryTake(header.payloadBytes() + next.replyPayloadBytesMax())
        ? Admission.TAKE
        : Admission.WAIT;
  }

  private void retryAdmission() {
    onLoop(() -> {
      budget.retried();
      resumeReading();
    });
  }

  @Override
  void onSkipped(Frame.Header header) {
    Reply.Failed failed = failure;
    if (failed != null) {
      send(header.requestId(), header.trafficClass(), 0, failed, Unpooled.EMPTY_BUFFER, 0, 0);
    }
  }

  @Override
  void onFrame(Frame.Header header, ByteBuf payload, boolean intact) {
    Request next = request;
    if (next == null) {
      payload.release();
      return;
    }
    request = null;
    requestsInFlight++;
    var exchange = new ServerExchange(header, hello(), budget.handedOver(), this::answered);
    if (!intact) {
      payload.release();
      exchange.fail(FsError.CORRUPT, "the payload of a " + next.type() + " was damaged on its way");
      return;
    }
    try {
      handler.handle(exchange, next, payload);
    } catch (Throwable e) {
      LOG.error("{}: {}", this, next, e);
      exchange.fail(FsError.INTERNAL, next.type() + ": " + e);
    }
  }

  @Override
  void onReadComplete() {
    sender.flush();
  }

  // ---- answers

  private void answered(ServerExchange exchange) {
    if (channel.eventLoop().inEventLoop()) {
      answer(exchange);
      if (!isReadingBatch()) {
        scheduleFlush();
      }
      afterAnswer();
      return;
    }
    answers.add(exchange);
    if (answersAnnounced.compareAndSet(false, true)) {
      try {
        channel.eventLoop().execute(this::takeAnswers);
      } catch (RejectedExecutionException e) {
        dropAnswers();
      }
    }
  }

  private void takeAnswers() {
    answersAnnounced.set(false);
    for (ServerExchange next = answers.poll(); next != null; next = answers.poll()) {
      answer(next);
    }
    if (!closed) {
      sender.flush();
    }
    afterAnswer();
  }

  /** The loop is gone, and with it everything that would take the answers. */
  private void dropAnswers() {
    for (ServerExchange next = answers.poll(); next != null; next = answers.poll()) {
      next.payload().release();
      server.budget().giveBack(next.bytes);
    }
  }

  private void answer(ServerExchange exchange) {
    requestsInFlight--;
    send(
        exchange.requestId(),
        exchange.trafficClass(),
        exchange.answerFlags(),
        exchange.answer(),
        exchange.payload(),
        exchange.payloadChecksum(),
        exchange.bytes);
  }

  /** Appends an answer; what it holds of the budget goes back when its payload has left. */
  private void send(
      long requestId,
      TrafficClass trafficClass,
      int flags,
      Reply reply,
      ByteBuf payload,
      int payloadChecksum,
      long bytes) {
    if (closed || !channel.isActive()) {
      payload.release();
      budget.giveBack(bytes);
      return;
    }
    long held = Math.min(bytes, payload.readableBytes());
    budget.giveBack(bytes - held);
    long epoch = handler.currentEpoch().value();
    try {
      sender.message(
          Frame.Kind.REPLY,
          reply,
          trafficClass,
          flags,
          requestId,
          epoch,
          payload,
          payloadChecksum,
          held == 0 ? null : () -> payloadLeft(held));
    } catch (FsException | RuntimeException e) {
      budget.giveBack(held);
      LOG.error("{}: cannot send a {}", this, reply.type(), e);
      send(
          requestId,
          trafficClass,
          flags,
          new Reply.Failed(FsError.INTERNAL, "an answer that cannot be sent: " + message(e)),
          Unpooled.EMPTY_BUFFER,
          0,
          0);
    }
  }

  private void payloadLeft(long bytes) {
    budget.giveBack(bytes);
    resumeReading();
  }

  private void afterAnswer() {
    if (drainRequested) {
      endIfDrained();
    } else if (closed) {
      reportEnd();
    } else {
      resumeReading();
    }
  }

  private void scheduleFlush() {
    if (flushScheduled) {
      return;
    }
    flushScheduled = true;
    channel
        .eventLoop()
        .execute(() -> {
          flushScheduled = false;
          if (!closed) {
            sender.flush();
          }
        });
  }

  /** For the log: who, and what for. */
  @Override
  public String toString() {
    Hello said = handshake.said();
    String peer = channel.remoteAddress() + "";
    return said == null
        ? "connection from " + peer
        : "connection "
            + said.connectionNumber()
            + " of "
            + said.session()
            + " lane "
            + said.lane()
            + " from "
            + peer;
  }
}
