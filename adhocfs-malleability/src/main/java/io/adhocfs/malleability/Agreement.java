package io.adhocfs.malleability;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/** The agreed state of an instance, and how its daemons are asked to change it. For one thread. */
final class Agreement {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** How long to wait for one node; then the next node is asked. No round begins later. */
  private static final Duration PROPOSAL_PATIENCE = Duration.ofSeconds(20);

  /** Between two rounds of questions. */
  private static final Duration PROPOSAL_PAUSE = Duration.ofMillis(500);

  /** How long to wait for all nodes: longer than the voters need to find each other again. */
  private static final Duration PROPOSALS_PATIENCE = Duration.ofSeconds(60);

  private static final Duration TELLING_PATIENCE = Duration.ofSeconds(30);

  private final AdminConnection connection;
  private ControlState state;

  /** An agreed state that has been read. */
  Agreement(AdminConnection connection, ControlState state) {
    this.connection = connection;
    this.state = state;
  }

  /**
   * Reads the agreed state from the nodes.
   *
   * @param connection stays the caller's to close
   * @throws FsException UNREACHABLE if no node answers
   */
  static Agreement read(Instance instance, AdminConnection connection) throws FsException {
    ClusterMap known = AdminConnection.knownMap(instance);
    var agreement = new Agreement(connection, newest(connection, ids(known.nodes())));
    connection.useMap(known.merge(agreement.state.map()));
    return agreement;
  }

  private static ControlState newest(AdminConnection connection, List<NodeId> nodes)
      throws FsException {
    var answers =
        connection.askAll(nodes, new ControlRequest.GetControl(), Reply.Control.class, PATIENCE);
    ControlState newest = null;
    for (Reply.Control answer : answers.answers().values()) {
      if (newest == null || answer.state().version() > newest.version()) {
        newest = answer.state();
      }
    }
    if (newest == null) {
      throw new FsException(
          FsError.UNREACHABLE,
          "no node of the instance answers; see 'adhocfs status' and 'adhocfs start'");
    }
    return newest;
  }

  AdminConnection connection() {
    return connection;
  }

  ControlState state() {
    return state;
  }

  /** Nodes that are part of the instance. */
  List<ClusterMap.Node> nodes() {
    return state.map().nodes().stream().filter(ClusterMap.Node::isMember).toList();
  }

  List<NodeId> nodeIds() {
    return ids(nodes());
  }

  static List<NodeId> ids(List<ClusterMap.Node> nodes) {
    return nodes.stream().map(ClusterMap.Node::id).toList();
  }

  /**
   * Whether a node was added and owns no slots, since the command that added it ended too early.
   */
  boolean isIdle(ClusterMap.Node node) {
    return node.state() == NodeState.JOINING && state.rebalance() == null;
  }

  /** Reads the agreed state again. */
  ControlState refresh() throws FsException {
    ControlState now = newest(connection, nodeIds());
    if (now.version() >= state.version()) {
      state = now;
      connection.useMap(now.map());
    }
    return state;
  }

  /**
   * Proposes a command and waits until the nodes have agreed on it. Nodes that could not be
   * reached, or whose answer was lost, are asked again: a command that has had its effect has no
   * second one.
   *
   * @throws FsException BUSY if the command is refused; UNREACHABLE, with the last answer of each
   *     node, if the nodes have not agreed on the command within a minute: they may do so later
   */
  void propose(ControlCommand command) throws FsException {
    long startNanos = System.nanoTime();
    var failures = new TreeMap<NodeId, FsException>();
    do {
      for (NodeId node : nodeIds()) {
        long leftNanos = PROPOSALS_PATIENCE.toNanos() - (System.nanoTime() - startNanos);
        if (leftNanos <= 0) {
          break;
        }
        try {
          decide(node, command, Math.min(leftNanos, PROPOSAL_PATIENCE.toNanos()));
          return;
        } catch (FsException e) {
          if (e.error() == FsError.BUSY || e.error() == FsError.INTERRUPTED) {
            throw e;
          }
          failures.put(node, e);
        }
      }
      LockSupport.parkNanos(PROPOSAL_PAUSE.toNanos());
    } while (System.nanoTime() - startNanos < PROPOSAL_PATIENCE.toNanos());
    var told = new StringJoiner("; ");
    failures.values().forEach(failure -> told.add(failure.error() + ": " + failure.getMessage()));
    throw new FsException(
        FsError.UNREACHABLE,
        "the nodes have not agreed on the change yet; see 'adhocfs status' (" + told + ")");
  }

  private void decide(NodeId node, ControlCommand command, long patienceNanos) throws FsException {
    Outcome outcome =
        connection
            .ask(
                node,
                new ControlRequest.Propose(command, true),
                Reply.Decided.class,
                Duration.ofNanos(patienceNanos))
            .outcome();
    if (!outcome.accepted()) {
      throw new FsException(FsError.BUSY, outcome.message());
    }
    refresh();
  }

  /**
   * Has nodes that are known to run take over what has been decided. Nodes that cannot be reached
   * are asked again, for half a minute.
   *
   * @throws FsException the failure of a node that has not done so
   */
  void tellAll(Collection<NodeId> nodes, ControlRequest decided) throws FsException {
    var _ =
        connection.askUntilAnswered(nodes, decided, Reply.Done.class, TELLING_PATIENCE).orThrow();
  }
}
