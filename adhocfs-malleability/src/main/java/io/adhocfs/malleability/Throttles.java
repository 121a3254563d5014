package io.adhocfs.malleability;

import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.Instance;
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
import java.util.function.LongConsumer;

/**
 * Holds an instance back while programs use it: limits and weights by class, scope and value, for
 * an outside controller (requirements 30, 33, 34, 67, 74, 99, 100). The command throttle is made of
 * it.
 *
 * <p>A rule takes effect on all daemons within a second and stays until it is cleared, also over
 * restarts of daemons. An object is for one thread at a time; methods throw {@link FsException}
 * with UNREACHABLE when no node answers.
 */
public final class Throttles implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Agreement agreement;
  private final DatasetWalks datasets;

  private Throttles(Agreement agreement, DatasetWalks datasets) {
    this.agreement = agreement;
    this.datasets = datasets;
  }

  /**
   * A rule and what it has done.
   *
   * @param groups by who was concerned: a job, else a user, else a kind of traffic
   */
  public record Listed(ThrottleRule rule, Map<String, RuleFigures> groups) {}

  /** Asks an instance what rules it has. */
  public static Throttles open(Instance instance) throws FsException {
    Agreement agreement = Agreement.open(instance);
    return new Throttles(agreement, new DatasetWalks(instance, agreement));
  }

  /** The datasets that there are, with how far they have been walked; see {@link #list}. */
  public List<Dataset> datasets() {
    return agreement.state().datasets();
  }

  /**
   * The dataset of a directory, which becomes one unless it is: rules with its {@link
   * Dataset#scope()} are about all that is below it. What is made there from now on belongs to it;
   * what is there already when it has been {@linkplain #walk walked}.
   *
   * @param path absolute, of a directory below the root: NOT_FOUND, NOT_DIRECTORY
   */
  public Dataset dataset(String path) throws FsException {
    return datasets.of(path);
  }

  /** As {@link DatasetWalks#walk}. */
  public void walk(Dataset dataset, LongConsumer progress) throws FsException {
    datasets.walk(dataset, progress);
  }

  /** The rules that there are, by resource and scope. */
  public List<ThrottleRule> rules() {
    return agreement.state().throttles();
  }

  /** Puts a rule in the place of that of the same resource and scope, or adds it. */
  public void set(ThrottleRule rule) throws FsException {
    agreement.propose(new ControlCommand.SetThrottle(rule));
  }

  /** Takes rules away; those that are not there do not matter. */
  public void clear(Collection<ThrottleRule.Key> keys) throws FsException {
    agreement.propose(new ControlCommand.ClearThrottles(List.copyOf(keys)));
  }

  /**
   * The rules, with what they have let through and held back since the daemons that answer have
   * started.
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

  /** The jobs whose programs have used the instance since the daemons that answer have started. */
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

  /** Closes its connections; the rules stay. */
  @Override
  public void close() {
    agreement.close();
  }
}
