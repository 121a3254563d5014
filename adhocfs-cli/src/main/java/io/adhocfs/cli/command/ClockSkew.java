package io.adhocfs.cli.command;

/**
 * How far a node's clock may be ahead of this machine's (below 0: behind), as a range: the node
 * read its clock at some moment between question and answer.
 */
record ClockSkew(long atLeastNanos, long atMostNanos) {

  /** Of a clock that was read between two moments of this machine's clock. */
  static ClockSkew of(long clockNanos, long askedNanos, long answeredNanos) {
    return new ClockSkew(clockNanos - answeredNanos, clockNanos - askedNanos);
  }

  /** Whether the skew is surely not more than this, in either direction. */
  boolean isWithin(long limitNanos) {
    return -atLeastNanos <= limitNanos && atMostNanos <= limitNanos;
  }

  /**
   * The part of the skew that the time between question and answer cannot explain; 0 if that time
   * can explain all of it.
   */
  long surelyNanos() {
    return atLeastNanos > 0 ? atLeastNanos : Math.min(0, atMostNanos);
  }
}
