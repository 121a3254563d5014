package io.adhocfs.daemon.throttle;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * Divides what there is among those who want some (weighted max-min fairness: Bertsekas and
 * Gallager, Data Networks, section 6.5.2): nobody gets more than he wants, and of two who do not
 * get all, each gets in proportion to his weight.
 */
final class FairShare {
  /**
   * What somebody wants.
   *
   * @param group those of one group share what is the group's, in proportion to what they want
   * @param weight of the group, the same for all of its members
   */
  record Demand(String group, int weight, long wanted) {}

  private FairShare() {}

  private static final class Group {
    final int weight;
    final List<Integer> members = new ArrayList<>();
    long wanted;
    long given;

    Group(int weight) {
      this.weight = weight;
    }
  }

  /**
   * What each of the demands gets; in all the budget, or what is wanted if that is less.
   *
   * @param random rounds: small budgets are divided rightly on the average, else whoever weighs
   *     most would lose by it each time
   */
  static long[] divide(long budget, List<Demand> demands, RandomGenerator random) {
    var given = new long[demands.size()];
    if (budget <= 0) {
      return given;
    }
    Map<String, Group> groups = new LinkedHashMap<>();
    for (int i = 0; i < given.length; i++) {
      Demand demand = demands.get(i);
      Group group = groups.computeIfAbsent(demand.group(), _ -> new Group(demand.weight()));
      group.members.add(i);
      group.wanted += demand.wanted();
    }
    // Those who want least for their weight are served first: what they leave the others share.
    List<Group> order = new ArrayList<>(groups.values());
    order.sort(Comparator.comparingDouble(group -> group.wanted / (double) group.weight));
    long left = budget;
    long weights = order.stream().mapToLong(group -> group.weight).sum();
    for (Group group : order) {
      long share = (long) (left / (double) weights * group.weight + random.nextDouble());
      group.given = Math.min(group.wanted, Math.min(left, share));
      left -= group.given;
      weights -= group.weight;
    }
    for (Group group : order) {
      // What rounding has left over.
      long more = Math.min(left, group.wanted - group.given);
      group.given += more;
      left -= more;
      divideWithin(group, demands, given);
    }
    return given;
  }

  private static void divideWithin(Group group, List<Demand> demands, long[] given) {
    long left = group.given;
    long wanted = group.wanted;
    for (int member : group.members) {
      long want = demands.get(member).wanted();
      long share = wanted == 0 ? 0 : (long) Math.ceil(left * (want / (double) wanted));
      given[member] = Math.min(want, Math.min(left, share));
      left -= given[member];
      wanted -= want;
    }
  }
}
