package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Calls daemons over sockets: one metadata connection and some data connections to each node, made
 * when first needed and again after they were lost; over the node's Unix socket where there is one
 * on this host, else over TCP. Requests about one file share a data connection.
 */
public final class NettyRpcClient implements RpcClient {
  private final RpcClientConfiguration configuration;
  private final ClientLoops loops;
  private final boolean ownsLoops;
  private final ConcurrentHashMap<NodeId, List<ClientLane>> peers = new ConcurrentHashMap<>();
  private final AtomicReference<ClusterMap> map;

  private volatile boolean closed;
  private volatile FlagListener flagListener = (_, _, _, _) -> {};
  private volatile TermListener termListener = (_, _) -> {};

  /** A client with the usual limits; see {@link RpcClientConfiguration}. */
  public NettyRpcClient(
      InstanceIdentity identity,
      SessionId session,
      PeerRole role,
      int dataConnections,
      ClusterMap map) {
    this(new RpcClientConfiguration(identity, session, role, dataConnections), map);
  }

  /** A client that takes addresses from this map until it hears of a newer one. */
  public NettyRpcClient(RpcClientConfiguration configuration, ClusterMap map) {
    this(
        configuration,
        map,
        new ClientLoops(configuration.driver(), configuration.dataThreads()),
        true);
  }

  /** As the other, on threads of the caller's, with the usual limits. */
  public NettyRpcClient(
      InstanceIdentity identity,
      SessionId session,
      PeerRole role,
      int dataConnections,
      ClusterMap map,
      ClientLoops loops) {
    this(new RpcClientConfiguration(identity, session, role, dataConnections), map, loops, false);
  }

  private NettyRpcClient(
      RpcClientConfiguration configuration, ClusterMap map, ClientLoops loops, boolean ownsLoops) {
    if (configuration.driver() != loops.driver()) {
      throw new IllegalArgumentException("loops of another driver");
    }
    this.configuration = configuration;
    this.map = new AtomicReference<>(map);
    this.loops = loops;
    this.ownsLoops = ownsLoops;
  }

  RpcClientConfiguration configuration() {
    return configuration;
  }

  Epoch epoch() {
    return current().epoch();
  }

  @Nullable Node node(NodeId id) {
    return current().node(id);
  }

  @Override
  public void onFlags(FlagListener listener) {
    flagListener = listener;
  }

  @Override
  public void onTerms(TermListener listener) {
    termListener = listener;
  }

  TermListener termListener() {
    return termListener;
  }

  FlagListener flagListener() {
    return flagListener;
  }

  private ClusterMap current() {
    ClusterMap newest = map.get();
    if (newest == null) {
      throw new IllegalStateException("a client without a map");
    }
    return newest;
  }

  @Override
  public CompletableFuture<Response> call(
      NodeId node,
      Request request,
      ByteBuf payload,
      TrafficClass trafficClass,
      int flags,
      Deadline deadline) {
    var call = new Call(request, payload, trafficClass, flags, deadline);
    if (closed) {
      call.fail(FsError.CLOSED, "this client has been closed");
    } else if (current().node(node) == null) {
      call.fail(
          FsError.UNREACHABLE, "node " + node + " is not in the map of epoch " + epoch().value());
    } else {
      List<ClientLane> lanes = lanes(node);
      if (closed) {
        // Made while this was being closed, maybe, and seen by nobody else.
        lanes.forEach(ClientLane::close);
      }
      lanes.get(laneNumber(request)).submit(call);
    }
    return call;
  }

  private List<ClientLane> lanes(NodeId node) {
    List<ClientLane> known = peers.get(node);
    return known != null ? known : peers.computeIfAbsent(node, this::newLanes);
  }

  private List<ClientLane> newLanes(NodeId node) {
    List<ClientLane> lanes = new ArrayList<>();
    for (int number = 0; number <= configuration.dataConnections(); number++) {
      EventLoop loop =
          number == Handshake.METADATA_LANE ? loops.nextForMetadata() : loops.nextForData();
      lanes.add(new ClientLane(this, node, number, loop));
    }
    return lanes;
  }

  private int laneNumber(Request request) {
    if (request.type().lane() != MessageType.Lane.DATA) {
      return Handshake.METADATA_LANE;
    }
    long together =
        switch (request) {
          case DataRequest data -> data.inode().value();
          case MigrationRequest migration -> migration.batch();
          default -> 0;
        };
    // Counters of a slot follow each other; a multiplication spreads slots and counters alike.
    long mixed = together * 0x9E3779B97F4A7C15L;
    return 1 + (int) ((mixed >>> 33) % configuration.dataConnections());
  }

  @Override
  public void useMap(ClusterMap newer) {
    ClusterMap now = map.updateAndGet(known -> known.merge(newer));
    peers.forEach((id, lanes) -> {
      lanes.forEach(ClientLane::mapChanged);
      if (now.node(id) == null) {
        peers.remove(id, lanes);
      }
    });
  }

  /** The address of a host, at once where its name is one. */
  CompletableFuture<InetAddress> resolve(String host) {
    InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
    if (literal != null) {
      return CompletableFuture.completedFuture(literal);
    }
    return loops.lookUp(host);
  }

  @Override
  public void close() {
    closed = true;
    List<ClientLane> all = peers.values().stream().flatMap(List::stream).toList();
    all.forEach(ClientLane::close);
    if (ownsLoops) {
      loops.close();
    }
    peers.values().forEach(lanes -> lanes.forEach(ClientLane::failSubmitted));
  }
}
