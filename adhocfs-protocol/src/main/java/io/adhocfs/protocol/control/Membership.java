package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.LostSlots;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The nodes and who of them owns which slot, with the move of slots that is under way. This class
 * applies the commands that are about nodes; {@link Rebalancing} applies those about moves.
 *
 * @param rebalance what is under way, or null
 * @param last what ended last, or null
 */
public record Membership(
    ClusterMap map, @Nullable Rebalance rebalance, @Nullable FinishedRebalance last) {
  /** What a command about nodes makes of this. */
  Step<Membership> apply(ControlCommand.OfNodes command) {
    return switch (command) {
      case ControlCommand.Join join -> join(join);
      case ControlCommand.Announce announce -> announce(announce.node());
      case ControlCommand.Leave leave -> leave(leave);
      case ControlCommand.Lose lose -> lose(lose);
      case ControlCommand.Searched searched -> searched(searched);
    };
  }

  /** The same moves, on another map. */
  Membership with(ClusterMap changed) {
    return new Membership(changed, rebalance, last);
  }

  private Step<Membership> join(ControlCommand.Join join) {
    var nodes = new ArrayList<>(map.nodes());
    int known = 0;
    for (Node node : join.nodes()) {
      Node there = map.node(node.id());
      if (there == null) {
        nodes.add(node.in(NodeState.JOINING));
        continue;
      }
      known++;
      boolean same =
          there.isMember()
              && there.host().equals(node.host())
              && there.port() == node.port()
              && there.socketPath().equals(node.socketPath());
      if (!same) {
        return Step.refused(
            this,
            "the id %s is or was that of the node at %s".formatted(node.id(), there.address()));
      }
    }
    if (known == join.nodes().size()) {
      return Step.unchanged(this);
    }
    if (known > 0) {
      return Step.refused(this, "some of these nodes are in the map already");
    }
    return Step.changed(with(map.next(nodes, map.owners())));
  }

  private Step<Membership> leave(ControlCommand.Leave leave) {
    boolean[] owning = nodesIn(map.owners());
    boolean[] wanted = rebalance == null ? owning : nodesIn(rebalance.target());
    boolean any = false;
    for (NodeId id : leave.nodes()) {
      Node node = map.node(id);
      if (node == null) {
        return Step.refused(this, "node %s is not in the map".formatted(id));
      }
      if (!node.isMember()) {
        continue;
      }
      if (node.state() != NodeState.JOINING || owning[id.value()] || wanted[id.value()]) {
        return Step.refused(this, "node %s has or gets slots".formatted(id));
      }
      any = true;
    }
    if (!any) {
      return Step.unchanged(this);
    }
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> leave.nodes().contains(node.id()) ? node.in(NodeState.GONE) : node)
            .toList();
    return Step.changed(with(map.next(nodes, map.owners())));
  }

  private Step<Membership> announce(Node node) {
    Node there = map.node(node.id());
    if (there == null || !there.isMember()) {
      return Step.refused(
          this, "there is no node " + node.id() + (there == null ? "" : " any more"));
    }
    if (node.incarnation() <= there.incarnation()) {
      return Step.unchanged(this);
    }
    return Step.changed(with(map.withAddress(node)));
  }

  private Step<Membership> lose(ControlCommand.Lose lose) {
    List<Node> losing = new ArrayList<>();
    for (NodeId id : lose.nodes()) {
      Node node = map.node(id);
      if (node == null) {
        return Step.refused(this, "node %s is not in the map".formatted(id));
      }
      if (node.isMember()) {
        losing.add(node);
      }
    }
    if (losing.isEmpty()) {
      return Step.unchanged(this);
    }
    if (!lose.base().equals(map.epoch())) {
      return Step.refused(
          this,
          "it was planned on epoch %d, but the epoch is %d: plan again"
              .formatted(lose.base().value(), map.epoch().value()));
    }
    if (map.lost().losses() == LostSlots.LOSSES_MAX) {
      return Step.refused(this, "nodes were lost %d times already".formatted(LostSlots.LOSSES_MAX));
    }
    Set<NodeId> lost = Set.copyOf(lose.nodes());
    short[] owners = map.owners();
    short[] after = lose.owners();
    var slots = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      boolean goes = lost.contains(map.owner(new SlotId(slot)));
      Node taker = map.node(new NodeId(Short.toUnsignedInt(after[slot])));
      boolean fits =
          goes
              ? taker != null && taker.isMember() && !lost.contains(taker.id())
              : after[slot] == owners[slot];
      if (!fits) {
        return Step.refused(
            this,
            "slot %d of n%d cannot go to n%d"
                .formatted(slot, map.ownerValue(slot), Short.toUnsignedInt(after[slot])));
      }
      slots.set(slot, goes);
    }
    boolean[] owning = nodesIn(after);
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> {
              if (lost.contains(node.id())) {
                return node.in(NodeState.GONE);
              }
              // What was under way has ended, so whoever has something keeps it.
              return switch (node.state()) {
                case ACTIVE, GONE -> node;
                case JOINING -> owning[node.id().value()] ? node.in(NodeState.ACTIVE) : node;
                case DRAINING ->
                    node.in(owning[node.id().value()] ? NodeState.ACTIVE : NodeState.GONE);
              };
            })
            .toList();
    FinishedRebalance ended =
        rebalance == null
            ? last
            : FinishedRebalance.of(
                rebalance, lose.nowNanos(), FinishedRebalance.Outcome.SUPERSEDED);
    return Step.changed(
        new Membership(
            map.next(nodes, after.clone(), map.lost().with(lose.nodes(), slots)), null, ended));
  }

  private Step<Membership> searched(ControlCommand.Searched searched) {
    LostSlots lost = map.lost();
    if (searched.losses() > lost.losses()) {
      return Step.refused(this, "there were only %d losses".formatted(lost.losses()));
    }
    return searched.losses() <= lost.searched()
        ? Step.unchanged(this)
        : Step.changed(
            with(map.next(map.nodes(), map.owners(), lost.searchedUpTo(searched.losses()))));
  }

  /** Whether each node id occurs in a table of owners. */
  static boolean[] nodesIn(short[] owners) {
    var found = new boolean[NodeId.MAX + 1];
    for (short owner : owners) {
      found[Short.toUnsignedInt(owner)] = true;
    }
    return found;
  }
}
