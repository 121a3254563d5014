package io.adhocfs.daemon.statistics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.statistics.RuleWaits;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What has been done for one party. Thread-safe; adding takes no lock, once it is known whose it
 * is, and allocates nothing.
 */
public final class Account {
  private static final OperationKind[] KINDS = OperationKind.values();

  /** Limits that are remembered each; beyond, they are not. */
  private static final int RULES_MAX = 16;

  /** Requests that come in such a time are not told apart. */
  private static final long SEEN_NANOS = 10_000_000;

  private static final class Counters {
    final LongAdder operations = new LongAdder();
    final LongAdder failed = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder small = new LongAdder();
    final LongAdder unaligned = new LongAdder();

    void add(boolean hasFailed, long moreBytes, boolean isSmall, boolean isUnaligned) {
      operations.increment();
      if (hasFailed) {
        failed.increment();
      }
      if (moreBytes > 0) {
        bytes.add(moreBytes);
      }
      if (isSmall) {
        small.increment();
      }
      if (isUnaligned) {
        unaligned.increment();
      }
    }

    void add(Counters other) {
      operations.add(other.operations.sum());
      failed.add(other.failed.sum());
      bytes.add(other.bytes.sum());
      small.add(other.small.sum());
      unaligned.add(other.unaligned.sum());
    }
  }

  private record Waits(long requests, long nanos) {
    Waits plus(Waits other) {
      return new Waits(requests + other.requests, nanos + other.nanos);
    }
  }

  final long number;
  private final Party party;
  private final Counters[] counters = new Counters[KINDS.length];

  /**
   * Whether it may come to be another's: then whoever adds looks, under the lock, whether it has.
   */
  private final boolean mayPass;

  private volatile long firstNanos;
  private volatile long lastNanos;

  @GuardedBy("this")
  private final Map<ThrottleRule.Key, Waits> waits = new TreeMap<>(Account::compare);

  private volatile @Nullable Account heir;

  /**
   * @param number higher than those of earlier ones
   * @param mayPass whether it is not known yet whose it is
   */
  Account(long number, Party party, boolean mayPass, long nowNanos) {
    this.number = number;
    this.party = party;
    this.mayPass = mayPass;
    this.firstNanos = nowNanos;
    this.lastNanos = nowNanos;
    for (int i = 0; i < counters.length; i++) {
      counters[i] = new Counters();
    }
  }

  private static int compare(ThrottleRule.Key one, ThrottleRule.Key other) {
    return one.toString().compareTo(other.toString());
  }

  /** Whose it is; nobody's, as long as that has not been said. */
  public Party party() {
    return party;
  }

  /** Whether it is known whose it is, or need not be. */
  public boolean isIntroduced() {
    return !mayPass;
  }

  /** Whether what comes now is to be added to another. */
  boolean hasPassed() {
    return heir != null;
  }

  long lastNanos() {
    return lastNanos;
  }

  /** A request has come. */
  public void seen(long nowNanos) {
    if (nowNanos - lastNanos > SEEN_NANOS) {
      lastNanos = nowNanos;
    }
  }

  // The array lives no longer than this version of the enum.
  @SuppressWarnings("EnumOrdinal")
  private Counters of(OperationKind kind) {
    return counters[kind.ordinal()];
  }

  /** An operation has been done, or has failed as its program sees it. */
  void add(OperationKind kind, boolean failed, long bytes, boolean isSmall, boolean isUnaligned) {
    if (!mayPass) {
      of(kind).add(failed, bytes, isSmall, isUnaligned);
      return;
    }
    synchronized (this) {
      Account to = heir;
      if (to == null) {
        of(kind).add(failed, bytes, isSmall, isUnaligned);
      } else {
        to.add(kind, failed, bytes, isSmall, isUnaligned);
      }
    }
  }

  /** Bytes of an operation that is counted elsewhere have been read or written. */
  void addBytes(OperationKind kind, long bytes) {
    if (!mayPass) {
      of(kind).bytes.add(bytes);
      return;
    }
    synchronized (this) {
      Account to = heir;
      if (to == null) {
        of(kind).bytes.add(bytes);
      } else {
        to.addBytes(kind, bytes);
      }
    }
  }

  /** A limit has held a request back. */
  synchronized void addWait(ThrottleRule.Key rule, long nanos) {
    addWaits(rule, new Waits(1, nanos));
  }

  @GuardedBy("this")
  private void addWaits(ThrottleRule.Key rule, Waits more) {
    if (waits.containsKey(rule) || waits.size() < RULES_MAX) {
      waits.merge(rule, more, Waits::plus);
    }
  }

  /**
   * All that has been and will be added is another's. What others are adding just now to one that
   * was not made to pass may be lost: let it be idle.
   */
  void passTo(Account to) {
    Map<ThrottleRule.Key, Waits> had;
    synchronized (this) {
      heir = to;
      for (int i = 0; i < counters.length; i++) {
        to.counters[i].add(counters[i]);
      }
      had = Map.copyOf(waits);
    }
    to.take(firstNanos, lastNanos, had);
  }

  private synchronized void take(
      long othersFirstNanos, long othersLastNanos, Map<ThrottleRule.Key, Waits> others) {
    if (othersFirstNanos - firstNanos < 0) {
      firstNanos = othersFirstNanos;
    }
    if (othersLastNanos - lastNanos > 0) {
      lastNanos = othersLastNanos;
    }
    others.forEach(this::addWaits);
  }

  /** What has been added so far. */
  PartyFigures figures(long nowNanos) {
    List<KindFigures> kinds = new ArrayList<>();
    for (OperationKind kind : KINDS) {
      Counters counted = of(kind);
      long operations = counted.operations.sum();
      long bytes = counted.bytes.sum();
      if (operations > 0 || bytes > 0) {
        kinds.add(
            new KindFigures(
                kind.label(),
                operations,
                counted.failed.sum(),
                bytes,
                counted.small.sum(),
                counted.unaligned.sum()));
      }
    }
    List<RuleWaits> held = new ArrayList<>();
    synchronized (this) {
      waits.forEach((rule, sum) -> held.add(new RuleWaits(rule, sum.requests(), sum.nanos())));
    }
    return new PartyFigures(
        party, Math.max(0, nowNanos - firstNanos), Math.max(0, nowNanos - lastNanos), kinds, held);
  }
}
