package io.adhocfs.daemon.metrics;

import io.adhocfs.protocol.wire.MessageType;

/** Is told of every answered request. Any thread; must be cheap. */
@FunctionalInterface
public interface OperationMetrics {
  /** Counts nothing. */
  OperationMetrics NONE = (type, nanos, failed, bytes) -> {};

  /**
   * A request has been answered.
   *
   * @param nanos from its arrival to its answer
   * @param bytes of payload, both ways
   */
  void completed(MessageType type, long nanos, boolean failed, long bytes);
}
