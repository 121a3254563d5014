package io.adhocfs.protocol.throttle;

import java.util.regex.Pattern;

/**
 * A limit, a weight or both, of one resource for one scope. There is one at most for each of these
 * pairs.
 *
 * @param resource name of a {@link Resource}, perhaps one that this version does not know
 * @param limit how much there may be in a second, over all daemons: counts, or bytes; 0 = no limit
 * @param weight what the scope gets beside others of limits that they share: twice the weight,
 *     twice as much; 1 where nobody says otherwise
 */
public record ThrottleRule(String resource, Scope scope, long limit, int weight) {
  public static final int WEIGHT_MAX = 1000;

  /** No instance has more: every one of them is looked at for each request. */
  public static final int RULES_MAX = 1000;

  private static final Pattern RESOURCE = Pattern.compile("[a-z0-9-]{1,32}");

  public ThrottleRule {
    if (!RESOURCE.matcher(resource).matches()) {
      throw new IllegalArgumentException("the resource '" + resource + "'");
    }
    if (limit < 0) {
      throw new IllegalArgumentException("a limit of " + limit);
    }
    if (weight < 1 || weight > WEIGHT_MAX) {
      throw new IllegalArgumentException("a weight of " + weight + ": give 1 to " + WEIGHT_MAX);
    }
  }

  /** What it is about. */
  public Key key() {
    return new Key(resource, scope);
  }

  /** What a rule is about: no two have the same. */
  public record Key(String resource, Scope scope) {
    @Override
    public String toString() {
      return resource + " of " + scope;
    }
  }
}
