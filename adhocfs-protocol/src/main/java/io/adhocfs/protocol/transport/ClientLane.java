package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.wire.MessageType;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The calls to one node of one kind, in order, over one connection at a time, which is made when
 * there is something to send. State belongs to the event loop unless it says otherwise.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What fails on a channel closes it, which is seen.
final class ClientLane {
  private static final WriteBufferWaterMark WATER_MARKS =
      new WriteBufferWaterMark(1 << 20, 4 << 20);

  /** Deadlines are seen this much late at most, so that many are seen at once. */
  private static final long DEADLINE_TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private final NettyRpcClient client;
  private final NodeId nodeId;
  private final int number;
  private final EventLoop loop;

  /** Calls on their way to the event loop; any thread adds. */
  private final ConcurrentLinkedQueue<Call> submitted = new ConcurrentLinkedQueue<>();

  private final AtomicBoolean announced = new AtomicBoolean();
  private final AtomicInteger unanswered = new AtomicInteger();

  /** Written by the event loop. */
  private volatile boolean closed;

  private final ArrayDeque<Call> waiting = new ArrayDeque<>();
  private @Nullable ClientConnection connection;

  /** Between the first attempt and service or failure. */
  private boolean connecting;

  /** Raised when an attempt to connect is over: what still comes of it is ignored. */
  private int attempt;

  private @Nullable ScheduledFuture<?> connectTimer;
  private long nextConnectionNumber = 1;

  /** The entry of the node whose socket path leads elsewhere, as every host has such a file. */
  private @Nullable Node withoutUnixSocket;

  private @Nullable ScheduledFuture<?> deadlineTimer;
  private long deadlineTimerNanos;

  ClientLane(NettyRpcClient client, NodeId nodeId, int number, EventLoop loop) {
    this.client = client;
    this.nodeId = nodeId;
    this.number = number;
    this.loop = loop;
  }

  Epoch epoch() {
    return client.epoch();
  }

  /** A connection has proved itself. */
  void met(long storageTerm) {
    client.termListener().met(nodeId, storageTerm);
  }

  /** An answer to a call had flags. */
  void flagged(Call call, int answerFlags) {
    client.flagListener().answered(nodeId, call.request(), call.flags(), answerFlags);
  }

  // ---- calls come

  /** Takes a call over. Any thread. */
  void submit(Call call) {
    int max = client.configuration().maxUnanswered();
    if (unanswered.incrementAndGet() > max) {
      unanswered.decrementAndGet();
      call.fail(FsError.OVERLOADED, max + " calls to node " + nodeId + " are under way already");
      return;
    }
    submitted.add(call);
    if (announced.compareAndSet(false, true)) {
      try {
        loop.execute(this::takeSubmitted);
      } catch (RejectedExecutionException e) {
        failSubmitted();
      }
    }
  }

  /** Fails what nobody will send any more. Any thread, once the event loop has ended. */
  void failSubmitted() {
    for (Call call = submitted.poll(); call != null; call = submitted.poll()) {
      unanswered.decrementAndGet();
      call.fail(FsError.CLOSED, "this client has been closed");
    }
  }

  private void takeSubmitted() {
    announced.set(false);
    long earliest = 0;
    for (Call call = submitted.poll(); call != null; call = submitted.poll()) {
      waiting.add(call);
      Deadline deadline = call.deadline();
      if (deadline.bounded() && (earliest == 0 || deadline.nanoTime() - earliest < 0)) {
        earliest = deadline.nanoTime();
      }
    }
    watchDeadline(earliest);
    pump();
  }

  /** Sends what can be sent now, and connects if need be. */
  private void pump() {
    if (waiting.isEmpty()) {
      return;
    }
    if (closed) {
      failWaiting(new FsException(FsError.CLOSED, "this client has been closed"));
      return;
    }
    ClientConnection current = connection;
    if (current == null) {
      if (!connecting) {
        connect();
      }
      return;
    }
    if (!current.isServing()) {
      return;
    }
    boolean sent = false;
    while (current.isWritable()) {
      Call call = waiting.poll();
      if (call == null) {
        break;
      }
      if (call.isDone()) {
        // Given up by its caller before it was sent.
        ended(1);
        call.takePayload().release();
      } else {
        current.send(call);
        sent = true;
      }
    }
    if (sent) {
      current.flush();
    }
  }

