package io.adhocfs.daemon.control;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import java.time.Duration;

/**
 * Tells each of the other daemons the address of this one, after this one has come back at another
 * address, until each has answered. The agreed state has the address too, but only daemons that
 * follow learn the agreed state: a daemon that knows none of the voters' present addresses can ask
 * nobody, and has to be told.
 *
 * <p>On the control thread.
 */
final class Whereabouts {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final long AGAIN_MILLIS_MIN = 250;
  private static final long AGAIN_MILLIS_MAX = 10_000;

  /** One that has left may still wait for the voters; most have ended long ago. */
  private static final int GONE_FAILURES_MAX = 30;

  private final ControlThread thread;
  private final ClusterState cluster;
  private final OtherNodes others;

  /** Of the newest address of this node that the others know, or are being told. */
  private long toldIncarnation;

  private boolean closed;

  /**
   * Tells nothing yet.
   *
   * @param known an incarnation of this node whose address the others know
   */
  Whereabouts(ControlThread thread, ClusterState cluster, OtherNodes others, long known) {
    this.thread = thread;
    this.cluster = cluster;
    this.others = others;
    toldIncarnation = known;
  }

  /** Begins to tell where this node is, if that is news. */
  void tell() {
    ClusterMap.Node own = cluster.map().node(cluster.self());
    if (own == null || own.incarnation() <= toldIncarnation) {
      return;
    }
    toldIncarnation = own.incarnation();
    for (ClusterMap.Node node : cluster.map().nodes()) {
      if (!node.id().equals(own.id())) {
        tell(node.id(), own, 0);
      }
    }
  }

  private void tell(NodeId id, ClusterMap.Node own, int failures) {
    if (closed || (!others.contains(id) && failures > GONE_FAILURES_MAX)) {
      return;
    }
    long againMillis = Math.min(AGAIN_MILLIS_MAX, AGAIN_MILLIS_MIN << Math.min(failures, 10));
    var _ =
        others
            .ask(id, new ControlRequest.Propose(new ControlCommand.Announce(own), false), PATIENCE)
            .whenComplete((_, error) -> {
              if (error != null) {
                thread.after(againMillis, () -> tell(id, own, failures + 1));
              }
            });
  }

  /** Tells nobody any more. */
  void close() {
    closed = true;
  }
}
