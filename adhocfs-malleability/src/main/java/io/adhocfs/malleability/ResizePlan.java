package io.adhocfs.malleability;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Change} would move.
 *
 * @param slots the wanted owners, the moves that they take, and the fewest moves of any plan
 * @param bytes about how many bytes go from a node (first key) to another (second key): all slots
 *     of a node count as equally full
 * @param space of the nodes' storage, without nodes that are still to be started or do not answer
 */
public record ResizePlan(
    Change change,
    SlotPlan slots,
    SortedMap<NodeId, SortedMap<NodeId, Long>> bytes,
    SortedMap<NodeId, StorageSpace> space) {
  public ResizePlan {
    bytes = Collections.unmodifiableSortedMap(bytes);
    space = Collections.unmodifiableSortedMap(space);
  }

  /** Bytes that move between nodes, in all. */
  public long totalBytes() {
    return bytes.values().stream().mapToLong(ResizePlan::sum).sum();
  }

  /** Bytes that each node would get. */
  public SortedMap<NodeId, Long> incoming() {
    var incoming = new TreeMap<NodeId, Long>();
    bytes
        .values()
        .forEach(targets ->
            targets.forEach((target, count) -> incoming.merge(target, count, Long::sum)));
    return incoming;
  }

  /**
   * Nodes that would get more bytes than there is room for.
   *
   * @param nodes all nodes that share the disk, or the node whose capacity is too small
   */
  public record Shortage(List<NodeId> nodes, long incomingBytes, long availableBytes) {}

  /**
   * The first shortage; null = everything fits, as far as the nodes have told. A disk is counted
   * once for all of its nodes, and data that moves between two nodes of a disk takes no space of
   * the disk in the end.
   *
   * @param factor how many bytes have to be free for each byte that arrives
   */
  public @Nullable Shortage shortage(double factor) {
    Map<String, Shortage> disks = new TreeMap<>();
    for (Map.Entry<NodeId, StorageSpace> entry : space.entrySet()) {
      NodeId node = entry.getKey();
      StorageSpace at = entry.getValue();
      long incoming = incoming().getOrDefault(node, 0L);
      boolean bounded = at.totalBytes() < at.diskBytes();
      if (bounded && incoming * factor > at.availableBytes()) {
        return new Shortage(List.of(node), incoming, at.availableBytes());
      }
      var own = new Shortage(List.of(node), fromOtherDisks(node, at), at.diskAvailableBytes());
      disks.merge(at.disk().isEmpty() ? node.toString() : at.disk(), own, ResizePlan::together);
    }
    return disks.values().stream()
        .filter(disk -> disk.incomingBytes() * factor > disk.availableBytes())
        .findFirst()
        .orElse(null);
  }

  private long fromOtherDisks(NodeId target, StorageSpace at) {
    long sum = 0;
    for (Map.Entry<NodeId, SortedMap<NodeId, Long>> row : bytes.entrySet()) {
      StorageSpace source = space.get(row.getKey());
      boolean same = source != null && !at.disk().isEmpty() && source.disk().equals(at.disk());
      sum += same ? 0 : row.getValue().getOrDefault(target, 0L);
    }
    return sum;
  }

  private static Shortage together(Shortage some, Shortage other) {
    List<NodeId> nodes = new ArrayList<>(some.nodes());
    nodes.addAll(other.nodes());
    return new Shortage(
        List.copyOf(nodes),
        some.incomingBytes() + other.incomingBytes(),
        Math.max(some.availableBytes(), other.availableBytes()));
  }

  /**
   * How long the moves take at least, in seconds, if each node sends this many bytes in a second.
   */
  public double seconds(long bytesPerSecond) {
    return bytes.values().stream().mapToLong(ResizePlan::sum).max().orElse(0)
        / (double) bytesPerSecond;
  }

  private static long sum(Map<NodeId, Long> targets) {
    return targets.values().stream().mapToLong(Long::longValue).sum();
  }
}