  void writable() {
    pump();
  }

  /** So many calls have ended. */
  void ended(int count) {
    unanswered.addAndGet(-count);
  }

  private void failWaiting(FsException reason) {
    List<Call> calls = new ArrayList<>(waiting);
    waiting.clear();
    ended(calls.size());
    for (Call call : calls) {
      call.fail(reason);
    }
  }

  // ---- connecting

  private void connect() {
    Node node = client.node(nodeId);
    if (node == null) {
      failWaiting(
          new FsException(
              FsError.UNREACHABLE,
              "node " + nodeId + " is not in the map of epoch " + epoch().value()));
      return;
    }
    connecting = true;
    int current = attempt;
    connectTimer =
        loop.schedule(
            () -> connectTimedOut(current, node),
            client.configuration().connectTimeout().toMillis(),
            TimeUnit.MILLISECONDS);
    if (node.socketPath().isEmpty()
        || node.equals(withoutUnixSocket)
        || !Files.exists(Path.of(node.socketPath()))) {
      dialTcp(current, node);
    } else {
      SocketDriver driver = client.configuration().driver();
      dial(current, node, driver.unixAddress(node.socketPath()), true);
    }
  }

  private void dialTcp(int current, Node node) {
    client
        .resolve(node.host())
        .whenCompleteAsync(
            (address, error) -> {
              if (current != attempt) {
                return;
              }
              if (error != null) {
                connectFailed(node, "unknown host", error);
              } else {
                dial(current, node, new InetSocketAddress(address, node.port()), false);
              }
            },
            loop);
  }

