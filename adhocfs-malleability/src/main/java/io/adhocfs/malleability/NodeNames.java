package io.adhocfs.malleability;

import static java.util.stream.Collectors.joining;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.Collection;

/** How messages to users name nodes. */
final class NodeNames {
  private NodeNames() {}

  /** Nodes with their addresses, as far as the map has them: for sentences. */
  static String withAddresses(ClusterMap map, Collection<NodeId> nodes) {
    return nodes.stream()
        .map(id -> {
          ClusterMap.Node node = map.node(id);
          return "node " + id + (node == null ? "" : " (" + node.address() + ")");
        })
        .collect(joining(", "));
  }

  /** Ids with a space between two: for commands to type. */
  static String words(Collection<NodeId> nodes) {
    return nodes.stream().map(NodeId::toString).collect(joining(" "));
  }
}
