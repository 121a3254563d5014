package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Daemons with their throttles, and programs that ask one thing after the other, in simulated time:
 * messages take a while, and so does work.
 */
final class SimulatedThrottles {
  private static final long MESSAGE_NANOS = 200_000;
  private static final long DIVIDE_NANOS = 25_000_000;
  private static final long TICK_NANOS = 100_000_000;

  private record Event(long nanos, long order, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      return nanos != other.nanos
          ? Long.compare(nanos, other.nanos)
          : Long.compare(order, other.order);
    }
  }

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final List<Throttle> throttles = new ArrayList<>();
  private final List<TokenSource> sources = new ArrayList<>();
  private final List<TokenGivers> givers = new ArrayList<>();
  private final Set<Integer> dead = new HashSet<>();
  private final boolean[] dividing;
  private final Random random = new Random(5);
  private long nowNanos = 1;
  private long order;
  int questions;

  SimulatedThrottles(int nodes) {
    dividing = new boolean[nodes];
    for (int node = 0; node < nodes; node++) {
      sources.add(new TokenSource(random));
      var known = new TokenGivers();
      givers.add(known);
      throttles.add(
          new Throttle(
              node,
              () -> nowNanos,
              key -> known.of(key, slot -> slot % nodes),
              (whom, wants, answer) -> {
                questions++;
                after(MESSAGE_NANOS, () -> ask(known, whom, wants, answer));
              },
              (_, _, _) -> {}));
    }
    tick();
  }

  private void tick() {
    throttles.forEach(Throttle::tick);
    for (TokenGivers known : givers) {
      for (NodeId node : known.toProbe(nowNanos)) {
        if (!dead.contains(node.value())) {
          known.isBack(node);
        }
      }
    }
    after(TICK_NANOS, this::tick);
  }

  /** Nobody hears of tokens from a node, until it is started again. */
  void kill(int node) {
    dead.add(node);
  }

  void start(int node) {
    dead.remove(node);
  }

  /** Who gives the tokens of a limit, as a node sees it. */
  int giver(int node, ThrottleRule rule) {
    return givers.get(node).of(rule.key(), slot -> slot % throttles.size()).value();
  }

  Throttle throttle(int node) {
    return throttles.get(node);
  }

  private void ask(TokenGivers known, NodeId whom, List<TokenWant> wants, Throttle.Answer answer) {
    if (dead.contains(whom.value())) {
      var _ = known.isSilent(whom, nowNanos);
      answer.take(null);
      return;
    }
    int node = whom.value();
    TokenSource source = sources.get(node);
    source.ask(wants, nowNanos, given -> after(MESSAGE_NANOS, () -> answer.take(given)));
    divideLater(node);
  }

  private void divideLater(int node) {
    if (!dividing[node] && sources.get(node).isAsked()) {
      dividing[node] = true;
      after(
          DIVIDE_NANOS,
          () -> {
            dividing[node] = false;
            sources.get(node).divide(nowNanos);
          });
    }
  }

  private void after(long nanos, Runnable action) {
    events.add(new Event(nowNanos + nanos, order++, action));
  }

  /** Datasets that there are for the next {@link #useRules}. */
  List<Dataset> datasets = List.of();

  void useRules(ThrottleRule... rules) {
    Map<ThrottleRule.Key, Long> limits =
        List.of(rules).stream()
            .filter(rule -> rule.limit() > 0)
            .collect(Collectors.toMap(ThrottleRule::key, ThrottleRule::limit));
    sources.forEach(source -> source.useLimits(limits));
    throttles.forEach(throttle -> throttle.useRules(List.of(rules), datasets));
  }

  /** A program: asks nodes at random, one thing at a time. */
  final class Program {
    private final Party party;
    private final Charge charge;
    private final long workNanos;
    int dataset;
    boolean runs = true;
    long done;
    long longestNanos;

    Program(Party party, Charge charge, long workNanos) {
      this.party = party;
      this.charge = charge;
      this.workNanos = workNanos;
      after(random.nextLong(1_000_000), this::next);
    }

    private void next() {
      if (!runs) {
        after(10_000_000, this::next);
        return;
      }
      long began = nowNanos;
      Throttle throttle = throttles.get(random.nextInt(throttles.size()));
      throttle.admit(
          party,
          dataset,
          charge,
          Runnable::run,
          () ->
              after(
                  workNanos,
                  () -> {
                    done++;
                    longestNanos = Math.max(longestNanos, nowNanos - began);
                    next();
                  }),
          this::next);
    }
  }

  void run(double seconds) {
    long until = nowNanos + (long) (seconds * 1e9);
    while (!events.isEmpty() && events.peek().nanos() <= until) {
      Event event = events.remove();
      nowNanos = event.nanos();
      event.action().run();
    }
    nowNanos = until;
  }
}
