package io.adhocfs.daemon.file;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import java.util.List;
import java.util.TreeSet;

/** Who may hold chunks of a range of a file. Pure functions. */
final class ChunkOwners {
  private ChunkOwners() {}

  /**
   * The owners of the chunks that a range touches; all nodes when that is about as many.
   *
   * @param toByte exclusive
   */
  static List<NodeId> of(ClusterMap map, FileLayout layout, long fromByte, long toByte) {
    if (toByte <= fromByte) {
      return List.of();
    }
    int shift = Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
    long first = fromByte >>> shift;
    long last = (toByte - 1) >>> shift;
    if (last - first >= map.nodes().size()) {
      return map.owningNodes();
    }
    var owners = new TreeSet<NodeId>();
    for (long chunk = first; chunk <= last; chunk++) {
      owners.add(map.owner(Placement.chunkSlot(layout, chunk)));
    }
    return List.copyOf(owners);
  }
}
