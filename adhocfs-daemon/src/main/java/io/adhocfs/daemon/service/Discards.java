package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.transaction.Backoff;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks chunk owners to drop something until every one has confirmed. Metadata thread only. */
final class Discards {
  private static final Logger LOG = LoggerFactory.getLogger(Discards.class);

  private final MetadataThread thread;
  private final Peers peers;
  private final Supplier<Backoff> backoffs;

  Discards(MetadataThread thread, Peers peers, Supplier<Backoff> backoffs) {
    this.thread = thread;
    this.peers = peers;
    this.backoffs = backoffs;
  }

  /** Sends the request to all nodes, again and again; the action runs when all have done it. */
  void send(DataRequest.DiscardChunks request, List<NodeId> nodes, Runnable whenDone) {
    if (nodes.isEmpty()) {
      whenDone.run();
    } else {
      new Round(request, nodes, whenDone).send();
    }
  }

  private final class Round {
    private final DataRequest.DiscardChunks request;
    private final Set<NodeId> unconfirmed;
    private final Runnable whenDone;
    private final Backoff backoff = backoffs.get();
    private int underWay;
    private boolean warned;

    Round(DataRequest.DiscardChunks request, List<NodeId> nodes, Runnable whenDone) {
      this.request = request;
      this.unconfirmed = new TreeSet<>(nodes);
      this.whenDone = whenDone;
    }

    void send() {
      underWay = unconfirmed.size();
      for (NodeId node : List.copyOf(unconfirmed)) {
        // Without a deadline: a discard that is given up here could still run there, after others.
        thread.whenDone(
            peers.call(node, request, Deadline.NEVER),
            (response, error) -> {
              if (response != null) {
                response.payload().release();
                unconfirmed.remove(node);
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
      if (unconfirmed.isEmpty()) {
        whenDone.run();
      } else {
        var _ = thread.schedule(this::send, backoff.nextNanos());
      }
    }
  }
}
