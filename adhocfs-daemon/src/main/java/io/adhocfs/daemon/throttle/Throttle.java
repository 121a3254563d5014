package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Lets requests through as the limits allow. Tokens of a limit are asked for, in advance where
 * possible, from the daemon that looks after it. A request that needs tokens of several limits
 * takes them one after the other, those of the narrowest scope first, so that it waits where it has
 * least.
 *
 * <p>Thread-safe; nothing blocks. Without limits a request costs one look at a field.
 */
public final class Throttle {
  /** What is not used for so long goes back. */
  private static final long UNUSED_NANOS = 300_000_000;

  /** Waiting requests are sent back after so long, to be sent again: their senders live on news. */
  public static final long WAIT_NANOS_MAX = 3_000_000_000L;

  /** No more than this much of a second's tokens is kept here in advance, for each group. */
  private static final double STOCK_SECONDS_MAX = 0.1;

  /** What has been let through beyond a limit is forgiven down to this when the limit changes. */
  private static final double DEBT_SECONDS_MAX = 1;

  /** Of one limit; those that are too many are one group. */
  private static final int GROUPS_MAX = 1000;

  private static final String OTHERS = "others";

  /** No more is asked of a daemon at once: a message has an end. */
  private static final int WANTS_MAX = 2000;

  /** No more is told of: a message has an end. */
  private static final int FIGURES_MAX = 6000;

  /** Asks a daemon for tokens. */
  @FunctionalInterface
  public interface Asker {
    /**
     * Asks; never blocks.
     *
     * @param answer gets what is given of each want, or null when the daemon did not answer; any
     *     thread, perhaps before this returns
     */
    void ask(NodeId node, List<TokenWant> wants, Answer answer);
  }

  /** Takes an answer. */
  @FunctionalInterface
  public interface Answer {
    void take(long @Nullable [] given);
  }

  /** Hears of those who have waited; must be cheap, and must not call back. */
  @FunctionalInterface
  public interface WaitListener {
    /** A request has waited for a rule's tokens, until it got them or was sent back. */
    void waited(Party party, ThrottleRule.Key rule, long nanos);
  }

  /** What became of a request that came without its tokens. */
  public enum Unpaid {
    /** There is no limit to it. */
    FREE,
    /** It is counted and goes on, and others wait the longer. */
    COUNTED,
    /** Too much has gone on so already: it must not. */
    REFUSED
  }

  /**
   * What is enforced here.
   *
   * @param weights by {@link #weightName}
   */
  private record Enforced(
      List<Bucket> limits, Map<String, Integer> weights, boolean limitsDatasets) {}

  /** Those who share what they get of one limit, as far as they are known here. */
  private static final class Group {
    final Bucket bucket;
    final String name;
    int weight = 1;
    long tokens;
    final ArrayDeque<Ticket> queue = new ArrayDeque<>();
    long queued;

    /** Taken since the last answer, and what was taken from answer to answer lately. */
    long taken;

    long usual;
    long usedNanos;
    long letThrough;
    long delayed;
    long waitedNanos;

    Group(Bucket bucket, String name) {
      this.bucket = bucket;
      this.name = name;
    }

    /** What is kept in advance: as much as two answers brought lately. */
    long stock() {
      return Math.min(2 * usual, bucket.stockMax());
    }

    /**
     * Whether there is enough for a request. One that is large beside the limit goes when a tenth
     * of a second's tokens is there, and the rest is paid back: it could not wait here for as long
     * as all of it takes to come, nor may what has come for it be lost meanwhile.
     */
    boolean hasFor(long amount) {
      return tokens >= Math.min(amount, bucket.stockMax());
    }

    /** What it needs beyond what it has. */
    long lacking() {
      return Math.max(0, queued + stock() - tokens);
    }

    /**
     * Whether to ask for more: when somebody waits, or when a good part of the stock is gone, for
     * that is no question for each request.
     */
    boolean isNeedy() {
      return queued > tokens || lacking() > stock() / 2;
    }

