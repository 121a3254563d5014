package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.MessageType.Lane;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.TransactionRequest;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Connections between processes: what one thread sends on one lane to one node arrives in order, as
 * bytes, unless the connection breaks; then it is uncertain what has arrived. Breaks connections,
 * is slow, and separates processes as it is told.
 */
public final class SimulatedNetwork {
  /** A process that dies releases nothing, so these are not looked after. */
  private static final ByteBufAllocator PAYLOADS = new UnpooledByteBufAllocator(true, true);

  private static final long LATENCY_NANOS_MIN = 10_000;
  private static final long LATENCY_NANOS = 200_000;
  private static final long SLOW_NANOS = 50_000_000;

  /** After it a process notices that the other end of its connection is silent or gone. */
  private static final long SILENCE_NANOS = 3_000_000_000L;

  /** Longer than the senders of most requests wait for an answer. */
  private static final long LATE_NANOS = 20_000_000_000L;

  /**
   * How bad it is: shares of messages at which a connection breaks, and that are slow. And worse
   * than connections can be: shares of requests that arrive twice, and that later ones overtake.
   */
  public record Faults(double broken, double slow, double doubled, double late) {
    public static final Faults NONE = new Faults(0, 0);

    public Faults(double broken, double slow) {
      this(broken, slow, 0, 0);
    }
  }

  /** What stands at an address. */
  private record Endpoint(
      NodeId node,
      Life life,
      Executor metadataThread,
      RequestHandler handler,
      long storageTerm,
      Map<Served.Key, Served> served) {}

  /**
   * One lane of a session at a server: once a newer connection has arrived, an older one is not
   * read any more, and the newer is served when what was begun for the older is answered.
   */
  @SuppressWarnings("ReferenceEquality") // A connection is nothing but itself.
  private static final class Served {
    record Key(SessionId session, Lane lane) {}

    private @Nullable Connection current;

    /** Requests of older connections that are not answered. */
    private int olderUnderWay;

    private int underWay;
    private final List<Runnable> waiting = new ArrayList<>();

    boolean isOf(Life life) {
      return current != null && current.client.life == life;
    }

    /** A request of a connection has come; answers whether it is read. */
    boolean arrived(Connection connection) {
      if (current != null && current.number > connection.number) {
        return false;
      }
      if (current != connection) {
        // Those that wait are not begun.
        olderUnderWay += underWay - waiting.size();
        underWay = 0;
        current = connection;
        waiting.clear();
      }
      return true;
    }

    void serve(Runnable request) {
      underWay++;
      if (olderUnderWay > 0) {
        waiting.add(request);
      } else {
        request.run();
      }
    }

    void answered(Connection connection) {
      if (connection == current) {
        underWay--;
      } else if (--olderUnderWay == 0) {
        List<Runnable> now = List.copyOf(waiting);
        waiting.clear();
        now.forEach(Runnable::run);
      }
    }
  }

  private final SimulatedTime time;
  private final SplittableRandom random;
  private final Map<Integer, Endpoint> endpoints = new HashMap<>();
  private final Set<String> separated = new HashSet<>();
  private final List<Client> clients = new ArrayList<>();
  private int lastPort = 1000;
  private long lastConnection;
  private Faults faults = Faults.NONE;

  public SimulatedNetwork(SimulatedTime time, SplittableRandom random) {
    this.time = time;
    this.random = random;
  }

  public void faults(Faults now) {
    faults = now;
  }

  /** A port that nobody has had. */
  public int newPort() {
    return ++lastPort;
  }

  /** Listens at a port until the life ends. */
  public void listen(
      int port,
      NodeId node,
      Life life,
      Executor metadataThread,
      RequestHandler handler,
      long storageTerm) {
    endpoints.put(
        port, new Endpoint(node, life, metadataThread, handler, storageTerm, new HashMap<>()));
  }

  /** Two processes cannot reach each other, or can again. */
  public void separate(String one, String other, boolean apart) {
    if (apart) {
      separated.add(one + "|" + other);
      separated.add(other + "|" + one);
    } else {
      separated.remove(one + "|" + other);
      separated.remove(other + "|" + one);
    }
  }

  public void joinAll() {
    separated.clear();
  }

  private boolean areApart(String one, String other) {
    return separated.contains(one + "|" + other);
  }

