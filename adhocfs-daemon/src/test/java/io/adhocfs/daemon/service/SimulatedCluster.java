package io.adhocfs.daemon.service;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.simulation.SimulatedTime;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.TransactionRequest;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * Several daemons' metadata parts in one thread and simulated time, over a network that may lose,
 * delay and double messages. Everything follows from one seed. Messages are encoded and decoded on
 * their way.
 */
final class SimulatedCluster implements AutoCloseable {
  private static final long LATE_NANOS_MAX = 20_000_000_000L;

  private static final long PAUSE_BEFORE_RESTART_NANOS = 200_000_000L;

  /** How bad the network is: shares of messages. */
  record Faults(double lost, double doubled, double late) {
    static final Faults NONE = new Faults(0, 0, 0);
  }

  final SimulatedTime time = new SimulatedTime();
  final SplittableRandom random;
  final List<SimulatedNode> nodes = new ArrayList<>();

  /** How often each point was reached, by all nodes. */
  final Map<CrashPoint, Integer> reached = new EnumMap<>(CrashPoint.class);

  final ClusterMap map;
  Faults faults = Faults.NONE;
  boolean restartsTheDead = true;

  /** Whether whoever dies loses what it has not synced, as with its power. */
  boolean powerFails;

  private final Map<String, Long> lastArrival = new HashMap<>();

