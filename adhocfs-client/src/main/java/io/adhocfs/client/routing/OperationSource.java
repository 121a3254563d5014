package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.TrafficClass;
import java.util.function.Supplier;

/**
 * Begins operations with the traffic class and the deadline of this client.
 *
 * @param waitsForTokens whether the time that limits hold an operation back does not count against
 *     its deadline
 */
public record OperationSource(
    TrafficClass trafficClass,
    Parties parties,
    Timers timers,
    long limitNanos,
    boolean waitsForTokens) {
  /** An operation that starts now. */
  public Operation begin(Supplier<String> description) {
    return begin(description, limitNanos);
  }

  /** An operation that starts now, on behalf of whom another one was. */
  public Operation beginFor(Operation other, Supplier<String> description) {
    return new Operation(
        description, trafficClass, other.party(), timers, limitNanos, waitsForTokens);
  }

  /** An operation that starts now, with another deadline; 0 = none. */
  public Operation begin(Supplier<String> description, long limitNanos) {
    return new Operation(
        description, trafficClass, parties.current(), timers, limitNanos, waitsForTokens);
  }
}
