package io.adhocfs.daemon.cluster;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Calls to the daemons of the instance, this one among them: a call to the own node goes through
 * the same handler, with the same checks, without a connection. Called on the metadata thread. The
 * connections are its own, as far as storage terms are told.
 */
public final class Peers implements RpcClient.TermListener {
  private final ClusterState cluster;
  private final RpcClient client;
  private final SessionId session;
  private final Map<NodeId, Long> terms = new ConcurrentHashMap<>();
  private @Nullable RequestHandler local;

  /**
   * @param session under which this daemon calls others and itself
   */
  public Peers(ClusterState cluster, RpcClient client, SessionId session) {
    this.cluster = cluster;
    this.client = client;
    this.session = session;
    client.onTerms(this);
  }

  @Override
  public void met(NodeId node, long term) {
    terms.put(node, term);
  }

  /**
   * The storage term of a node when it was met last. Between an answer and a later one of the same
   * term the node has lost nothing; any thread.
   */
  public long storageTerm(NodeId node) {
    return terms.getOrDefault(node, 0L);
  }

  /** Sets what answers calls to the own node. Once, before any call. */
  public void serveLocally(RequestHandler handler) {
    local = handler;
  }

  /** As {@link #call(NodeId, Request, ByteBuf, Deadline)}, without a payload. */
  public CompletableFuture<Response> call(NodeId node, Request request, Deadline deadline) {
    return call(node, request, Unpooled.EMPTY_BUFFER, deadline);
  }

  /**
   * Asks a node. The future completes on any thread, perhaps before this returns; with an {@link
   * FsException} when the request failed there or on the way. An own node has no deadline.
   *
   * @param payload taken over and released
   */
  public CompletableFuture<Response> call(
      NodeId node, Request request, ByteBuf payload, Deadline deadline) {
    if (!node.equals(cluster.self())) {
      return client.call(node, request, payload, TrafficClass.FOREGROUND, deadline);
    }
    RequestHandler handler = local;
    if (handler == null) {
      throw new IllegalStateException("nobody answers calls to the own node yet");
    }
    var exchange = new LocalExchange();
    handler.handle(exchange, request, payload);
    return exchange.response;
  }

  private final class LocalExchange implements RequestHandler.Exchange {
    private final CompletableFuture<Response> response = new CompletableFuture<>();

    @Override
    public SessionId session() {
      return session;
    }

    @Override
    public RequestHandler.PeerRole role() {
      return RequestHandler.PeerRole.DAEMON;
    }

    @Override
    public Epoch epoch() {
      return cluster.epoch();
    }

    @Override
    public TrafficClass trafficClass() {
      return TrafficClass.FOREGROUND;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      if (reply instanceof Reply.Failed failed) {
        payload.release();
        fail(failed.error(), failed.message());
      } else if (!response.complete(new Response(reply, payload, cluster.epoch()))) {
        payload.release();
      }
    }

    @Override
    public void fail(FsError error, String message) {
      response.completeExceptionally(
          new FsException(error, "n" + cluster.self().value() + ": " + message));
    }
  }
}