  SimulatedCluster(int size, Path directory, long seed, Settings settings) throws FsException {
    random = new SplittableRandom(seed);
    List<ClusterMap.Node> members = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      members.add(
          new ClusterMap.Node(new NodeId(i), "localhost", 1000 + i, "", 0, NodeState.ACTIVE));
      nodes.add(new SimulatedNode(this, new NodeId(i), directory.resolve("n" + i), settings));
    }
    map = ClusterMap.initial(members);
    time.onDeath(death ->
        nodes.stream().filter(node -> node.life == death.life).findAny().ifPresent(this::buried));
    for (SimulatedNode node : nodes) {
      directory.resolve("n" + node.id.value()).toFile().mkdirs();
      node.start(map);
    }
  }

  SimulatedNode node(NodeId id) {
    return nodes.get(id.value());
  }

  SimulatedNode owner(int slot) {
    return nodes.get(map.ownerValue(slot));
  }

  /** Clears up after a death, and starts the process again later. */
  void buried(SimulatedNode node) {
    node.stop();
    if (powerFails) {
      node.records.losePower(random.nextInt(node.records.unsyncedCommits() + 1));
    }
    if (restartsTheDead) {
      time.after(PAUSE_BEFORE_RESTART_NANOS, null, () -> restart(node));
    }
  }

  void restart(SimulatedNode node) {
    if (!node.isAlive()) {
      try {
        node.start(map);
      } catch (FsException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Ends all nodes at once and starts them again. */
  void restartAll() {
    nodes.forEach(SimulatedNode::stop);
    nodes.forEach(this::restart);
  }

  /** Lets time pass until nothing is under way any more. */
  void settle() {
    faults = Faults.NONE;
    nodes.forEach(node -> node.deaths.clear());
    awaitQuiet();
    // What was sent before may arrive so late, and begin something.
    time.pass(LATE_NANOS_MAX);
    awaitQuiet();
    time.pass(5_000_000_000L);
  }

  private void awaitQuiet() {
    time.until(
        () ->
            nodes.stream()
                .allMatch(node -> node.isAlive() && node.services().slots().pending() == 0),
        "all operations are finished");
  }

  @Override
  public void close() {
    nodes.forEach(SimulatedNode::stop);
  }

  private static <T extends Message> T copied(T message, Class<T> as) {
    ByteBuf bytes = Unpooled.buffer();
    message.encode(new WireWriter(bytes));
    try {
      return as.cast(message.type().decode(new WireReader(bytes)));
    } catch (FsException e) {
      throw new AssertionError(e);
    }
  }

  /** Messages of one sender to one receiver arrive in order, unless they are late. */
  private long arrivalDelay(String path, boolean late) {
    long now = time.nanoTime();
    long arrival = now + 10_000 + random.nextLong(200_000);
    if (late) {
      return arrival - now + random.nextLong(LATE_NANOS_MAX);
    }
    arrival = Math.max(arrival, lastArrival.getOrDefault(path, 0L) + 1);
    lastArrival.put(path, arrival);
    return arrival - now;
  }

  RpcClient clientOf(SimulatedNode source) {
    return new RpcClient() {
      @Override
      public CompletableFuture<Response> call(
          NodeId node,
          Request request,
          ByteBuf payload,
          TrafficClass trafficClass,
          int flags,
          Deadline deadline) {
        var session = new SessionId(0x0DAE_0000_0000L + source.id.value() * 1000L + source.starts);
        return send(
            "n" + source.id.value(),
            source.life,
            session,
            PeerRole.DAEMON,
            node,
            request,
            payload,
            deadline);
      }

      @Override
      public void useMap(ClusterMap newMap) {}

      @Override
      public void close() {}
    };
  }

  /** Sends a request from a process; the future completes in that process's life. */
  CompletableFuture<Response> send(
      String source,
      SimulatedTime.Life sourceLife,
      SessionId session,
      PeerRole role,
      NodeId target,
      Request request,
      ByteBuf payload,
      Deadline deadline) {
    var future = new CompletableFuture<Response>();
    SimulatedNode node = node(target);
    if (!node.isAlive()) {
      payload.release();
      time.after(
          50_000,
          sourceLife,
          () -> failed(future, FsError.UNREACHABLE, target + " can't be reached"));
      return future;
    }
    SimulatedTime.Life targetLife = node.life;
    var data = new byte[payload.readableBytes()];
    payload.readBytes(data);
    payload.release();
    // What is late or lost without a deadline would be a broken connection: it is found out.
    boolean bounded = deadline.bounded();
    boolean lost = random.nextDouble() < faults.lost();
    boolean late = bounded && mayComeLate(request) && random.nextDouble() < faults.late();
    int copies =
        random.nextDouble() < faults.doubled() && !(request instanceof DataRequest) ? 2 : 1;
    if (bounded) {
      time.after(
          deadline.remainingNanos(),
          sourceLife,
          () -> failed(future, FsError.TIMED_OUT, target + " did not answer"));
    }
    if (lost) {
      time.after(
          500_000,
          sourceLife,
          () -> failed(future, FsError.CONNECTION_LOST, target + " lost the connection"));
      return future;
    }
    watch(future, target, targetLife, sourceLife);
    Request arriving = copied(request, Request.class);
    for (int i = 0; i < copies; i++) {
      time.after(
          arrivalDelay(source + ">" + target, late || (i > 0 && mayComeLate(request))),
          targetLife,
          () ->
              node.services()
                  .router()
                  .handle(
                      new Arrived(session, role, target, sourceLife, future, source),
                      arriving,
                      Unpooled.wrappedBuffer(data)));
    }
    return future;
  }

  /**
   * Whether a copy may arrive after what was sent later. Connections see to it that none does; what
   * carries a number, and what daemons say to each other about transactions, bears even that.
   */
  private static boolean mayComeLate(Request request) {
    return request.type().stamped() || request instanceof TransactionRequest;
  }

  /** The death of the other side is noticed. */
  private void watch(
      CompletableFuture<Response> future,
      NodeId target,
      SimulatedTime.Life targetLife,
      SimulatedTime.Life sourceLife) {
    time.after(
        50_000_000,
        sourceLife,
        () -> {
          if (targetLife.ended) {
            failed(future, FsError.CONNECTION_LOST, target + " is gone");
          } else if (!future.isDone()) {
            watch(future, target, targetLife, sourceLife);
          }
        });
  }

  private static void failed(CompletableFuture<Response> future, FsError error, String message) {
    future.completeExceptionally(new FsException(error, message));
  }

  private final class Arrived implements RequestHandler.Exchange {
    private final SessionId session;
    private final PeerRole role;
    private final NodeId target;
    private final SimulatedTime.Life sourceLife;
    private final CompletableFuture<Response> future;
    private final String source;

    Arrived(
        SessionId session,
        PeerRole role,
        NodeId target,
        SimulatedTime.Life sourceLife,
        CompletableFuture<Response> future,
        String source) {
      this.session = session;
      this.role = role;
      this.target = target;
      this.sourceLife = sourceLife;
      this.future = future;
      this.source = source;
    }

    @Override
    public SessionId session() {
      return session;
    }

    @Override
    public PeerRole role() {
      return role;
    }

    @Override
    public Epoch epoch() {
      return Epoch.FIRST;
    }

    @Override
    public TrafficClass trafficClass() {
      return TrafficClass.FOREGROUND;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      Reply arriving = copied(reply, Reply.class);
      ByteBuf bytes = Unpooled.copiedBuffer(payload);
      payload.release();
      if (random.nextDouble() < faults.lost()) {
        time.after(
            500_000,
            sourceLife,
            () -> failed(future, FsError.CONNECTION_LOST, target + " lost the connection"));
        return;
      }
      time.after(
          arrivalDelay(target + ">" + source, false),
          sourceLife,
          () -> {
            if (arriving instanceof Reply.Failed fail) {
              failed(future, fail.error(), target + ": " + fail.message());
            } else {
              future.complete(new Response(arriving, bytes, Epoch.FIRST));
            }
          });
    }

    @Override
    public void fail(FsError error, String message) {
      reply(new Reply.Failed(error, message), Unpooled.EMPTY_BUFFER);
    }
  }
}
