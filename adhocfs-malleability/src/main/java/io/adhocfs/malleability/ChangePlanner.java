package io.adhocfs.malleability;

import static java.util.stream.Collectors.joining;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Plans a change: which nodes own slots after it, which slots move, and whether there is room for
 * them. Changes nothing. For one thread.
 */
final class ChangePlanner {
  /** A node that takes longer to tell its space is planned without it. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** How many bytes a target's disk must have free for each byte that is to arrive. */
  private static final double SPARE = 1.02;

  private final Agreement agreement;
  private final RecordedInstance recorded;

  ChangePlanner(Agreement agreement, RecordedInstance recorded) {
    this.agreement = agreement;
    this.recorded = recorded;
  }

  /**
   * What a change would move, with new nodes on places that they may get.
   *
   * @throws FsException as {@link NodeChanges#plan}
   */
  ResizePlan plan(Change change) throws FsException {
    List<NodeId> leaving = leaving(change);
    List<Place> joining = NewPlaces.of(change, agreement.state().map(), recorded.description());
    return plan(change, owners(leaving, joining));
  }

  /**
   * What a change would move.
   *
   * @param weights of the nodes that own slots afterwards
   * @throws FsException NO_SPACE if a node would get more than it has room for
   */
  ResizePlan plan(Change change, Map<NodeId, Integer> weights) throws FsException {
    short[] owners = agreement.state().map().owners();
    SlotPlan slots = SlotPlan.of(owners, weights);
    SortedMap<NodeId, Reply.Status> answers =
        agreement
            .connection()
            .askAll(
                agreement.nodeIds(), new ControlRequest.GetStatus(), Reply.Status.class, PATIENCE)
            .answers();
    var space = new TreeMap<NodeId, StorageSpace>();
    answers.forEach((node, answer) -> space.put(node, answer.status().space()));
    var bytes = new TreeMap<NodeId, SortedMap<NodeId, Long>>();
    slots
        .links(owners)
        .forEach((source, targets) -> {
          Reply.Status answer = answers.get(source);
          NodeStatus status = answer == null ? null : answer.status();
          var row = new TreeMap<NodeId, Long>();
          // All slots count as equally full, since hashes fill them.
          targets.forEach((target, count) ->
              row.put(
                  target,
                  status == null || status.slots() == 0
                      ? 0
                      : status.usedBytes() / status.slots() * count));
          bytes.put(source, row);
        });
    var plan = new ResizePlan(change, slots, bytes, space);
    requireRoom(plan);
    return plan;
  }

  private static void requireRoom(ResizePlan plan) throws FsException {
    ResizePlan.Shortage shortage = plan.shortage(SPARE);
    if (shortage != null) {
      boolean shared = shortage.nodes().size() > 1;
      throw new FsException(
          FsError.NO_SPACE,
          "%s%s would get %d MiB and has %d MiB free: remove files or %s"
              .formatted(
                  shared ? "the disk of " : "",
                  shortage.nodes().stream().map(NodeId::toString).collect(joining(", ")),
                  shortage.incomingBytes() >> 20,
                  shortage.availableBytes() >> 20,
                  plan.change() instanceof Change.Shrink
                      ? "keep more nodes"
                      : "give it more nodes"));
    }
  }

  /**
   * The nodes that would own slots, and their weights: the remaining and the new nodes.
   *
   * @throws FsException INVALID if no node or too many nodes would be left
   */
  SortedMap<NodeId, Integer> owners(List<NodeId> leaving, List<Place> joining) throws FsException {
    var weights = new TreeMap<NodeId, Integer>();
    for (ClusterMap.Node node : agreement.nodes()) {
      if (!leaving.contains(node.id()) && !agreement.isIdle(node)) {
        weights.put(node.id(), 1);
      }
    }
    joining.forEach(place -> weights.put(place.id(), 1));
    if (weights.isEmpty() || weights.size() > ControlCommand.NODES_MAX) {
      throw new FsException(
          FsError.INVALID,
          "an instance has 1 to %d nodes, not %d"
              .formatted(ControlCommand.NODES_MAX, weights.size()));
    }
    return weights;
  }

  /**
   * The present nodes that a change removes.
   *
   * @throws FsException INVALID if the instance does not have a named node
   */
  List<NodeId> leaving(Change change) throws FsException {
    List<NodeId> present = agreement.nodeIds();
    return switch (change) {
      case Change.Expand _ -> List.of();
      case Change.Relocate _ -> present;
      case Change.Shrink shrink -> {
        for (NodeId node : shrink.nodes()) {
          if (!present.contains(node)) {
            throw new FsException(FsError.INVALID, "the instance has no node " + node);
          }
        }
        yield shrink.nodes();
      }
    };
  }
}
