package io.adhocfs.daemon.migration;

import io.adhocfs.protocol.placement.ClusterMap;

/**
 * Numbers of batches: the node that sends it, how often that node has started, and a count. No two
 * batches of an instance have the same, and of two that one node sends the later has the larger.
 */
final class BatchNumber {
  private static final int NODE_SHIFT = 48;
  private static final int START_SHIFT = 32;
  private static final long START_MASK = 0xFFFF;
  private static final long COUNT_MASK = 0xFFFF_FFFFL;

  private BatchNumber() {}

  /**
   * The number of a batch.
   *
   * @param count of the batches of this process, from 1
   */
  static long of(ClusterMap.Node source, long count) {
    return (long) source.id().value() << NODE_SHIFT
        | (source.incarnation() & START_MASK) << START_SHIFT
        | (count & COUNT_MASK);
  }

  /** The id of the node that sends it. */
  static int source(long number) {
    return (int) (number >>> NODE_SHIFT);
  }

  /** Whether a batch was begun after another one of the same node. */
  static boolean isLater(long number, long other) {
    return source(number) == source(other) && number - other > 0;
  }
}
