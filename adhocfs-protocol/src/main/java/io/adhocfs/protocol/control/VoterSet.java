package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.util.List;
import java.util.stream.Stream;

/**
 * The nodes that agree on commands.
 *
 * @param ids by id
 * @param configuration how often the voters have been replaced: each set of them agrees in a log of
 *     its own
 */
public record VoterSet(List<NodeId> ids, int configuration) {
  /** How many nodes may vote. */
  public static final int VOTERS_MAX = 7;

  /** Nodes from which five voters pay: two of them may be lost at once. */
  private static final int NODES_FOR_FIVE_VOTERS = 16;

  public VoterSet {
    ids = List.copyOf(ids);
    if (configuration < 0 || ids.isEmpty() || ids.size() > VOTERS_MAX) {
      throw new IllegalArgumentException("voters " + ids + ", the set " + configuration);
    }
  }

  /**
   * The voters that a map wants: one for one or two nodes, three for three and more, five for
   * sixteen and more; of the ACTIVE nodes, those that vote now first, then by id.
   *
   * @param current who votes now
   */
  static List<NodeId> wanted(ClusterMap map, List<NodeId> current) {
    List<NodeId> candidates =
        map.nodes().stream()
            .filter(node -> node.state() == NodeState.ACTIVE)
            .map(Node::id)
            .toList();
    if (candidates.isEmpty()) {
      return current.isEmpty() ? List.of(map.nodes().getFirst().id()) : current;
    }
    Stream<NodeId> staying = candidates.stream().filter(current::contains);
    Stream<NodeId> others = candidates.stream().filter(id -> !current.contains(id));
    return Stream.concat(staying, others).limit(count(candidates)).sorted().toList();
  }

  private static int count(List<NodeId> candidates) {
    return candidates.size() >= NODES_FOR_FIVE_VOTERS ? 5 : candidates.size() >= 3 ? 3 : 1;
  }

  /** What a command that replaces the voters makes of this. */
  Step<VoterSet> apply(ControlCommand.SetVoters set, ClusterMap map) {
    if (set.voters().equals(ids)) {
      return Step.unchanged(this);
    }
    for (NodeId id : set.voters()) {
      if (!map.isMember(id)) {
        return Step.refused(this, "there is no node " + id + " that could vote");
      }
    }
    return Step.changed(new VoterSet(set.voters(), configuration + 1));
  }

  /**
   * Voters of which nobody was asked who voted before.
   *
   * @param alive nodes of which some vote from then on
   * @param step how many replacements of voters are skipped
   */
  VoterSet forced(ClusterMap map, List<NodeId> alive, int step) {
    List<NodeId> candidates = alive.stream().filter(map::isMember).sorted().toList();
    return new VoterSet(
        candidates.subList(0, Math.min(count(candidates), candidates.size())),
        configuration + step);
  }
}
