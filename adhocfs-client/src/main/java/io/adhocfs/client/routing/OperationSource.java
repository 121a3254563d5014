package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.TrafficClass;
import java.util.function.Supplier;

/** Begins operations with the traffic class and the deadline of this client. */
public record OperationSource(TrafficClass trafficClass, Timers timers, long limitNanos) {
  /** An operation that starts now. */
  public Operation begin(Supplier<String> description) {
    return new Operation(description, trafficClass, timers, limitNanos);
  }
}
