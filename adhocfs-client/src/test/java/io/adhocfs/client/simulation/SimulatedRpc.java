package io.adhocfs.client.simulation;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The connections of one session. */
public final class SimulatedRpc implements RpcClient {
  /** A request that was sent, in which session. */
  public record Sent(long session, NodeId node, Request request) {}

  /** What becomes of one request. */
  public enum Fate {
    ARRIVES,
    UNREACHABLE,
    LOST,
    REPLY_LOST,
    OVERLOADED,
    UNANSWERED
  }

  /** Decides about each request; the default lets everything arrive. */
  @FunctionalInterface
  public interface Fates {
    Fate of(NodeId node, Request request);
  }

  private static final int LATENCY_NANOS_MAX = 1_000_000;

  private final Simulation simulation;
  private final SimulatedCluster cluster;
  private final long session;
  private final SimulatedConnections all;
  private @Nullable ClusterMap addresses;
  private boolean closed;

  SimulatedRpc(SimulatedCluster cluster, SimulatedConnections all, long session) {
    this.all = all;
    this.simulation = cluster.simulation;
    this.cluster = cluster;
    this.session = session;
  }

  static byte[] encoded(Request request) {
    ByteBuf buffer = Unpooled.buffer();
    request.encode(new WireWriter(buffer));
    byte[] bytes = ByteBufUtil.getBytes(buffer);
    buffer.release();
    return bytes;
  }

  @Override
  public synchronized CompletableFuture<Response> call(
      NodeId node,
      Request request,
      ByteBuf payload,
      TrafficClass trafficClass,
      int flags,
      Deadline deadline) {
    byte[] bytes = ByteBufUtil.getBytes(payload);
    payload.release();
    all.add(new Sent(session, node, request));
    var answer = new CompletableFuture<Response>();
    Request copy;
    try {
      copy =
          (Request) request.type().decode(new WireReader(Unpooled.wrappedBuffer(encoded(request))));
    } catch (FsException e) {
      throw new AssertionError(request + " can't be decoded", e);
    }
    if (closed) {
      answer.completeExceptionally(new FsException(FsError.CLOSED, "closed"));
      return answer;
    }
    Fate fate = reachable(node) ? all.fates.of(node, request) : Fate.UNREACHABLE;
    if (deadline.bounded()) {
      later(
          deadline.remainingNanos(),
          () -> fail(answer, FsError.TIMED_OUT, node + " did not answer in time"));
    }
    switch (fate) {
      case UNREACHABLE ->
          later(latency(), () -> fail(answer, FsError.UNREACHABLE, node + " is not reachable"));
      case LOST -> later(latency(), () -> fail(answer, FsError.CONNECTION_LOST, node + " is lost"));
      case OVERLOADED ->
          later(latency(), () -> fail(answer, FsError.OVERLOADED, node + " is busy"));
      case UNANSWERED -> {}
      case ARRIVES, REPLY_LOST ->
          later(latency(), () -> arrive(node, copy, bytes, fate == Fate.REPLY_LOST, answer));
    }
    return answer;
  }

  private boolean reachable(NodeId node) {
    if (all.isDown(node) || addresses == null) {
      return false;
    }
    Node used = addresses.node(node);
    Node real = cluster.mapOf(node).node(node);
    return used != null && real != null && used.port() == real.port();
  }

  private long latency() {
    return 1L + simulation.random.nextInt(LATENCY_NANOS_MAX);
  }

  private void later(long delayNanos, Runnable action) {
    simulation.after(delayNanos, action);
  }

  private static void fail(CompletableFuture<Response> answer, FsError error, String message) {
    answer.completeExceptionally(new FsException(error, message));
  }

  private void arrive(
      NodeId node,
      Request request,
      byte[] payload,
      boolean loseReply,
      CompletableFuture<Response> answer) {
    cluster.handle(
        node,
        session,
        request,
        payload,
        (result, failure) ->
            later(
                latency(),
                () -> {
                  if (loseReply) {
                    fail(answer, FsError.CONNECTION_LOST, "the answer of " + node + " is lost");
                  } else if (failure != null) {
                    answer.completeExceptionally(failure);
                  } else if (result != null) {
                    give(node, result, answer);
                  }
                }));
  }

  private void give(
      NodeId node, SimulatedCluster.Answer result, CompletableFuture<Response> answer) {
    MessageType type = result.reply().type();
    if (type.lane() != MessageType.Lane.NONE) {
      throw new AssertionError(type + " is no reply");
    }
    ByteBuf payload =
        result.payload().length == 0
            ? Unpooled.EMPTY_BUFFER
            : Unpooled.directBuffer(result.payload().length).writeBytes(result.payload());
    var response = new Response(result.reply(), payload, cluster.mapOf(node).epoch());
    if (!answer.complete(response)) {
      payload.release();
    } else if (payload.isReadable()) {
      all.add(payload);
    }
  }

  @Override
  public synchronized void useMap(ClusterMap map) {
    addresses = addresses == null ? map : addresses.merge(map);
  }

  @Override
  public synchronized void close() {
    closed = true;
  }

  synchronized boolean isClosed() {
    return closed;
  }
}
