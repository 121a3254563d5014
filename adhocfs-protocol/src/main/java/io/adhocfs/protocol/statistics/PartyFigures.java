package io.adhocfs.protocol.statistics;

import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.throttle.Party;
import java.util.List;

/**
 * What one daemon has done for one user of one step of one job, since the daemon started.
 *
 * @param sinceFirstNanos how long ago its first request came
 * @param sinceLastNanos how long ago its last request came
 * @param kinds those of which there were any
 * @param waits the limits that held it back
 */
public record PartyFigures(
    Party party,
    long sinceFirstNanos,
    long sinceLastNanos,
    List<KindFigures> kinds,
    List<RuleWaits> waits) {
  /** Job of those who were put together because there were too many to keep each. */
  public static final String OTHERS_JOB = "(others)";

  /** Those who were put together. */
  public static final Party OTHERS =
      new Party(TrafficClass.FOREGROUND, OTHERS_JOB, "", Party.UNKNOWN_USER);

  public PartyFigures {
    kinds = List.copyOf(kinds);
    waits = List.copyOf(waits);
  }
}
