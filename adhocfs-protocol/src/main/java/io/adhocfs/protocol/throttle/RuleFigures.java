package io.adhocfs.protocol.throttle;

/**
 * What one rule has done to one group of requesters at one daemon, since that started.
 *
 * @param letThrough tokens taken: counts, or bytes
 * @param delayed requests that had to wait
 * @param waitedNanos how long they did, in all
 * @param waiting requests that wait now
 */
public record RuleFigures(
    ThrottleRule.Key key,
    String group,
    long letThrough,
    long delayed,
    long waitedNanos,
    int waiting) {
  /** Of two of the same rule and group. */
  public RuleFigures plus(RuleFigures other) {
    if (!key.equals(other.key) || !group.equals(other.group)) {
      throw new IllegalArgumentException(this + " and " + other);
    }
    return new RuleFigures(
        key,
        group,
        letThrough + other.letThrough,
        delayed + other.delayed,
        waitedNanos + other.waitedNanos,
        waiting + other.waiting);
  }
}
