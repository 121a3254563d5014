package io.adhocfs.daemon.file;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks chunk owners to drop something until every one has confirmed. Metadata thread only. */
public final class Discards {
  private static final Logger LOG = LoggerFactory.getLogger(Discards.class);

  private final MetadataThread thread;
  private final ClusterState cluster;
  private final Peers peers;
  private final Supplier<Backoff.Pauses> backoffs;

  public Discards(
      MetadataThread thread, ClusterState cluster, Peers peers, Supplier<Backoff.Pauses> backoffs) {
    this.thread = thread;
    this.cluster = cluster;
    this.peers = peers;
    this.backoffs = backoffs;
  }

  /**
   * Sends the request to all nodes, again and again; the action runs when all have done it while
   * they and this node were of one epoch: else a slot may have passed from one that was asked too
   * late to one that was asked too early.
   *
   * @param nodes whom to ask by a map
   */
  void send(
      DataRequest.DiscardChunks request,
      Function<ClusterMap, List<NodeId>> nodes,
      Runnable whenDone) {
    new Round(request, nodes, whenDone).begin();
  }

  private final class Round {
    private final DataRequest.DiscardChunks request;
    private final Function<ClusterMap, List<NodeId>> nodes;
    private final Runnable whenDone;
    private final Backoff.Pauses pauses = backoffs.get();
    private final Set<NodeId> unconfirmed = new TreeSet<>();
    private Epoch epoch = Epoch.NONE;
    private int underWay;
    private boolean warned;

    Round(
        DataRequest.DiscardChunks request,
        Function<ClusterMap, List<NodeId>> nodes,
        Runnable whenDone) {
      this.request = request;
      this.nodes = nodes;
      this.whenDone = whenDone;
    }

    void begin() {
      ClusterMap map = cluster.map();
      epoch = map.epoch();
      unconfirmed.clear();
      unconfirmed.addAll(nodes.apply(map));
      send();
    }

    private void send() {
      underWay = unconfirmed.size();
      if (underWay == 0) {
        whenDone.run();
        return;
      }
      for (NodeId node : List.copyOf(unconfirmed)) {
        // Without a deadline: a discard that is given up here could still run there, after others.
        thread.whenDone(
            peers.call(node, request, Deadline.NEVER),
            (response, error) -> {
              if (response != null) {
                response.payload().release();
                if (response.epoch().equals(epoch)) {
                  unconfirmed.remove(node);
                }
              } else if (error != null && !warned) {
                warned = true;
                LOG.info(
                    "chunks of inode {} wait to be dropped at {}: {}",
                    request.inode(),
                    node,
                    error.getMessage());
              }
              if (--underWay == 0) {
                answered();
              }
            });
      }
    }

    private void answered() {
      if (!cluster.epoch().equals(epoch)) {
        begin();
      } else if (unconfirmed.isEmpty()) {
        whenDone.run();
      } else {
        var _ =
            thread.schedule(
                () -> {
                  if (cluster.epoch().equals(epoch)) {
                    send();
                  } else {
                    begin();
                  }
                },
                pauses.nextNanos());
      }
    }
  }
}