    void take(long amount, long nowNanos) {
      tokens -= amount;
      taken += amount;
      letThrough += amount;
      usedNanos = nowNanos;
    }
  }

  private static final class Bucket {
    volatile ThrottleRule rule;
    final Resource resource;
    boolean gone;

    /** The numbers of the datasets that it is about; empty for other scopes. */
    volatile Set<Integer> datasets = Set.of();

    final Map<String, Group> groups = new TreeMap<>();

    Bucket(ThrottleRule rule, Resource resource) {
      this.rule = rule;
      this.resource = resource;
    }

    long stockMax() {
      return Math.max(1, (long) (rule.limit() * STOCK_SECONDS_MAX));
    }

    boolean isAbout(Party party, int dataset, int node) {
      return rule.scope().kind() == Scope.Kind.DATASET
          ? datasets.contains(dataset)
          : party.isIn(rule.scope(), node);
    }
  }

  /** A request that waits. */
  private static final class Ticket {
    final Party party;
    final Charge charge;
    final List<Bucket> limits;
    final Executor executor;
    final Runnable proceed;
    final Runnable sendBack;
    int next;
    long sinceNanos;

    Ticket(
        Party party,
        Charge charge,
        List<Bucket> limits,
        Executor executor,
        Runnable proceed,
        Runnable sendBack) {
      this.party = party;
      this.charge = charge;
      this.limits = limits;
      this.executor = executor;
      this.proceed = proceed;
      this.sendBack = sendBack;
    }
  }

  private final int node;
  private final LongSupplier nanoClock;
  private final Function<ThrottleRule.Key, NodeId> looksAfter;
  private final Asker asker;
  private final WaitListener waits;
  private final Set<NodeId> asking = new HashSet<>();

  /** Groups for which tokens are to be asked for. */
  private final Set<Group> needy = new LinkedHashSet<>();

  private volatile Enforced enforced = new Enforced(List.of(), Map.of(), false);

  /**
   * @param node this daemon's number
   * @param looksAfter who gives out the tokens of a limit
   * @param waits hears of each request that had to wait
   */
  public Throttle(
      int node,
      LongSupplier nanoClock,
      Function<ThrottleRule.Key, NodeId> looksAfter,
      Asker asker,
      WaitListener waits) {
    this.node = node;
    this.nanoClock = nanoClock;
    this.looksAfter = looksAfter;
    this.asker = asker;
    this.waits = waits;
  }

  /**
   * Enforces these rules from now on. What waits for a limit that is gone proceeds.
   *
   * @param datasets that there are: what lies in one within another counts for both
   */
  public void useRules(List<ThrottleRule> rules, List<Dataset> datasets) {
    List<Ticket> freed = new ArrayList<>();
    synchronized (this) {
      Map<ThrottleRule.Key, Bucket> known = new HashMap<>();
      enforced.limits().forEach(bucket -> known.put(bucket.rule.key(), bucket));
      List<Bucket> limits = new ArrayList<>();
      Map<String, Integer> weights = new HashMap<>();
      for (ThrottleRule rule : rules) {
        Resource resource = Resource.ofLabel(rule.resource());
        weights.put(weightName(rule.resource(), rule.scope().toString()), rule.weight());
        if (resource == null || rule.limit() == 0) {
          continue;
        }
        Bucket bucket = known.remove(rule.key());
        if (bucket == null) {
          bucket = new Bucket(rule, resource);
        }
        boolean changes = bucket.rule.limit() != rule.limit();
        bucket.rule = rule;
        bucket.datasets = within(rule.scope(), datasets);
        if (changes) {
          bucket.groups.values().forEach(Throttle::beginAnew);
        }
        limits.add(bucket);
      }
      limits.sort(Comparator.comparing(bucket -> bucket.rule.scope().kind()));
      enforced =
          new Enforced(
              List.copyOf(limits),
              Map.copyOf(weights),
              limits.stream().anyMatch(bucket -> !bucket.datasets.isEmpty()));
      for (Bucket gone : known.values()) {
        gone.gone = true;
        needy.removeAll(gone.groups.values());
        for (Group group : gone.groups.values()) {
          freed.addAll(group.queue);
          group.queue.clear();
          group.queued = 0;
        }
      }
      for (Bucket bucket : limits) {
        for (Group group : bucket.groups.values()) {
          group.weight = weightOf(bucket, group.name);
          noteNeed(group);
        }
      }
    }
    freed.forEach(ticket -> ticket.next++);
    freed.forEach(this::goOn);
    ask();
  }

