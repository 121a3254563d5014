package io.adhocfs.malleability;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.model.NodeId;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a {@link Change} would move.
 *
 * @param slots owners wanted, the moves that takes and the fewest that any plan could do with
 * @param bytes about how many bytes go from a node (first key) to another (second key): slots of
 *     one node are taken to hold alike
 * @param available bytes that nodes have left on their disks; those that are still to be started,
 *     and those that do not answer, are missing
 */
public record ResizePlan(
    Change change,
    SlotPlan slots,
    SortedMap<NodeId, SortedMap<NodeId, Long>> bytes,
    SortedMap<NodeId, Long> available) {
  public ResizePlan {
    bytes = Collections.unmodifiableSortedMap(bytes);
    available = Collections.unmodifiableSortedMap(available);
  }

  /** Bytes that go from anywhere to anywhere. */
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

  /** How long it takes at least, in seconds, where each node sends so many bytes in a second. */
  public double seconds(long bytesPerSecond) {
    return bytes.values().stream().mapToLong(ResizePlan::sum).max().orElse(0)
        / (double) bytesPerSecond;
  }

  private static long sum(Map<NodeId, Long> targets) {
    return targets.values().stream().mapToLong(Long::longValue).sum();
  }
}
