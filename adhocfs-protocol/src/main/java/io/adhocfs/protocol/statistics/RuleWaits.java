package io.adhocfs.protocol.statistics;

import io.adhocfs.protocol.throttle.ThrottleRule;

/**
 * How long one limit has held somebody back; it may be gone meanwhile.
 *
 * @param requests that had to wait
 * @param nanos how long they did, in all: of several at once, each counts
 */
public record RuleWaits(ThrottleRule.Key rule, long requests, long nanos) {
  /** Of two of the same rule. */
  public RuleWaits plus(RuleWaits other) {
    if (!rule.equals(other.rule)) {
      throw new IllegalArgumentException(rule + " and " + other.rule);
    }
    return new RuleWaits(rule, requests + other.requests, nanos + other.nanos);
  }
}
