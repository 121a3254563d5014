package io.adhocfs.malleability;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.Collection;
import java.util.Set;

/** Finds out which nodes answer now. Blocks until all have answered or the patience is over. */
final class AnsweringNodes {
  /** A node that does not answer for this long counts as silent. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Agreement agreement;

  AnsweringNodes(Agreement agreement) {
    this.agreement = agreement;
  }

  /** The nodes among these that answer within five seconds. */
  Set<NodeId> among(Collection<NodeId> nodes) {
    return among(nodes, PATIENCE);
  }

  /** The nodes among these that answer within the patience. */
  Set<NodeId> among(Collection<NodeId> nodes, Duration patience) {
    return nodes.isEmpty()
        ? Set.of()
        : agreement
            .connection()
            .askAll(nodes, new ControlRequest.GetStatus(), Reply.Status.class, patience)
            .answers()
            .keySet();
  }
}