  /** The numbers of those that a scope is about. */
  private static Set<Integer> within(Scope scope, List<Dataset> datasets) {
    if (scope.kind() != Scope.Kind.DATASET) {
      return Set.of();
    }
    return datasets.stream()
        .filter(dataset -> dataset.scope().equals(scope))
        .findAny()
        .map(outer ->
            datasets.stream()
                .filter(dataset -> dataset.isWithin(outer))
                .map(Dataset::id)
                .collect(Collectors.toUnmodifiableSet()))
        .orElse(Set.of());
  }

  /** What was got and owed by another limit is little by the new one. */
  private static void beginAnew(Group group) {
    long owedMax = (long) (group.bucket.rule.limit() * DEBT_SECONDS_MAX);
    group.usual = 0;
    group.tokens = Math.clamp(group.tokens, -owedMax, group.bucket.stockMax());
  }

  private static String weightName(String resource, String group) {
    return resource + ' ' + group;
  }

  /** Whether it matters to which dataset a request's inode belongs. */
  public boolean asksForDatasets() {
    return enforced.limitsDatasets();
  }

  /** Whether anything is limited. */
  public boolean isOn() {
    return !enforced.limits().isEmpty();
  }

  /**
   * Lets a request through: at once, in this thread, where it need not wait.
   *
   * @param dataset that what is used belongs to; 0 = to none
   * @param executor where it proceeds when it had to wait
   * @param sendBack called instead when it has waited for {@link #WAIT_NANOS_MAX}
   */
  public void admit(
      Party party,
      int dataset,
      Charge charge,
      Executor executor,
      Runnable proceed,
      Runnable sendBack) {
    List<Bucket> limits = limitsOf(party, dataset, charge);
    if (limits.isEmpty()) {
      proceed.run();
      return;
    }
    var ticket = new Ticket(party, charge, limits, executor, proceed, sendBack);
    boolean through;
    synchronized (this) {
      through = advance(ticket);
    }
    ask();
    if (through) {
      proceed.run();
    }
  }

  /**
   * Counts a request that is let through whatever there is; others wait the longer.
   *
   * @return whether there was a limit to it
   */
  public boolean charge(Party party, int dataset, Charge charge) {
    List<Bucket> limits = limitsOf(party, dataset, charge);
    if (limits.isEmpty()) {
      return false;
    }
    synchronized (this) {
      for (Bucket bucket : limits) {
        Group group = group(bucket, party);
        group.take(charge.of(bucket.resource), nanoClock.getAsLong());
        noteNeed(group);
      }
    }
    ask();
    return true;
  }

  /** Whether there is a limit to a request. */
  public boolean isLimited(Party party, int dataset, Charge charge) {
    return !limitsOf(party, dataset, charge).isEmpty();
  }

  /** As {@link #charge}, unless much is owed or others wait: then nothing is counted. */
  Unpaid chargeUnlessMuchIsOwed(Party party, int dataset, Charge charge) {
    List<Bucket> limits = limitsOf(party, dataset, charge);
    if (limits.isEmpty()) {
      return Unpaid.FREE;
    }
    synchronized (this) {
      for (Bucket bucket : limits) {
        Group group = group(bucket, party);
        if (!bucket.gone && (!group.queue.isEmpty() || group.tokens < -bucket.stockMax())) {
          return Unpaid.REFUSED;
        }
      }
    }
    return charge(party, dataset, charge) ? Unpaid.COUNTED : Unpaid.FREE;
  }