  /** The end of a process is noticed by those that are connected to it. */
  public void ended(Life life) {
    for (Client client : List.copyOf(clients)) {
      client.endedOf(life);
    }
    clients.removeIf(client -> client.life == life);
    endpoints.values().removeIf(endpoint -> endpoint.life == life);
    endpoints
        .values()
        .forEach(endpoint -> endpoint.served.values().removeIf(served -> served.isOf(life)));
  }

  /** A time that a message takes. */
  public long latency() {
    long latency = LATENCY_NANOS_MIN + random.nextLong(LATENCY_NANOS);
    return random.nextDouble() < faults.slow() ? latency + random.nextLong(SLOW_NANOS) : latency;
  }

  /**
   * The connections of a session.
   *
   * @param process name of the process, for {@link #separate}
   */
  public RpcClient client(
      String process, Life life, SessionId session, PeerRole role, ClusterMap addresses) {
    var client = new Client(process, life, session, role, addresses);
    clients.add(client);
    return client;
  }

  private static <T extends Message> byte[] encoded(T message) {
    ByteBuf bytes = Unpooled.buffer();
    message.encode(new WireWriter(bytes));
    byte[] encoded = ByteBufUtil.getBytes(bytes);
    bytes.release();
    return encoded;
  }

  private static <T extends Message> T decoded(T like, byte[] bytes, Class<T> as) {
    try {
      return as.cast(like.type().decode(new WireReader(Unpooled.wrappedBuffer(bytes))));
    } catch (FsException e) {
      throw new AssertionError(like + " can't be decoded", e);
    }
  }

  /**
   * Whether a request does no harm after what was sent later: one with a number, and what daemons
   * say to each other about transactions. Others rely on the order of their connection.
   */
  private static boolean bearsAnyOrder(Request request) {
    return request.type().stamped() || request instanceof TransactionRequest;
  }

  private static byte[] taken(ByteBuf payload) {
    byte[] bytes = ByteBufUtil.getBytes(payload);
    payload.release();
    return bytes;
  }

  private static ByteBuf given(byte[] bytes) {
    return bytes.length == 0
        ? Unpooled.EMPTY_BUFFER
        : PAYLOADS.directBuffer(bytes.length).writeBytes(bytes);
  }

  private record Link(NodeId node, Lane lane) {}

  private final class Client implements RpcClient {
    private final String process;
    private final Life life;
    private final SessionId session;
    private final PeerRole role;
    private final Map<Link, Connection> connections = new LinkedHashMap<>();
    private ClusterMap addresses;
    private FlagListener flagListener = (_, _, _, _) -> {};
    private TermListener termListener = (_, _) -> {};
    private boolean closed;

    Client(String process, Life life, SessionId session, PeerRole role, ClusterMap addresses) {
      this.process = process;
      this.life = life;
      this.session = session;
      this.role = role;
      this.addresses = addresses;
    }

    @Override
    public void onFlags(FlagListener listener) {
      flagListener = listener;
    }

    @Override
    public void onTerms(TermListener listener) {
      termListener = listener;
    }

    @Override
    public void useMap(ClusterMap map) {
      addresses = addresses.merge(map);
    }

    @Override
    public void close() {
      closed = true;
      List.copyOf(connections.values())
          .forEach(one -> one.fail(new FsException(FsError.CLOSED, "the client is closed")));
      clients.remove(this);
    }

    void endedOf(Life ended) {
      if (ended == life) {
        return;
      }
      connections.values().stream()
          .filter(one -> one.there.life == ended)
          .forEach(one -> time.after(latency(), life, one::lost));
    }

    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      var call = new Call(this, node, request, trafficClass, flags, taken(payload));
      if (life.ended) {
        return call.answer;
      }
      if (closed) {
        call.fail(FsError.CLOSED, "the client is closed");
        return call.answer;
      }
      if (deadline.bounded()) {
        call.timer =
            time.after(
                deadline.patienceNanos(),
                life,
                () -> call.fail(FsError.TIMED_OUT, node + " did not answer in time"));
      }
      Connection connection = connectionTo(node, request.type().lane());
      if (connection == null) {
        boolean silent = areApart(process, node.toString());
        time.after(
            silent ? SILENCE_NANOS : latency(),
            life,
            () -> call.fail(FsError.UNREACHABLE, node + " cannot be reached"));
      } else {
        connection.send(call);
      }
      return call.answer;
    }