  private void dial(int current, Node node, SocketAddress address, boolean unix) {
    RpcClientConfiguration configuration = client.configuration();
    var hello =
        new Hello(
            MessageType.PROTOCOL_VERSION,
            configuration.identity().instanceId(),
            Handshake.newNonce(),
            configuration.role(),
            configuration.session(),
            number,
            nextConnectionNumber++,
            nodeId);
    var bootstrap =
        new Bootstrap()
            .group(loop)
            .channel(unix ? configuration.driver().unix() : configuration.driver().tcp())
            .disableResolver()
            .option(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARKS)
            .option(
                ChannelOption.CONNECT_TIMEOUT_MILLIS,
                Math.toIntExact(configuration.connectTimeout().toMillis()))
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    var made =
                        new ClientConnection(
                            channel, ClientLane.this, configuration.identity(), node, hello, unix);
                    channel.pipeline().addLast(made);
                    if (current == attempt) {
                      connection = made;
                    } else {
                      channel.close();
                    }
                  }
                });
    if (!unix) {
      configuration
          .driver()
          .tcpOptions()
          .forEach((option, value) -> setOption(bootstrap, option, value));
    }
    bootstrap
        .connect(address)
        .addListener(done -> {
          if (done.isSuccess() || current != attempt) {
            return;
          }
          connection = null;
          if (unix) {
            dialTcp(current, node);
          } else {
            connectFailed(node, "cannot connect", done.cause());
          }
        });
  }

  @SuppressWarnings("unchecked") // The driver's table pairs each option with a value of its type.
  private static <T> void setOption(Bootstrap bootstrap, ChannelOption<T> option, Object value) {
    bootstrap.option(option, (T) value);
  }

  private void connectFailed(Node node, String what, @Nullable Throwable cause) {
    endAttempt();
    failWaiting(
        new FsException(
            FsError.UNREACHABLE,
            "node "
                + nodeId
                + " at "
                + node.address()
                + ": "
                + what
                + (cause == null ? "" : ": " + cause.getMessage())));
  }

  private void connectTimedOut(int current, Node node) {
    ClientConnection made = connection;
    if (current != attempt || (made != null && made.isWelcome())) {
      return;
    }
    connection = null;
    long millis = client.configuration().connectTimeout().toMillis();
    connectFailed(node, "no answer to the handshake within " + millis + " ms", null);
    if (made != null) {
      made.close(new FsException(FsError.UNREACHABLE, "the handshake took too long"));
    }
  }

  private void endAttempt() {
    connecting = false;
    attempt++;
    if (connectTimer != null) {
      connectTimer.cancel(false);
      connectTimer = null;
    }
  }

  /** The connection may take requests. */
  void ready(ClientConnection made) {
    if (made == connection) {
      endAttempt();
      pump();
    }
  }

  /** A connection is closed. */
  void lost(ClientConnection gone, boolean served, FsException reason) {
    boolean current = gone == connection;
    if (current) {
      connection = null;
    }
    gone.failSent(reason);
    if (!current || closed) {
      return;
    }
    if (served) {
      pump();
    } else if (gone.isViaUnixSocket()) {
      // The same path may be another node's daemon on this host.
      withoutUnixSocket = gone.node();
      dialTcp(attempt, gone.node());
    } else {
      endAttempt();
      failWaiting(
          reason.error() == FsError.CONNECTION_LOST
              ? new FsException(FsError.UNREACHABLE, String.valueOf(reason.getMessage()))
              : reason);
    }
  }

  /** The map has changed: a connection to where the node no longer is, is given up. Any thread. */
  void mapChanged() {
    onLoop(() -> {
      Node node = client.node(nodeId);
      ClientConnection old = connection;
      if (old == null || (node != null && leadsThere(old.node(), node))) {
        return;
      }
      if (node == null && !old.isIdle()) {
        // What a node that has left still answers is welcome.
        return;
      }
      connection = null;
      endAttempt();
      old.close(
          new FsException(
              FsError.CONNECTION_LOST,
              "node "
                  + nodeId
                  + " is no longer at "
                  + old.node().address()
                  + (node == null ? "" : " but at " + node.address())));
      pump();
    });
  }

  private static boolean leadsThere(Node was, Node is) {
    return was.incarnation() == is.incarnation()
        && was.port() == is.port()
        && was.host().equals(is.host());
  }

  /** Ends everything with CLOSED. Any thread. */
  void close() {
    onLoop(() -> {
      closed = true;
      var reason = new FsException(FsError.CLOSED, "this client has been closed");
      endAttempt();
      if (deadlineTimer != null) {
        deadlineTimer.cancel(false);
      }
      if (connection != null) {
        connection.close(reason);
      }
      takeSubmitted();
      failWaiting(reason);
    });
  }

  private void onLoop(Runnable work) {
    try {
      loop.execute(work);
    } catch (RejectedExecutionException e) {
      failSubmitted();
    }
  }

  // ---- deadlines

  /** Has the event loop look at the deadlines once this one has passed; 0 = there is none. */
  private void watchDeadline(long nanoTime) {
    if (nanoTime == 0 || closed || (deadlineTimer != null && nanoTime - deadlineTimerNanos >= 0)) {
      return;
    }
    if (deadlineTimer != null) {
      deadlineTimer.cancel(false);
    }
    deadlineTimerNanos = nanoTime;
    long delay = Math.max(0, nanoTime - System.nanoTime()) + DEADLINE_TICK_NANOS;
    deadlineTimer = loop.schedule(this::expire, delay, TimeUnit.NANOSECONDS);
  }

  private void expire() {
    deadlineTimer = null;
    long now = System.nanoTime();
    long earliest = connection == null ? 0 : connection.expire(now);
    List<Call> expired = new ArrayList<>();
    for (var calls = waiting.iterator(); calls.hasNext(); ) {
      Call call = calls.next();
      Deadline deadline = call.deadline();
      if (!deadline.bounded()) {
        continue;
      }
      if (now - deadline.nanoTime() >= 0) {
        calls.remove();
        expired.add(call);
      } else if (earliest == 0 || deadline.nanoTime() - earliest < 0) {
        earliest = deadline.nanoTime();
      }
    }
    ended(expired.size());
    watchDeadline(earliest);
    Node node = client.node(nodeId);
    for (Call call : expired) {
      call.fail(
          FsError.TIMED_OUT,
          "a "
              + call.request().type()
              + " for node "
              + nodeId
              + (node == null ? "" : " at " + node.address())
              + " could not be sent before its deadline");
    }
  }
}
