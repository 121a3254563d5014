package io.adhocfs.daemon.simulation;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Membership;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The states that any daemon has heard of: those of one version must be one state, but for
 * addresses, which daemons may be told before they are agreed on.
 */
final class AgreedStates {
  /** A state is large, and old versions are seldom told of again: of those, the hash has to do. */
  private static final int WHOLE_MAX = 50;

  private final TreeMap<Long, ControlState> byVersion = new TreeMap<>();
  private final Map<Long, Integer> hashByVersion = new HashMap<>();
  private ControlState newest;

  AgreedStates(ControlState first) {
    newest = first;
  }

  ControlState newest() {
    return newest;
  }

  /** A daemon knows a state. */
  void known(NodeId by, ControlState state) {
    if (state.version() == 0) {
      // Nobody has agreed on it: it may stand in for one that is still to be learnt.
      return;
    }
    ControlState mine = withoutAddresses(state);
    int ownHash = Objects.hash(mine, Arrays.hashCode(mine.map().owners()));
    Integer hash = hashByVersion.putIfAbsent(state.version(), ownHash);
    if (hash == null) {
      byVersion.put(state.version(), mine);
      if (byVersion.size() > WHOLE_MAX) {
        byVersion.pollFirstEntry();
      }
    }
    ControlState others = byVersion.get(state.version());
    if ((hash != null && hash != ownHash) || (others != null && !others.equals(mine))) {
      throw new AssertionError(by + " knows another state: " + mine + " in place of " + others);
    }
    if (state.version() > newest.version()) {
      newest = state;
    }
  }

  private static ControlState withoutAddresses(ControlState state) {
    ClusterMap map = state.map();
    var bare =
        new ClusterMap(
            map.epoch(),
            map.nodes().stream()
                .map(node -> new ClusterMap.Node(node.id(), "-", 1, "", 0, node.state()))
                .toList(),
            map.owners(),
            map.lost());
    Membership membership = state.membership();
    return new ControlState(
        state.version(),
        new Membership(bare, membership.rebalance(), membership.last()),
        state.voterSet(),
        state.policies());
  }
}