    @SuppressWarnings("ReferenceEquality") // An endpoint is nothing but itself.
    private @Nullable Connection connectionTo(NodeId node, Lane lane) {
      ClusterMap.Node address = addresses.node(node);
      Endpoint there = address == null ? null : endpoints.get(address.port());
      var link = new Link(node, lane);
      Connection connection = connections.get(link);
      if (connection != null && !connection.broken && connection.there == there) {
        return connection;
      }
      if (there == null || there.life.ended || areApart(process, node.toString())) {
        return null;
      }
      var made = new Connection(this, there);
      connections.put(link, made);
      return made;
    }
  }

  /** A request and whoever waits for its answer. */
  private final class Call {
    final Client from;
    final NodeId node;
    final Request request;
    final TrafficClass trafficClass;
    final int flags;
    final byte[] payload;
    final CompletableFuture<Response> answer = new CompletableFuture<>();
    @Nullable Connection connection;
    SimulatedTime.@Nullable Event timer;

    Call(
        Client from,
        NodeId node,
        Request request,
        TrafficClass trafficClass,
        int flags,
        byte[] payload) {
      this.from = from;
      this.node = node;
      this.request = request;
      this.trafficClass = trafficClass;
      this.flags = flags;
      this.payload = payload;
    }

    void fail(FsError error, String message) {
      fail(new FsException(error, message));
    }

    void fail(FsException reason) {
      over();
      answer.completeExceptionally(reason);
    }

    private void over() {
      if (connection != null) {
        connection.underWay.remove(this);
        connection = null;
      }
      if (timer != null) {
        time.cancel(timer);
        timer = null;
      }
    }

    void answered(Reply reply, byte[] bytes, Epoch epoch, int answerFlags) {
      over();
      if (answer.isDone()) {
        return;
      }
      if (answerFlags != 0) {
        from.flagListener.answered(node, request, flags, answerFlags);
      }
      if (reply instanceof Reply.Failed failed) {
        answer.completeExceptionally(
            new FsException(failed.error(), node + ": " + failed.message()));
      } else {
        answer.complete(new Response(reply, given(bytes), epoch));
      }
    }
  }

  private final class Connection {
    private final Client client;
    private final Endpoint there;
    private final long number = ++lastConnection;
    private final Set<Call> underWay = new LinkedHashSet<>();
    private boolean introduced;
    private boolean met;
    private boolean broken;
    private long lastThereNanos;
    private long lastBackNanos;

    Connection(Client client, Endpoint there) {
      this.client = client;
      this.there = there;
    }

    private long thereNanos() {
      lastThereNanos = Math.max(time.nanoTime() + latency(), lastThereNanos + 1);
      return lastThereNanos - time.nanoTime();
    }

    private long backNanos() {
      lastBackNanos = Math.max(time.nanoTime() + latency(), lastBackNanos + 1);
      return lastBackNanos - time.nanoTime();
    }

    void send(Call call) {
      call.connection = this;
      underWay.add(call);
      if (!introduced) {
        introduced = true;
        time.after(
            thereNanos(),
            there.life,
            () ->
                there.metadataThread.execute(
                    () -> there.handler.sessionConnected(client.session, client.role)));
      }
      byte[] bytes = encoded(call.request);
      Epoch epoch = client.addresses.epoch();
      if (happens(faults.late()) && bearsAnyOrder(call.request)) {
        comeLate(call, bytes, epoch);
      } else {
        time.after(thereNanos(), there.life, () -> arrive(call, bytes, epoch));
      }
      if (happens(faults.doubled())) {
        if (bearsAnyOrder(call.request)) {
          comeLate(call, bytes, epoch);
        } else if (!(call.request instanceof DataRequest)) {
          time.after(thereNanos(), there.life, () -> arrive(call, bytes, epoch));
        }
      }
      if (random.nextDouble() < faults.broken()) {
        time.after(latency(), client.life, this::lost);
      }
      if (areApart(client.process, there.node.toString())) {
        time.after(SILENCE_NANOS, client.life, this::lost);
      }
    }

    /** Draws nothing where it cannot happen, so that other rates change no run without this. */
    private boolean happens(double share) {
      return share > 0 && random.nextDouble() < share;
    }

    /** Has a request arrive at some time, whatever becomes of its connection. */
    private void comeLate(Call call, byte[] bytes, Epoch epoch) {
      time.after(
          random.nextLong(LATE_NANOS),
          there.life,
          () -> {
            if (!areApart(client.process, there.node.toString())) {
              handle(call, bytes, epoch, false);
            }
          });
    }

    /** On the way there: what was sent on a connection that has broken may have arrived. */
    private void arrive(Call call, byte[] bytes, Epoch epoch) {
      if (broken && random.nextBoolean()) {
        return;
      }
      if (areApart(client.process, there.node.toString())) {
        lostLater();
        return;
      }
      Served served =
          there.served.computeIfAbsent(
              new Served.Key(client.session, call.request.type().lane()), _ -> new Served());
      if (served.arrived(this)) {
        served.serve(() -> handle(call, bytes, epoch, true));
      }
    }

    private void handle(Call call, byte[] bytes, Epoch epoch, boolean inOrder) {
      Request request = decoded(call.request, bytes, Request.class);
      var exchange = new Arrived(this, call, epoch, inOrder);
      time.trace(() -> client.process + " -> " + there.node + ": " + request);
      if (request.type().lane() == Lane.METADATA) {
        there.metadataThread.execute(
            () -> there.handler.handle(exchange, request, given(call.payload)));
      } else {
        there.handler.handle(exchange, request, given(call.payload));
      }
    }

    /** Something of it has not arrived: who waits for the answer must not wait for ever. */
    private void lostLater() {
      time.after(SILENCE_NANOS, client.life, this::lost);
    }

    void lost() {
      fail(new FsException(FsError.CONNECTION_LOST, "the connection to " + there.node + " broke"));
    }

    void fail(FsException reason) {
      broken = true;
      List<Call> lost = List.copyOf(underWay);
      underWay.clear();
      client.connections.values().remove(this);
      lost.forEach(call -> call.fail(reason));
    }

    void back(Call call, byte[] reply, Reply like, byte[] payload, Epoch epoch, int flags) {
      if (broken) {
        return;
      }
      if (areApart(client.process, there.node.toString())) {
        lostLater();
        return;
      }
      time.after(
          backNanos(),
          client.life,
          () -> {
            if (!broken) {
              if (!met) {
                met = true;
                client.termListener.met(there.node, there.storageTerm);
              }
              call.answered(decoded(like, reply, Reply.class), payload, epoch, flags);
            }
          });
    }
  }

  private final class Arrived implements RequestHandler.Exchange {
    private final Connection connection;
    private final Call call;
    private final Epoch epoch;
    private final boolean inOrder;
    private int answerFlags;
    private boolean answered;

    /**
     * @param inOrder whether later connections wait for its answer
     */
    Arrived(Connection connection, Call call, Epoch epoch, boolean inOrder) {
      this.inOrder = inOrder;
      this.connection = connection;
      this.call = call;
      this.epoch = epoch;
    }

    @Override
    public SessionId session() {
      return connection.client.session;
    }

    @Override
    public PeerRole role() {
      return connection.client.role;
    }

    @Override
    public Epoch epoch() {
      return epoch;
    }

    @Override
    public TrafficClass trafficClass() {
      return call.trafficClass;
    }

    @Override
    public int flags() {
      return call.flags;
    }

    @Override
    public void addAnswerFlags(int flags) {
      answerFlags |= flags;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      byte[] bytes = taken(payload);
      if (answered || connection.there.life.ended) {
        return;
      }
      answered = true;
      Served served =
          connection.there.served.get(new Served.Key(session(), call.request.type().lane()));
      if (inOrder && served != null) {
        served.answered(connection);
      }
      time.trace(() ->
          connection.client.process
              + " <- "
              + connection.there.node
              + ": "
              + reply
              + " to "
              + call.request.type());
      connection.back(
          call, encoded(reply), reply, bytes, connection.there.handler.currentEpoch(), answerFlags);
    }

    @Override
    public void fail(FsError error, String message) {
      reply(new Reply.Failed(error, message), Unpooled.EMPTY_BUFFER);
    }
  }
}
