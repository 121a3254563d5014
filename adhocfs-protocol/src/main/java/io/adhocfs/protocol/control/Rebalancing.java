package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** How slots move from owner to owner: what the commands about a rebalance make of the nodes. */
final class Rebalancing {
  private final Membership now;
  private final ClusterMap map;
  private final @Nullable Rebalance rebalance;
  private final @Nullable FinishedRebalance last;

  private Rebalancing(Membership now) {
    this.now = now;
    this.map = now.map();
    this.rebalance = now.rebalance();
    this.last = now.last();
  }

  /** What a command makes of the nodes and of the rebalance. */
  static Step<Membership> apply(Membership now, ControlCommand.OfRebalance command) {
    return new Rebalancing(now).apply(command);
  }

  private Step<Membership> apply(ControlCommand.OfRebalance command) {
    return switch (command) {
      case ControlCommand.Start start -> start(start);
      case ControlCommand.Move move -> move(move);
      case ControlCommand.Pause pause ->
          adjust(pause.id(), running -> running.withPause(true, pause.reason()));
      case ControlCommand.Resume resume ->
          adjust(resume.id(), running -> running.withPause(false, ""));
      case ControlCommand.Limit limit ->
          adjust(
              limit.id(),
              running -> running.withLimits(limit.bytesPerSecond(), limit.batchesAtOnce()));
      case ControlCommand.Cancel cancel -> cancel(cancel);
    };
  }

  private static Step<Membership> changed(
      ClusterMap map, @Nullable Rebalance running, @Nullable FinishedRebalance finished) {
    return Step.changed(new Membership(map, running, finished));
  }

  private Step<Membership> start(ControlCommand.Start start) {
    if (hasBegun(start.id())) {
      return Step.unchanged(now);
    }
    boolean[] wanted = Membership.nodesIn(start.target());
    Set<NodeId> leaving = Set.copyOf(start.leaving());
    String refusal = refusalOf(start, wanted, leaving);
    if (refusal != null) {
      return Step.refused(now, refusal);
    }
    List<Node> nodes = new ArrayList<>();
    for (Node node : map.nodes()) {
      nodes.add(
          wanted[node.id().value()]
              ? node.in(NodeState.ACTIVE)
              : leaving.contains(node.id()) ? node.in(NodeState.DRAINING) : node);
    }
    FinishedRebalance before =
        rebalance == null
            ? last
            : FinishedRebalance.of(
                rebalance, start.nowNanos(), FinishedRebalance.Outcome.SUPERSEDED);
    short[] owners = map.owners();
    return begun(
        new Rebalance(
            start.id(),
            start.kind(),
            start.target(),
            owners,
            false,
            "",
            start.bytesPerSecond(),
            start.batchesAtOnce(),
            differing(owners, start.target()),
            0,
            0,
            0,
            start.nowNanos()),
        nodes,
        owners,
        before,
        start.nowNanos());
  }

  /** Why a plan cannot be followed, or null. */
  private @Nullable String refusalOf(
      ControlCommand.Start start, boolean[] wanted, Set<NodeId> leaving) {
    if (!start.base().equals(map.epoch())) {
      return "it was planned on epoch %d, but the epoch is %d: plan again"
          .formatted(start.base().value(), map.epoch().value());
    }
    if (rebalance != null && !start.supersede()) {
      return "another rebalance is under way: " + rebalance;
    }
    if (!map.lost().isSearched()) {
      return "what was lost with nodes has not been searched for yet: end 'adhocfs shrink --lost'"
          + " first";
    }
    for (NodeId id : start.leaving()) {
      if (!map.isMember(id)) {
        return "there is no node " + id + " that could leave";
      }
    }
    for (int id = 0; id < wanted.length; id++) {
      Node node = map.node(new NodeId(id));
      if (wanted[id] && (node == null || !node.isMember() || leaving.contains(node.id()))) {
        return "slots are wanted at n%d, which is %s"
            .formatted(
                id, node == null ? "not in the map" : !node.isMember() ? "gone" : "to leave");
      }
    }
    return null;
  }

  private boolean hasBegun(long id) {
    return (rebalance != null && isOf(rebalance.id(), id)) || (last != null && isOf(last.id(), id));
  }

  private static boolean isOf(long known, long id) {
    return known == id || known == Rebalance.cancelOf(id);
  }