  private List<Bucket> limitsOf(Party party, int dataset, Charge charge) {
    List<Bucket> all = enforced.limits();
    if (all.isEmpty()) {
      return List.of();
    }
    List<Bucket> limits = new ArrayList<>(2);
    for (Bucket bucket : all) {
      if (charge.of(bucket.resource) > 0 && bucket.isAbout(party, dataset, node)) {
        limits.add(bucket);
      }
    }
    return limits;
  }

  private Group group(Bucket bucket, Party party) {
    String name = party.group();
    Group group = bucket.groups.get(name);
    if (group != null) {
      return group;
    }
    if (bucket.groups.size() < GROUPS_MAX || forgetOne(bucket)) {
      return newGroup(bucket, name);
    }
    Group others = bucket.groups.get(OTHERS);
    return others != null ? others : newGroup(bucket, OTHERS);
  }

  private Group newGroup(Bucket bucket, String name) {
    var group = new Group(bucket, name);
    group.weight = weightOf(bucket, name);
    bucket.groups.put(name, group);
    return group;
  }

  /** Counts the group that has been idle for longest among the others; whether there was one. */
  private boolean forgetOne(Bucket bucket) {
    Group oldest = null;
    for (Group group : bucket.groups.values()) {
      if (group.queue.isEmpty()
          && group.tokens >= 0
          && !group.name.equals(OTHERS)
          && isUnusedFor(group, UNUSED_NANOS)
          && (oldest == null || group.usedNanos - oldest.usedNanos < 0)) {
        oldest = group;
      }
    }
    if (oldest == null) {
      return false;
    }
    bucket.groups.remove(oldest.name);
    needy.remove(oldest);
    Group known = bucket.groups.get(OTHERS);
    Group others = known != null ? known : newGroup(bucket, OTHERS);
    others.tokens += oldest.tokens;
    others.letThrough += oldest.letThrough;
    others.delayed += oldest.delayed;
    others.waitedNanos += oldest.waitedNanos;
    return true;
  }

  private int weightOf(Bucket bucket, String group) {
    return enforced.weights().getOrDefault(weightName(bucket.rule.resource(), group), 1);
  }

  /** Takes what can be taken; whether that is all. */
  private boolean advance(Ticket ticket) {
    long now = nanoClock.getAsLong();
    while (ticket.next < ticket.limits.size()) {
      Bucket bucket = ticket.limits.get(ticket.next);
      long amount = ticket.charge.of(bucket.resource);
      Group group = group(bucket, ticket.party);
      // One whose limit has gone meanwhile has nobody who would wake it.
      boolean gone = bucket.gone;
      if (!gone && (!group.queue.isEmpty() || !group.hasFor(amount))) {
        if (ticket.sinceNanos == 0) {
          ticket.sinceNanos = now;
        }
        group.queue.add(ticket);
        group.queued += amount;
        group.usedNanos = now;
        noteNeed(group);
        return false;
      }
      if (!gone) {
        group.take(amount, now);
        noteNeed(group);
      }
      ticket.next++;
    }
    return true;
  }

  private void goOn(Ticket ticket) {
    boolean through;
    synchronized (this) {
      through = advance(ticket);
    }
    if (through) {
      ticket.executor.execute(ticket.proceed);
    }
  }

  /** Lets through what a group's tokens are enough for; returns them. */
  private List<Ticket> drain(Group group) {
    List<Ticket> served = new ArrayList<>();
    long now = nanoClock.getAsLong();
    for (Ticket first = group.queue.peek(); first != null; first = group.queue.peek()) {
      long amount = first.charge.of(group.bucket.resource);
      if (!group.hasFor(amount)) {
        break;
      }
      group.queue.remove();
      group.queued -= amount;
      group.take(amount, now);
      group.delayed++;
      group.waitedNanos += now - first.sinceNanos;
      waits.waited(first.party, group.bucket.rule.key(), now - first.sinceNanos);
      first.sinceNanos = now;
      first.next++;
      served.add(first);
    }
    return served;
  }

  private void noteNeed(Group group) {
    if (group.isNeedy()) {
      needy.add(group);
    }
  }

