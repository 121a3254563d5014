package io.adhocfs.malleability;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
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

  /** As {@link #among(Collection, Duration)}, with a patience of five seconds. */
  Set<NodeId> among(Collection<NodeId> nodes) throws FsException {
    return among(nodes, PATIENCE);
  }

  /**
   * The nodes among these that answer within the patience.
   *
   * @throws FsException INTERRUPTED: a node that was not waited for does not count as silent
   */
  Set<NodeId> among(Collection<NodeId> nodes, Duration patience) throws FsException {
    if (nodes.isEmpty()) {
      return Set.of();
    }
    var answers =
        agreement
            .connection()
            .askAll(nodes, new ControlRequest.GetStatus(), Reply.Status.class, patience);
    for (FsException failure : answers.failures().values()) {
      if (failure.error() == FsError.INTERRUPTED) {
        throw failure;
      }
    }
    return answers.answers().keySet();
  }
}
