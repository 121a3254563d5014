package io.adhocfs.malleability;

import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Limits the traffic of an instance while programs use it: sets limits and weights by class, scope
 * and value. The command throttle is built on this class.
 *
 * <p>A rule takes effect on all daemons within a second and stays until it is cleared, also over
 * restarts of daemons. A rule for a directory has the scope of the directory's dataset ({@link
 * Datasets}). Threads and errors are those of the {@link Controller}.
 */
public final class Limits {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Agreement agreement;

  Limits(Agreement agreement) {
    this.agreement = agreement;
  }

  /**
   * A rule and its figures.
   *
   * @param groups by whose traffic the rule has counted: a job, else a user, else a kind of traffic
   */
  public record Listed(ThrottleRule rule, Map<String, RuleFigures> groups) {}

  /** All rules, by resource and scope. */
  public List<ThrottleRule> rules() {
    return agreement.state().throttles();
  }

  /** Sets a rule; it replaces the rule of the same resource and scope. */
  public void set(ThrottleRule rule) throws FsException {
    agreement.propose(new ControlCommand.SetThrottle(rule));
  }

  /** Removes rules; a rule that does not exist is no error. */
  public void clear(Collection<ThrottleRule.Key> keys) throws FsException {
    agreement.propose(new ControlCommand.ClearThrottles(List.copyOf(keys)));
  }

  /**
   * The rules, with what they have let through and held back since the start of each daemon that
   * answers.
   */
  public List<Listed> list() throws FsException {
    agreement.refresh();
    NodeAnswers<Reply.Throttled> answers = ask();
    Map<ThrottleRule.Key, Map<String, RuleFigures>> sums = new HashMap<>();
    for (Map.Entry<NodeId, Reply.Throttled> answer : answers.answers().entrySet()) {
      for (RuleFigures figures : answer.getValue().figures()) {
        sums.computeIfAbsent(figures.key(), _ -> new TreeMap<>())
            .merge(figures.group(), figures, RuleFigures::plus);
      }
    }
    return rules().stream()
        .map(rule -> new Listed(rule, sums.getOrDefault(rule.key(), Map.of())))
        .toList();
  }

  /** The jobs whose programs have used the instance since the start of each daemon that answers. */
  public SortedSet<String> jobs() throws FsException {
    SortedSet<String> jobs = new TreeSet<>();
    ask().answers().values().forEach(answer -> jobs.addAll(answer.jobs()));
    return jobs;
  }

  private NodeAnswers<Reply.Throttled> ask() {
    return agreement
        .connection()
        .askAll(
            agreement.nodeIds(),
            new ControlRequest.GetThrottled(),
            Reply.Throttled.class,
            PATIENCE);
  }
}
