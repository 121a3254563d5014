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
 * Limits the traffic of an instance while programs use it: sets limits and weights by class, scope
 * and value, for an outside controller. The command throttle is built on this class.
 *
 * <p>A rule takes effect on all daemons within a second and stays until it is cleared, also over
 * restarts of daemons. An object is for one thread at a time; methods throw {@link FsException}
 * with UNREACHABLE if no node answers.
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
   * A rule and its figures.
   *
   * @param groups by whose traffic the rule has counted: a job, else a user, else a kind of traffic
   */
  public record Listed(ThrottleRule rule, Map<String, RuleFigures> groups) {}

  /** Reads the rules of an instance. */
  public static Throttles open(Instance instance) throws FsException {
    Agreement agreement = Agreement.open(instance);
    return new Throttles(agreement, new DatasetWalks(instance, agreement));
  }

  /** The datasets, with the progress of their walks; see {@link #list}. */
  public List<Dataset> datasets() {
    return agreement.state().datasets();
  }

  /**
   * The dataset of a directory, made if the directory is not a dataset yet: rules with its {@link
   * Dataset#scope()} hold for everything below the directory. Files made there from now on belong
   * to the dataset at once, existing files when the directory has been {@linkplain #walk walked}.
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

  /** Closes the connections; the rules stay. */
  @Override
  public void close() {
    agreement.close();
  }
}