  /** Asks for what is lacking, of everybody who is not being asked already. */
  private void ask() {
    Map<NodeId, List<TokenWant>> wants = new HashMap<>();
    Map<NodeId, List<Group>> groups = new HashMap<>();
    synchronized (this) {
      for (Iterator<Group> all = needy.iterator(); all.hasNext(); ) {
        Group group = all.next();
        NodeId whom = looksAfter.apply(group.bucket.rule.key());
        List<TokenWant> already = wants.get(whom);
        if (asking.contains(whom) || (already != null && already.size() >= WANTS_MAX)) {
          continue;
        }
        all.remove();
        TokenWant want = want(group);
        if (want != null) {
          wants.computeIfAbsent(whom, _ -> new ArrayList<>()).add(want);
          groups.computeIfAbsent(whom, _ -> new ArrayList<>()).add(group);
        }
      }
      asking.addAll(wants.keySet());
    }
    wants.forEach((whom, list) -> {
      List<Group> asked = groups.getOrDefault(whom, List.of());
      asker.ask(whom, list, given -> answered(whom, list, asked, given));
    });
  }

  private @Nullable TokenWant want(Group group) {
    ThrottleRule.Key key = group.bucket.rule.key();
    if (group.isNeedy()) {
      return new TokenWant(key, group.name, group.weight, group.lacking(), 0);
    }
    if (isUnused(group)) {
      long returned = group.tokens;
      group.tokens = 0;
      group.usual = 0;
      return new TokenWant(key, group.name, group.weight, 0, returned);
    }
    return null;
  }

  private boolean isUnused(Group group) {
    return group.tokens > 0 && group.queue.isEmpty() && isUnusedFor(group, UNUSED_NANOS);
  }

  private boolean isUnusedFor(Group group, long nanos) {
    return nanoClock.getAsLong() - group.usedNanos > nanos;
  }

  private void answered(
      NodeId whom, List<TokenWant> wants, List<Group> groups, long @Nullable [] given) {
    List<Ticket> served = new ArrayList<>();
    synchronized (this) {
      asking.remove(whom);
      for (int i = 0; i < wants.size(); i++) {
        Group group = groups.get(i);
        if (given == null || i >= given.length) {
          group.tokens += wants.get(i).returned();
          continue;
        }
        group.tokens += given[i];
        group.usual = Math.max(group.taken, group.usual / 2);
        group.taken = 0;
        served.addAll(drain(group));
        noteNeed(group);
      }
    }
    served.forEach(this::goOn);
    if (given != null) {
      ask();
    }
  }

  /**
   * Returns what is not used, asks again whom could not be asked, and sends back what has waited
   * for too long. To be called several times a second.
   */
  public void tick() {
    List<Ticket> late = new ArrayList<>();
    long now = nanoClock.getAsLong();
    synchronized (this) {
      for (Bucket bucket : enforced.limits()) {
        for (Group group : bucket.groups.values()) {
          group.queue.removeIf(ticket -> {
            boolean isLate = now - ticket.sinceNanos > WAIT_NANOS_MAX;
            if (isLate) {
              group.queued -= ticket.charge.of(bucket.resource);
              group.waitedNanos += now - ticket.sinceNanos;
              waits.waited(ticket.party, bucket.rule.key(), now - ticket.sinceNanos);
              late.add(ticket);
            }
            return isLate;
          });
          if (group.isNeedy() || isUnused(group)) {
            needy.add(group);
          }
        }
      }
    }
    late.forEach(ticket -> ticket.executor.execute(ticket.sendBack));
    ask();
  }

  /** What the rules have done here. */
  public synchronized List<RuleFigures> figures() {
    List<RuleFigures> figures = new ArrayList<>();
    for (Bucket bucket : enforced.limits()) {
      for (Group group : bucket.groups.values()) {
        if (figures.size() >= FIGURES_MAX) {
          return figures;
        }
        figures.add(
            new RuleFigures(
                bucket.rule.key(),
                group.name,
                group.letThrough,
                group.delayed,
                group.waitedNanos,
                group.queue.size()));
      }
    }
    return figures;
  }
}
