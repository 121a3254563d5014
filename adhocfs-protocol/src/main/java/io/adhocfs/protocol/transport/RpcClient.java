package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/**
 * Sends one request to one node and brings back its answer. Does not retry and does not route: that
 * is the client library's work. Thread-safe.
 */
public interface RpcClient extends AutoCloseable {
  /**
   * Sends a request; requests of one thread to one node and lane arrive in the order of the calls.
   *
   * <p>The future completes on a network thread (never inside this call's locks), which must not be
   * blocked: with the response ({@code Failed} is turned into its exception), or exceptionally with
   * an {@code FsException}: what the daemon said, or UNREACHABLE (certainly not run),
   * CONNECTION_LOST (may have run), TIMED_OUT (may have run, may still run), REFUSED, CLOSED. Every
   * message names the node. Cancelling the future drops the answer, not the request.
   *
   * @param payload taken over and released, also on failure; {@code Unpooled.EMPTY_BUFFER} = none
   */
  default CompletableFuture<Response> call(
      NodeId node, Request request, ByteBuf payload, TrafficClass trafficClass, Deadline deadline) {
    return call(node, request, payload, trafficClass, 0, deadline);
  }

  /**
   * As the other.
   *
   * @param flags of the request's frame
   */
  CompletableFuture<Response> call(
      NodeId node,
      Request request,
      ByteBuf payload,
      TrafficClass trafficClass,
      int flags,
      Deadline deadline);

  /** Hears of flags in answers. */
  @FunctionalInterface
  interface FlagListener {
    /** An answer had flags; on a network thread, before the call completes. */
    void answered(NodeId node, Request request, int requestFlags, int answerFlags);
  }

  /** Sets who hears of flags in answers. Before the first call. */
  default void onFlags(FlagListener listener) {}

  /** Hears of the storage terms of nodes. */
  @FunctionalInterface
  interface TermListener {
    /**
     * A connection was made; on a network thread, before any request on it is answered.
     *
     * @param term as {@link ClusterMap.Node#storageTerm}
     */
    void met(NodeId node, long term);
  }

  /** Sets who hears of storage terms. Before the first call. */
  default void onTerms(TermListener listener) {}

  /** Tells of a newer map: addresses of nodes are taken from the newest. */
  void useMap(ClusterMap map);

  /** Closes all connections; requests under way fail with CLOSED. */
  @Override
  void close();
}
