package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Which node's daemon runs on this machine: one whose Unix socket is here. Of several, each client
 * picks one. Thread-safe.
 */
public final class OwnNode {
  /** In no slot. */
  private static final int NONE = -1;

  private record Found(ClusterMap map, @Nullable NodeId node) {}

  private final Router router;
  private final RandomGenerator random;
  private final int pick;
  private volatile @Nullable Found found;

  public OwnNode(Router router, RandomGenerator random) {
    this.router = router;
    this.random = random;
    this.pick = random.nextInt(Integer.MAX_VALUE);
  }

  /**
   * Any slot that this machine's node owns; -1 if there is none. Looks at files for each new map.
   */
  @SuppressWarnings("ReferenceEquality")
  public int slot() {
    ClusterMap map = router.map();
    Found last = found;
    if (last == null || last.map != map) {
      last = new Found(map, nodeOf(map));
      found = last;
    }
    NodeId node = last.node;
    if (node == null) {
      return NONE;
    }
    int from = random.nextInt(SlotId.COUNT);
    for (int i = 0; i < SlotId.COUNT; i++) {
      int slot = (from + i) & (SlotId.COUNT - 1);
      if (map.ownerValue(slot) == node.value()) {
        return slot;
      }
    }
    return NONE;
  }

  private @Nullable NodeId nodeOf(ClusterMap map) {
    List<NodeId> here =
        map.nodes().stream()
            .filter(node -> node.state() == NodeState.ACTIVE)
            .filter(
                node -> !node.socketPath().isEmpty() && Files.exists(Path.of(node.socketPath())))
            .map(Node::id)
            .toList();
    return here.isEmpty() ? null : here.get(pick % here.size());
  }
}
