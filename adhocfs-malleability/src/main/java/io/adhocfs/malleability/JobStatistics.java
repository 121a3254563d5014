package io.adhocfs.malleability;

import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.statistics.RuleWaits;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What all daemons have done for a job or for one of its steps.
 *
 * @param job the job's id; empty = traffic that belongs to no job
 * @param step the step's id; empty = the whole job
 * @param steps the steps of the job that have figures
 * @param users numbers of the job's users; -1 = not known
 * @param runtime from the job's first request to its last
 * @param kinds all known kinds, then other kinds that daemons have reported
 * @param waits the limits that held the job back
 */
public record JobStatistics(
    String job,
    String step,
    SortedSet<String> steps,
    SortedSet<Integer> users,
    Duration runtime,
    List<KindFigures> kinds,
    List<RuleWaits> waits) {
  public JobStatistics {
    steps = new TreeSet<>(steps);
    users = new TreeSet<>(users);
    kinds = List.copyOf(kinds);
    waits = List.copyOf(waits);
  }

  /** Adds figures up; null if there are none. */
  static @Nullable JobStatistics of(String job, String step, Collection<PartyFigures> parties) {
    if (parties.isEmpty()) {
      return null;
    }
    SortedSet<String> steps = new TreeSet<>();
    SortedSet<Integer> users = new TreeSet<>();
    Map<String, KindFigures> kinds = new LinkedHashMap<>();
    for (OperationKind kind : OperationKind.values()) {
      kinds.put(kind.label(), new KindFigures(kind.label(), 0, 0, 0, 0, 0));
    }
    Map<ThrottleRule.Key, RuleWaits> waits = new LinkedHashMap<>();
    long first = 0;
    long last = Long.MAX_VALUE;
    for (PartyFigures figures : parties) {
      if (!figures.party().step().isEmpty()) {
        steps.add(figures.party().step());
      }
      users.add(figures.party().user());
      first = Math.max(first, figures.sinceFirstNanos());
      last = Math.min(last, figures.sinceLastNanos());
      figures.kinds().forEach(kind -> kinds.merge(kind.kind(), kind, KindFigures::plus));
      figures.waits().forEach(wait -> waits.merge(wait.rule(), wait, RuleWaits::plus));
    }
    List<RuleWaits> longestFirst = new ArrayList<>(waits.values());
    longestFirst.sort(Comparator.comparingLong(RuleWaits::nanos).reversed());
    return new JobStatistics(
        job,
        step,
        steps,
        users,
        Duration.ofNanos(Math.max(0, first - last)),
        List.copyOf(kinds.values()),
        longestFirst);
  }

  /** The figures of one kind. */
  public KindFigures of(OperationKind kind) {
    for (KindFigures figures : kinds) {
      if (figures.kind().equals(kind.label())) {
        return figures;
      }
    }
    return new KindFigures(kind.label(), 0, 0, 0, 0, 0);
  }

  /** The figures of operations that move no data. */
  public List<KindFigures> metadata() {
    return kinds.stream().filter(figures -> !movesData(figures)).toList();
  }

  /** The figures of reads and writes. */
  public List<KindFigures> data() {
    return kinds.stream().filter(JobStatistics::movesData).toList();
  }

  private static boolean movesData(KindFigures figures) {
    OperationKind kind = OperationKind.ofLabel(figures.kind());
    return kind != null && kind.movesData();
  }

  /**
   * How long limits held the job's requests back, in all: of several requests at once, each counts.
   */
  public Duration throttled() {
    return Duration.ofNanos(waits.stream().mapToLong(RuleWaits::nanos).sum());
  }
}
