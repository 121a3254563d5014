package io.adhocfs.malleability;

import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What an instance has done for each job, of all daemons together: operations by kind, bytes, and
 * the time that limits have held the job back. The command stats is built on this class.
 *
 * <p>Figures count from the start of each daemon. Rules name datasets by number: see {@link
 * Datasets#list}. Threads and errors are those of the {@link Controller}.
 */
public final class JobFigures {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Agreement agreement;

  JobFigures(Agreement agreement) {
    this.agreement = agreement;
  }

  /**
   * The figures of all daemons.
   *
   * @param parties by daemon, user, step and job
   * @param failures of the daemons whose figures are missing, each naming its node
   */
  public record Taken(List<PartyFigures> parties, SortedMap<NodeId, FsException> failures) {
    public Taken {
      parties = List.copyOf(parties);
      failures = new TreeMap<>(failures);
    }

    /**
     * The jobs that have figures; the empty text stands for traffic that belongs to no job, {@link
     * PartyFigures#OTHERS_JOB} for jobs that were too many to keep.
     */
    public SortedSet<String> jobs() {
      SortedSet<String> jobs = new TreeSet<>();
      parties.forEach(figures -> jobs.add(figures.party().job()));
      return jobs;
    }

    /** The figures of a whole job, or null if there are none. */
    public @Nullable JobStatistics job(String job) {
      return JobStatistics.of(
          job, "", parties.stream().filter(each -> each.party().job().equals(job)).toList());
    }

    /** The figures of a step of a job, or null if there are none. */
    public @Nullable JobStatistics step(String job, String step) {
      return JobStatistics.of(
          job,
          step,
          parties.stream()
              .filter(each -> each.party().job().equals(job) && each.party().step().equals(step))
              .toList());
    }
  }

  /**
   * Asks all daemons; the result names the daemons that do not answer.
   *
   * @throws FsException UNREACHABLE if no node answers
   */
  public Taken take() throws FsException {
    agreement.refresh();
    List<PartyFigures> parties = new ArrayList<>();
    SortedMap<NodeId, FsException> failures = new TreeMap<>();
    Map<Long, List<NodeId>> asked = new TreeMap<>(Map.of(0L, agreement.nodeIds()));
    while (!asked.isEmpty()) {
      Map<Long, List<NodeId>> next = new TreeMap<>();
      for (Map.Entry<Long, List<NodeId>> entry : asked.entrySet()) {
        NodeAnswers<Reply.Statistics> answers =
            agreement
                .connection()
                .askAll(
                    entry.getValue(),
                    new ControlRequest.GetStatistics(entry.getKey()),
                    Reply.Statistics.class,
                    PATIENCE);
        failures.putAll(answers.failures());
        answers
            .answers()
            .forEach((node, answer) -> {
              parties.addAll(answer.parties());
              if (answer.next() > entry.getKey()) {
                next.computeIfAbsent(answer.next(), _ -> new ArrayList<>()).add(node);
              }
            });
      }
      asked = next;
    }
    return new Taken(parties, failures);
  }
}
