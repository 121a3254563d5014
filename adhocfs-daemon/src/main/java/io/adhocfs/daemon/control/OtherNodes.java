package io.adhocfs.daemon.control;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The other daemons: whom to ask, and asking them. Thread-safe. */
final class OtherNodes {
  private final ClusterState cluster;
  private final RpcClient client;
  private final KnownState known;

  OtherNodes(ClusterState cluster, RpcClient client, KnownState known) {
    this.cluster = cluster;
    this.client = client;
    this.known = known;
  }

  NodeId self() {
    return cluster.self();
  }

  /** The voters but for this node. */
  List<NodeId> voters() {
    return known.state().voters().stream().filter(id -> !id.equals(self())).toList();
  }

  /** The voters first, then the other members: one that has left votes until others do. */
  List<NodeId> all() {
    var all = new LinkedHashSet<NodeId>(voters());
    cluster.map().nodes().stream()
        .map(ClusterMap.Node::id)
        .filter(this::contains)
        .forEach(all::add);
    return List.copyOf(all);
  }

  /** Whether a node is one of {@link #all}. */
  boolean contains(NodeId id) {
    ClusterMap.Node node = cluster.map().node(id);
    return !id.equals(self())
        && ((node != null && node.isMember()) || known.state().voters().contains(id));
  }

  /**
   * The node to ask for news after so many failures in a row: voters first, then, should none of
   * them answer, everybody, for voters may have been replaced while this daemon was away.
   *
   * @return null when there is nobody else
   */
  @Nullable NodeId source(int failures) {
    List<NodeId> voters = voters();
    if (failures < voters.size()) {
      // Those who follow are spread over the voters.
      return voters.get(Math.floorMod(self().value() + failures, voters.size()));
    }
    List<NodeId> all = all();
    return all.isEmpty() ? null : all.get(failures % all.size());
  }

  /** Asks a node. Completes on any thread; exceptionally with what kept it from answering. */
  CompletableFuture<Reply> ask(NodeId node, ControlRequest request, Duration patience) {
    return client
        .call(node, request, Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.after(patience))
        .thenApply(response -> {
          response.payload().release();
          return response.reply();
        });
  }
}
