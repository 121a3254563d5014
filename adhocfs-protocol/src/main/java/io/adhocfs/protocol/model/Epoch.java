package io.adhocfs.protocol.model;

/** The version of the cluster map: every change of an owner raises it by one; the first is 1. */
public record Epoch(long value) implements Comparable<Epoch> {
  /** Knows no map yet. */
  public static final Epoch NONE = new Epoch(0);

  public static final Epoch FIRST = new Epoch(1);

  public Epoch {
    if (value < 0) {
      throw new IllegalArgumentException("epoch " + value);
    }
  }

  public boolean isAfter(Epoch other) {
    return value > other.value;
  }

  @Override
  public int compareTo(Epoch other) {
    return Long.compare(value, other.value);
  }
}
