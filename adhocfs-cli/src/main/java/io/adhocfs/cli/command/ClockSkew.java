package io.adhocfs.cli.command;

/**
 * By how much a node's clock may be ahead of this machine's, or, below 0, behind it: the node read
 * its clock at some moment between question and answer.
 */
record ClockSkew(long atLeastNanos, long atMostNanos) {

  /** Of a clock that was read between two moments of this machine's clock. */
  static ClockSkew of(long clockNanos, long askedNanos, long answeredNanos) {
    return new ClockSkew(clockNanos - answeredNanos, clockNanos - askedNanos);
  }

  /** Whether it cannot be more than this, in either direction. */
  boolean isWithin(long limitNanos) {
    return -atLeastNanos <= limitNanos && atMostNanos <= limitNanos;
  }

  /** What cannot be the way of question and answer; 0 where all of it can. */
  long surelyNanos() {
    return atLeastNanos > 0 ? atLeastNanos : Math.min(0, atMostNanos);
  }
}
