package io.adhocfs.protocol.throttle;

/**
 * What a daemon wants, for one group of requesters, of one limit's tokens.
 *
 * @param group who shares what: a job, else a user, else a kind of traffic
 * @param weight of the group beside others
 * @param returned tokens of earlier answers that nobody needs any more
 */
public record TokenWant(
    ThrottleRule.Key key, String group, int weight, long wanted, long returned) {
  public TokenWant {
    if (weight < 1 || weight > ThrottleRule.WEIGHT_MAX || wanted < 0 || returned < 0) {
      throw new IllegalArgumentException(
          "weight %d, %d wanted, %d returned".formatted(weight, wanted, returned));
    }
  }
}
