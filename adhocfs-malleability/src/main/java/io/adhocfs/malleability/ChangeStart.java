package io.adhocfs.malleability;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeSet;

/**
 * Begins changes: checks, adds the new nodes, and has the daemons agree on the rebalance. A change
 * that cannot begin leaves no new node behind. For one thread.
 */
final class ChangeStart {
  private static final int BATCHES_AT_ONCE = 2;
  private static final int ATTEMPTS_MAX = 50;

  private final Agreement agreement;
  private final ChangePlanner planner;
  private final NewNodes newNodes;
  private final DepartedNodes departed;
  private final AnsweringNodes answering;

  ChangeStart(
      Agreement agreement,
      ChangePlanner planner,
      NewNodes newNodes,
      DepartedNodes departed,
      AnsweringNodes answering) {
    this.agreement = agreement;
    this.planner = planner;
    this.newNodes = newNodes;
    this.departed = departed;
    this.answering = answering;
  }

  /** As {@link NodeChanges#start}. */
  NodeChanges.Started start(Change change, long bytesPerSecond, boolean supersede)
      throws FsException {
    Rebalance running = agreement.state().rebalance();
    if (running != null && !supersede) {
      throw new FsException(
          FsError.BUSY,
          "another change is running (%d of %d slots moved): wait for it (adhocfs rebalance status --wait), undo it (adhocfs rebalance cancel) or give --supersede"
              .formatted(running.slotsMoved(), running.slotsPlanned()));
    }
    var _ = departed.bringUpToDate();
    if (running == null) {
      newNodes.removeIdle(planner.leaving(change));
    }
    List<NodeId> leaving = planner.leaving(change);
    ResizePlan plan = planner.plan(change);
    requireHandingOver(leaving);
    List<Place> joining = newNodes.join(change);
    try {
      SortedMap<NodeId, Integer> weights = planner.owners(leaving, joining);
      if (!joining.isEmpty()) {
        // Only now can the new nodes say how much space they have.
        plan = planner.plan(change, weights);
      }
      return propose(change, plan, leaving, weights, bytesPerSecond, supersede);
    } catch (FsException e) {
      newNodes.takeBack(joining, e);
      throw e;
    }
  }

  private NodeChanges.Started propose(
      Change change,
      ResizePlan planned,
      List<NodeId> leaving,
      SortedMap<NodeId, Integer> weights,
      long bytesPerSecond,
      boolean supersede)
      throws FsException {
    ResizePlan plan = planned;
    long id = 1 + (new SecureRandom().nextLong() >>> 2);
    for (int attempt = 1; ; attempt++) {
      ClusterMap base = agreement.state().map();
      try {
        agreement.propose(
            new ControlCommand.Start(
                id,
                change.kind(),
                base.epoch(),
                plan.slots().target(),
                leaving,
                bytesPerSecond,
                BATCHES_AT_ONCE,
                supersede,
                WallClock.nanos(InstantSource.system())));
        return new NodeChanges.Started(id, plan);
      } catch (FsException e) {
        if (e.error() != FsError.BUSY || attempt == ATTEMPTS_MAX) {
          throw e;
        }
        ClusterMap now = agreement.refresh().map();
        boolean another = !supersede && agreement.state().rebalance() != null;
        if (another || !now.epoch().isAfter(base.epoch())) {
          throw e;
        }
        requireMembers(now, weights, e);
        // The plan is still right if only a switch has been set meanwhile, but not if slots have
        // moved.
        if (!now.hasNodesAndOwnersOf(base)) {
          plan = planner.plan(change, weights);
        }
      }
    }
  }

  private static void requireMembers(
      ClusterMap now, SortedMap<NodeId, Integer> weights, FsException refusal) throws FsException {
    for (NodeId owner : weights.keySet()) {
      if (!now.isMember(owner)) {
        throw new FsException(
            FsError.BUSY,
            "another command that changes the nodes has removed node %s meanwhile: try again"
                .formatted(owner),
            refusal);
      }
    }
  }

  /**
   * Refuses a change if a leaving node cannot hand over its data.
   *
   * @throws FsException UNREACHABLE, naming the nodes and what to do
   */
  private void requireHandingOver(List<NodeId> leaving) throws FsException {
    ClusterMap map = agreement.state().map();
    var sources = new TreeSet<>(leaving);
    sources.retainAll(map.owningNodes());
    sources.removeAll(answering.among(sources));
    if (!sources.isEmpty()) {
      String ids = NodeNames.words(sources);
      throw new FsException(
          FsError.UNREACHABLE,
          "%s would have to hand over slots and does not answer: start it with 'adhocfs start %s', or go on without it and its data: adhocfs shrink --remove %s --lost"
              .formatted(NodeNames.withAddresses(map, sources), ids, ids));
    }
  }
}
