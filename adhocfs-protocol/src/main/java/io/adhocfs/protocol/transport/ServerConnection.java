package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Handshake.Challenge;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.Handshake.Proof;
import io.adhocfs.protocol.transport.Handshake.Refusal;
import io.adhocfs.protocol.transport.Handshake.Refused;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.WireReader;
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
final class ServerConnection extends FrameReceiver {
  private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);
  private static final int HANDSHAKE_GATHER_BYTES = 1 << 10;

  /** Some hundred requests to a read, and then their answers leave. */
  private static final int METADATA_GATHER_BYTES = 16 << 10;

  /** Little, since the part of a payload that is caught with its header must be copied. */
  private static final int DATA_GATHER_BYTES = 4 << 10;

  private static final int DATA_READS_MAX = 16;

  private enum Phase {
    HELLO,
    PROOF,
    /** Waits until it may serve. */
    ADMITTING,
    SERVING,
    ENDING
  }

  private final RpcServer server;
  private final RequestHandler handler;
  private final FrameSender sender;

  /** What the connections of one peer have in common; all of the Unix socket are one peer's. */
  private final Object address;

  /** Answers that other threads gave. */
  private final ConcurrentLinkedQueue<ServerExchange> answers = new ConcurrentLinkedQueue<>();

  private final AtomicBoolean answersAnnounced = new AtomicBoolean();

  /** Read by the stopping thread too. */
  private volatile Phase phase = Phase.HELLO;

  /** Set before the loop is told, so that the end of a move between loops sees it. */
  private volatile boolean drainRequested;

  /** Between two loops; set and reset by the metadata thread. */
  private volatile boolean moving;

  /** Written once, before the registry hears of the connection. */
  private volatile @Nullable Hello hello;

  private @Nullable Challenge challenge;
  private @Nullable ScheduledFuture<?> watch;

  /** Whether it has a place among those that may serve. */
  private boolean proved;

  private boolean flushScheduled;
  private boolean arrived;
  private boolean endReported;
  private boolean closed;

  /** Requests handed to the handler and not answered. */
  private int requestsInFlight;

  /** What this connection has taken from the server's budget. */
  private long bytesInFlight;

  private @Nullable Request request;
  private Reply.@Nullable Failed failure;

  /** Bytes taken for the request that is still being received. */
  private long bytesOfRequest;

  private boolean waitsForBudget;

  private long readsSeen;
  private long pendingSeen;
  private long progressSeen;

  ServerConnection(Channel channel, RpcServer server, RequestHandler handler) {
    super(channel, HANDSHAKE_GATHER_BYTES);
    this.server = server;
    this.handler = handler;
    this.sender = new FrameSender(channel);
    this.address =
        channel.remoteAddress() instanceof InetSocketAddress remote ? remote.getAddress() : "local";
  }

  /** What the peer said of itself; only of a connection that has proved it. Any thread. */
  Hello hello() {
    Hello said = hello;
    if (said == null) {
      throw new IllegalStateException("no hello yet");
    }
    return said;
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
      case HELLO -> checkStep(header, Step.HELLO);
      case PROOF -> checkStep(header, Step.PROOF);
      case SERVING, ADMITTING, ENDING -> {
        if (header.kind() != Frame.Kind.REQUEST) {
          throw new FsException(
              FsError.BAD_MESSAGE, "a " + header.kind() + " where requests are expected");
        }
      }
    }
  }

  private static void checkStep(Frame.Header header, int step) throws FsException {
    if (header.kind() != Frame.Kind.HANDSHAKE
        || header.typeCode() != step
        || header.bodyBytes() > Handshake.BODY_BYTES_MAX
        || header.payloadBytes() > 0) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a " + header.kind() + " of type " + header.typeCode() + " within the handshake");
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

  private void takeHandshake(ByteBuf body, boolean intact) {
    if (!intact) {
      refuse(Refusal.MALFORMED, "a step of the handshake was damaged on its way");
      return;
    }
    try {
      if (phase == Phase.HELLO) {
        takeHello(Hello.decode(body));
      } else {
        takeProof(Proof.decode(body));
      }
    } catch (FsException e) {
      refuse(Refusal.MALFORMED, message(e));
    }
  }

  private void takeHello(Hello said) throws FsException {
    InstanceIdentity identity = server.configuration().identity();
    if (said.version() != MessageType.PROTOCOL_VERSION) {
      refuse(
          Refusal.VERSION,
          "protocol version "
              + said.version()
              + "; this daemon speaks version "
              + MessageType.PROTOCOL_VERSION);
      return;
    }
    if (!said.instanceId().equals(identity.instanceId())) {
      refuse(
          Refusal.INSTANCE,
          "a client of instance '"
              + said.instanceId()
              + "'; this daemon serves instance '"
              + identity.instanceId()
              + "'");
      return;
    }
    hello = said;
    var asked =
        new Challenge(server.configuration().self(), Handshake.newNonce(), server.storageTerm());
    challenge = asked;
    phase = Phase.PROOF;
    sendStep(Step.CHALLENGE, asked::encode);
    sender.flush();
  }

  private void takeProof(Proof proof) throws FsException {
    byte[] secret = server.configuration().identity().secret();
    Hello said = hello();
    if (challenge == null || !proof.matches(Handshake.clientProof(secret, said, challenge))) {
      refuse(Refusal.SECRET, "the peer does not know the secret of " + said.instanceId());
      return;
    }
    if (!said.expectedNode().equals(server.configuration().self())) {
      refuse(
          Refusal.WRONG_NODE,
          "a client looking for node "
              + said.expectedNode()
              + "; this daemon is node "
              + server.configuration().self());
      return;
    }
    if (!server.proved(this)) {
      refuse(
          Refusal.TOO_MANY_CONNECTIONS,
          "all " + server.limits().maxConnections() + " connections are taken");
      return;
    }
    proved = true;
    phase = Phase.ADMITTING;
    endWatch();
    sendStep(Step.WELCOME, Handshake.serverProof(secret, said, challenge)::encode);
    sender.flush();
    // The welcome has to be out before the connection may change to another loop.
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

  private void sendStep(int step, FrameSender.Body body) throws FsException {
    sender.frame(
        Frame.Kind.HANDSHAKE, step, body, TrafficClass.CONTROL, 0, handler.currentEpoch().value());
  }

  /** Says why, and closes. Any thread. */
  void refuse(Refusal reason, String message) {
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
      giveBackOfRequest();
      if (channel.isActive()) {
        try {
          sendStep(Step.REFUSED, new Refused(reason, message)::encode);
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
    if (hello().lane() != Handshake.METADATA_LANE) {
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
    if (hello().lane() == Handshake.METADATA_LANE) {
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
      sendStep(Step.READY, out -> {});
    } catch (FsException e) {
      throw new IllegalStateException("an empty body is never too large", e);
    }
    sender.flush();
    LOG.debug("{} is served", this);
    resumeReading();
  }

  private void closeIfStalled() {
    var outbound = channel.unsafe().outboundBuffer();
    long pending = outbound == null ? 0 : outbound.totalPendingWriteBytes();
    long progress = outbound == null ? 0 : outbound.currentProgress();
    boolean sendStalled = pending > 0 && pending == pendingSeen && progress == progressSeen;
    boolean receiveStalled = awaitsRestOfFrame() && readsDone() == readsSeen;
    pendingSeen = pending;
    progressSeen = progress;
    readsSeen = readsDone();
    if (sendStalled || receiveStalled) {
      LOG.warn(
          "{} closed: {} for {} s",
          this,
          sendStalled
              ? "it took nothing of " + pending + " bytes"
              : "the rest of a frame is missing",
          server.limits().stallTimeout().toSeconds());
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
      giveBackOfRequest();
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
    giveBackOfRequest();
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
      case HELLO, PROOF -> true;
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
    if (phase == Phase.HELLO || phase == Phase.PROOF) {
      takeHandshake(body, intact);
      return;
    }
    try {
      request = decode(header, body, intact);
    } catch (FsException e) {
      failure = new Reply.Failed(e.error(), message(e));
    } catch (RuntimeException e) {
      LOG.error("{}: decoding a message of type {}", this, header.typeCode(), e);
      failure = new Reply.Failed(FsError.BAD_MESSAGE, "a message that cannot be decoded: " + e);
    }
  }

  private Request decode(Frame.Header header, ByteBuf body, boolean intact) throws FsException {
    MessageType type = MessageType.ofCode(header.typeCode());
    if (type == null) {
      throw new FsException(
          FsError.UNKNOWN_MESSAGE, "no message has the type " + header.typeCode());
    }
    MessageType.Lane lane =
        hello().lane() == Handshake.METADATA_LANE
            ? MessageType.Lane.METADATA
            : MessageType.Lane.DATA;
    if (type.lane() != lane) {
      throw new FsException(
          FsError.BAD_MESSAGE, "a " + type + " on a connection for " + lane + " requests");
    }
    if (!intact) {
      throw new FsException(FsError.CORRUPT, "the body of a " + type + " was damaged on its way");
    }
    if (!(type.decode(new WireReader(body)) instanceof Request decoded)) {
      throw new FsException(FsError.BAD_MESSAGE, "a " + type + " is no request");
    }
    if (decoded.replyPayloadBytesMax() > Frame.PAYLOAD_BYTES_MAX) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a "
              + type
              + " for "
              + decoded.replyPayloadBytesMax()
              + " bytes; at most "
              + Frame.PAYLOAD_BYTES_MAX);
    }
    return decoded;
  }

  @Override
  Admission admission(Frame.Header header) {
    Request next = request;
    if (next == null) {
      return Admission.SKIP;
    }
    long bytes = header.payloadBytes() + next.replyPayloadBytesMax();
    if (bytes == 0) {
      return Admission.TAKE;
    }
    if (bytesInFlight > 0
        && bytesInFlight + bytes > server.limits().maxPayloadBytesPerConnection()) {
      return Admission.WAIT;
    }
    boolean taken =
        waitsForBudget
            ? server.budget().tryTake(bytes)
            : server.budget().takeOrWait(bytes, this::retryAdmission);
    if (!taken) {
      waitsForBudget = true;
      return Admission.WAIT;
    }
    bytesInFlight += bytes;
    bytesOfRequest = bytes;
    return Admission.TAKE;
  }

  private void retryAdmission() {
    onLoop(() -> {
      waitsForBudget = false;
      resumeReading();
    });
  }

  private void giveBack(long bytes) {
    bytesInFlight -= bytes;
    server.budget().giveBack(bytes);
  }

  private void giveBackOfRequest() {
    long bytes = bytesOfRequest;
    bytesOfRequest = 0;
    giveBack(bytes);
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
    var exchange = new ServerExchange(header, bytesOfRequest);
    bytesOfRequest = 0;
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

  private final class ServerExchange implements Exchange {
    private final long requestId;
    private final long epoch;
    private final TrafficClass trafficClass;
    private final int flags;
    private final long bytes;
    private final AtomicBoolean answered = new AtomicBoolean();
    private @Nullable Reply reply;
    private ByteBuf payload = Unpooled.EMPTY_BUFFER;
    private int payloadChecksum;
    private int answerFlags;

    private ServerExchange(Frame.Header header, long bytes) {
      this.requestId = header.requestId();
      this.epoch = header.epoch();
      this.trafficClass = header.trafficClass();
      this.flags = header.flags();
      this.bytes = bytes;
    }

    @Override
    public SessionId session() {
      return hello().session();
    }

    @Override
    public PeerRole role() {
      return hello().role();
    }

    @Override
    public Epoch epoch() {
      return new Epoch(epoch);
    }

    @Override
    public TrafficClass trafficClass() {
      return trafficClass;
    }

    @Override
    public int flags() {
      return flags;
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
      if (channel.eventLoop().inEventLoop()) {
        answer(this);
        if (!isReadingBatch()) {
          scheduleFlush();
        }
        afterAnswer();
        return;
      }
      answers.add(this);
      if (answersAnnounced.compareAndSet(false, true)) {
        try {
          channel.eventLoop().execute(ServerConnection.this::takeAnswers);
        } catch (RejectedExecutionException e) {
          dropAnswers();
        }
      }
    }

    @Override
    public void fail(FsError error, String message) {
      reply(new Reply.Failed(error, message));
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
      next.payload.release();
      server.budget().giveBack(next.bytes);
    }
  }

  private void answer(ServerExchange exchange) {
    requestsInFlight--;
    Reply reply = exchange.reply;
    if (reply == null) {
      throw new IllegalStateException("an answer without a message");
    }
    send(
        exchange.requestId,
        exchange.trafficClass,
        exchange.answerFlags,
        reply,
        exchange.payload,
        exchange.payloadChecksum,
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
      giveBack(bytes);
      return;
    }
    long held = Math.min(bytes, payload.readableBytes());
    giveBack(bytes - held);
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
      giveBack(held);
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
    giveBack(bytes);
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
    Hello said = hello;
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
