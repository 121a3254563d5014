package io.adhocfs.protocol.model;

/**
 * A daemon with its storage directory. Given once, never derived from host names or their order,
 * and kept when the daemon comes back at another address.
 */
public record NodeId(int value) implements Comparable<NodeId> {
  /** The largest id: owners are kept as 16-bit numbers in the cluster map. */
  public static final int MAX = (1 << 16) - 1;

  public NodeId {
    if (value < 0 || value > MAX) {
      throw new IllegalArgumentException("node id " + value + " is not in 0.." + MAX);
    }
  }

  @Override
  public int compareTo(NodeId other) {
    return Integer.compare(value, other.value);
  }

  @Override
  public String toString() {
    return "n" + value;
  }
}
