package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** One server, node 7, and clients of it; closes all. */
final class Cluster implements AutoCloseable {
  static final NodeId NODE = new NodeId(7);
  static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final AtomicLong SESSIONS = new AtomicLong(1);

  final Route route;
  final Path directory;
  final ScriptedHandler handler = new ScriptedHandler();
  RpcServer server;
  private final List<RpcClient> open = new CopyOnWriteArrayList<>();

  Cluster(Route route, Path directory) throws FsException {
    this(route, directory, RpcServerConfiguration.Limits.usual());
  }

  Cluster(Route route, Path directory, RpcServerConfiguration.Limits limits) throws FsException {
    directory.toFile().mkdirs();
    this.route = route;
    this.directory = directory;
    this.server = startServer(0, limits);
  }

  static InstanceIdentity identity() {
    return identity("test-instance", 1);
  }

  static InstanceIdentity identity(String id, int secretSeed) {
    var secret = new byte[InstanceIdentity.SECRET_BYTES];
    for (int i = 0; i < secret.length; i++) {
      secret[i] = (byte) (secretSeed * 31 + i);
    }
    return new InstanceIdentity(id, secret);
  }

  private RpcServer startServer(int port, RpcServerConfiguration.Limits limits) throws FsException {
    var started =
        new RpcServer(
            new RpcServerConfiguration(
                "127.0.0.1",
                port,
                route.unix ? Optional.of(socket()) : Optional.empty(),
                identity(),
                NODE,
                route.driver,
                limits));
    started.start(handler);
    return started;
  }

  /** Another server at the same address. */
  void restartServer() throws FsException {
    int port = server.port();
    server.close();
    server = startServer(port, RpcServerConfiguration.Limits.usual());
  }

  Path socket() {
    return directory.resolve("rpc.sock");
  }

  ClusterMap map() {
    return map(server.port(), 1);
  }

  ClusterMap map(int port, long incarnation) {
    return ClusterMap.initial(
        List.of(
            new Node(
                NODE,
                "127.0.0.1",
                port,
                route.unix ? socket().toString() : "",
                incarnation,
                NodeState.ACTIVE)));
  }

  static SessionId newSession() {
    return new SessionId(SESSIONS.incrementAndGet());
  }

  NettyRpcClient client() {
    return client(newSession(), identity(), map());
  }

  NettyRpcClient client(SessionId session, InstanceIdentity identity, ClusterMap map) {
    return client(
        new RpcClientConfiguration(
            identity, session, PeerRole.CLIENT, 2, route.driver, 1, 1 << 14, Duration.ofSeconds(5)),
        map);
  }

  NettyRpcClient client(RpcClientConfiguration configuration, ClusterMap map) {
    var client = new NettyRpcClient(configuration, map);
    open.add(client);
    return client;
  }

  static CompletableFuture<Response> send(RpcClient client, Request request, ByteBuf payload) {
    return client.call(NODE, request, payload, TrafficClass.FOREGROUND, Deadline.after(PATIENCE));
  }

  static CompletableFuture<Response> send(RpcClient client, Request request) {
    return send(client, request, Unpooled.EMPTY_BUFFER);
  }

  /** The answer of a call. */
  static Response answer(CompletableFuture<Response> call) throws Exception {
    try {
      return call.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof FsException known) {
        throw known;
      }
      throw e;
    }
  }

  /** The error that a call ends with. */
  static FsException failure(CompletableFuture<Response> call)
      throws InterruptedException, TimeoutException {
    try {
      Response response = call.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      response.payload().release();
      throw new AssertionError("answered with " + response.reply());
    } catch (ExecutionException e) {
      if (e.getCause() instanceof FsException known) {
        return known;
      }
      throw new AssertionError(e.getCause());
    }
  }

  @Override
  public void close() {
    for (RpcClient client : open) {
      client.close();
    }
    server.close();
    handler.close();
  }
}
