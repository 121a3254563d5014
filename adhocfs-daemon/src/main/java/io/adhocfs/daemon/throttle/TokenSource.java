package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives out the tokens of the limits that this daemon looks after. A limit's tokens come into being
 * at its rate, and several times a second what has come is divided among those who asked; so all
 * daemons together never let more through than the limit. While nobody waits, the tokens of {@value
 * #KEPT_SECONDS} s are kept, no more.
 *
 * <p>Thread-safe. Answers are given by the thread that brings them about, outside of its locks.
 */
final class TokenSource {
  private static final Logger LOG = LoggerFactory.getLogger(TokenSource.class);

  /** What is kept for who comes next: little against the ten seconds that a limit is judged by. */
  static final double KEPT_SECONDS = 0.15;

  /** What one daemon asked for at once, and is answered at once. */
  private record Ask(List<TokenWant> wants, Consumer<long[]> answer) {}

  private static final class Budget {
    private double tokens;
    private long sinceNanos;
    private boolean awaited;

    Budget(long nowNanos) {
      this.sinceNanos = nowNanos;
    }

    void accrue(long limit, long nowNanos) {
      tokens += limit * ((nowNanos - sinceNanos) / 1e9);
      sinceNanos = nowNanos;
    }

    void forgetMuch(long limit) {
      // One at least: of a low limit, there would never be any.
      tokens = Math.min(tokens, Math.max(1, limit * KEPT_SECONDS));
    }
  }

  private final RandomGenerator random;
  private final Map<ThrottleRule.Key, Budget> budgets = new HashMap<>();
  private List<Ask> asks = new ArrayList<>();
  private Map<ThrottleRule.Key, Long> limits = Map.of();

  TokenSource(RandomGenerator random) {
    this.random = random;
  }

  /** The limits that there are, whoever looks after them. */
  synchronized void useLimits(Map<ThrottleRule.Key, Long> newLimits) {
    limits = Map.copyOf(newLimits);
    budgets.keySet().retainAll(limits.keySet());
  }

  /** Whether somebody waits for {@link #divide}. */
  synchronized boolean isAsked() {
    return !asks.isEmpty();
  }

  /**
   * Somebody asks. He is answered at once where nobody waits for the same and there is enough, else
   * by the next {@link #divide}, with what he gets of each want, perhaps nothing; of a limit that
   * is not known here he gets nothing.
   */
  void ask(List<TokenWant> wants, long nowNanos, Consumer<long[]> answer) {
    long[] given;
    synchronized (this) {
      for (TokenWant want : wants) {
        Long limit = limits.get(want.key());
        if (limit != null) {
          Budget budget = budgets.computeIfAbsent(want.key(), _ -> new Budget(nowNanos));
          if (!budget.awaited) {
            budget.accrue(limit, nowNanos);
            budget.forgetMuch(limit);
          }
          budget.tokens += want.returned();
        }
      }
      if (!hasAll(wants)) {
        asks.add(new Ask(List.copyOf(wants), answer));
        for (TokenWant want : wants) {
          Budget budget = budgets.get(want.key());
          if (budget != null && want.wanted() > 0) {
            budget.awaited = true;
          }
        }
        return;
      }
      given = new long[wants.size()];
      for (int i = 0; i < given.length; i++) {
        TokenWant want = wants.get(i);
        Budget budget = budgets.get(want.key());
        if (budget != null) {
          given[i] = want.wanted();
          budget.tokens -= given[i];
        }
      }
    }
    answer.accept(given);
  }

  /**
   * Whether all can be had at once. What is wanted of a limit that is not known here, perhaps not
   * yet or no longer, waits: who gets nothing at once would ask again at once.
   */
  private boolean hasAll(List<TokenWant> wants) {
    var sums = new HashMap<ThrottleRule.Key, Long>();
    wants.forEach(want -> sums.merge(want.key(), want.wanted(), Long::sum));
    for (Map.Entry<ThrottleRule.Key, Long> sum : sums.entrySet()) {
      Budget budget = budgets.get(sum.getKey());
      boolean has = budget != null && !budget.awaited && budget.tokens >= sum.getValue();
      if (sum.getValue() > 0 && !has) {
        return false;
      }
    }
    return true;
  }

  /** Divides what has come among all who wait, and answers them. */
  void divide(long nowNanos) {
    List<Ask> answered;
    List<long[]> given = new ArrayList<>();
    synchronized (this) {
      answered = asks;
      asks = new ArrayList<>();
      Map<ThrottleRule.Key, List<int[]>> places = new HashMap<>();
      for (int ask = 0; ask < answered.size(); ask++) {
        List<TokenWant> wants = answered.get(ask).wants();
        given.add(new long[wants.size()]);
        for (int i = 0; i < wants.size(); i++) {
          places
              .computeIfAbsent(wants.get(i).key(), _ -> new ArrayList<>())
              .add(new int[] {ask, i});
        }
      }
      places.forEach((key, wanting) -> {
        Long limit = limits.get(key);
        if (limit == null) {
          return;
        }
        Budget budget = budgets.computeIfAbsent(key, _ -> new Budget(nowNanos));
        budget.accrue(limit, nowNanos);
        List<FairShare.Demand> demands = new ArrayList<>();
        for (int[] place : wanting) {
          TokenWant want = answered.get(place[0]).wants().get(place[1]);
          demands.add(new FairShare.Demand(want.group(), want.weight(), want.wanted()));
        }
        long[] shares = FairShare.divide((long) budget.tokens, demands, random);
        for (int i = 0; i < shares.length; i++) {
          given.get(wanting.get(i)[0])[wanting.get(i)[1]] = shares[i];
          budget.tokens -= shares[i];
        }
        budget.forgetMuch(limit);
        budget.awaited = false;
      });
    }
    for (int ask = 0; ask < answered.size(); ask++) {
      try {
        answered.get(ask).answer().accept(given.get(ask));
      } catch (RuntimeException e) {
        // The others must not wait for ever for what went wrong with one.
        LOG.error("tokens could not be given", e);
      }
    }
  }
}