  private Step<Membership> move(ControlCommand.Move move) {
    int source = move.source().value();
    int target = move.target().value();
    SlotSet slots = move.slots();
    if (slots.stream().allMatch(slot -> map.ownerValue(slot) == target)) {
      return Step.unchanged(now);
    }
    Rebalance running = rebalance;
    if (running == null || running.id() != move.id()) {
      return Step.refused(now, "no rebalance %d is under way".formatted(move.id()));
    }
    for (int slot : slots) {
      if (map.ownerValue(slot) != source || running.targetValue(slot) != target) {
        return Step.refused(
            now,
            "slot %d belongs to n%d and is wanted at n%d: it cannot go from n%d to n%d"
                .formatted(slot, map.ownerValue(slot), running.targetValue(slot), source, target));
      }
    }
    short[] owners = map.owners();
    slots.forEachSlot(slot -> owners[slot] = (short) target);
    return begun(
        running.withMove(slots.size(), move.bytesSent(), move.bytesHeld()),
        map.nodes(),
        owners,
        last,
        move.nowNanos());
  }

  private Step<Membership> adjust(long id, Function<Rebalance, Rebalance> change) {
    Rebalance running = rebalance;
    if (running == null || running.id() != id) {
      return Step.refused(now, "no rebalance %d is under way".formatted(id));
    }
    Rebalance adjusted = change.apply(running);
    return adjusted.equals(running) ? Step.unchanged(now) : changed(map, adjusted, last);
  }

  private Step<Membership> cancel(ControlCommand.Cancel cancel) {
    long id = cancel.id();
    long cancelId = Rebalance.cancelOf(id);
    if ((rebalance != null && rebalance.id() == cancelId)
        || (last != null && last.id() == cancelId)) {
      return Step.unchanged(now);
    }
    Rebalance running = rebalance;
    if (running == null || running.id() != id) {
      return Step.refused(now, "no rebalance %d is under way".formatted(id));
    }
    if (running.kind() == Rebalance.Kind.CANCEL) {
      return Step.refused(now, "it is a cancel itself: start another rebalance instead");
    }
    short[] owners = map.owners();
    short[] back = running.origin();
    boolean[] wanted = Membership.nodesIn(back);
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> {
              boolean owns = wanted[node.id().value()];
              return switch (node.state()) {
                case ACTIVE -> owns ? node : node.in(NodeState.DRAINING);
                case DRAINING -> owns ? node.in(NodeState.ACTIVE) : node;
                case JOINING, GONE -> node;
              };
            })
            .toList();
    return begun(
        new Rebalance(
            cancelId,
            Rebalance.Kind.CANCEL,
            back,
            owners,
            false,
            "",
            running.bytesPerSecond(),
            running.batchesAtOnce(),
            differing(owners, back),
            0,
            0,
            0,
            cancel.nowNanos()),
        nodes,
        owners,
        last,
        cancel.nowNanos());
  }

  /** The state with a rebalance, or, when that has nothing left to do, with its end. */
  private Step<Membership> begun(
      Rebalance running,
      List<Node> nodes,
      short[] owners,
      @Nullable FinishedRebalance before,
      long nowNanos) {
    if (running.slotsMoved() < running.slotsPlanned()) {
      return changed(map.next(nodes, owners), running, before);
    }
    return changed(
        map.next(afterwards(running, nodes, owners), owners),
        null,
        FinishedRebalance.of(
            running,
            nowNanos,
            running.kind() == Rebalance.Kind.CANCEL
                ? FinishedRebalance.Outcome.CANCELLED
                : FinishedRebalance.Outcome.DONE));
  }

  /** The nodes once a rebalance has ended: who was to leave and owns nothing is gone. */
  private static List<Node> afterwards(Rebalance ended, List<Node> nodes, short[] owners) {
    boolean[] owning = Membership.nodesIn(owners);
    boolean cancelled = ended.kind() == Rebalance.Kind.CANCEL;
    return nodes.stream()
        .map(node -> {
          boolean leaves =
              switch (node.state()) {
                case DRAINING -> true;
                case JOINING -> cancelled;
                case ACTIVE, GONE -> false;
              };
          return leaves && !owning[node.id().value()] ? node.in(NodeState.GONE) : node;
        })
        .toList();
  }

  private static int differing(short[] owners, short[] target) {
    int count = 0;
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (owners[slot] != target[slot]) {
        count++;
      }
    }
    return count;
  }
}
