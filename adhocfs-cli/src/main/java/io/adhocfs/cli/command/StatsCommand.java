package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.JobFigures;
import io.adhocfs.malleability.JobStatistics;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.statistics.RuleWaits;
import io.adhocfs.protocol.throttle.Party;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Shows what jobs have done. */
@CommandLine.Command(
    name = "stats",
    description =
        "Shows what jobs have done: operations by kind, bytes, and how long limits held them back.",
    footer = {
      "",
      "Without --job: one line for each job. Figures count from the start of each daemon.",
      "",
      "Examples:",
      "  adhocfs stats",
      "  adhocfs stats --job 42",
      "  adhocfs stats --job 42 --step 1 --json",
      "",
      "Exit codes: 0 done; 1 there are no such figures, or it failed; 2 wrong use."
    })
public final class StatsCommand extends Command {
  private static final int KNOWN_SHOWN_MAX = 50;

  @Option(
      names = "--job",
      paramLabel = "ID",
      description = "Show one job; '' shows traffic that belongs to no job.")
  private @Nullable String job;

  @Option(names = "--step", paramLabel = "STEP", description = "Show one step of the job.")
  private @Nullable String step;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** The datasets that rules may name. */
  private List<Dataset> datasets = List.of();

  public StatsCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (step != null && (job == null || job.isEmpty() || step.isEmpty())) {
      throw new UsageException("--step needs --job with the id of the step's job");
    }
    JobFigures.Taken taken;
    try (Controller controller = Controller.open(instance().instance())) {
      taken = controller.figures().take();
      datasets = controller.datasets().list();
    }
    for (NodeId node : taken.failures().keySet()) {
      output().note("the figures of node " + node + " are missing: it does not answer");
    }
    if (job == null) {
      list(taken);
      return ExitCode.OK;
    }
    JobStatistics found = step == null ? taken.job(job) : taken.step(job, step);
    if (found == null) {
      throw unknown(taken, job);
    }
    if (json) {
      output().line(Json.pretty(json(found, datasets)));
    } else {
      print(found);
    }
    return ExitCode.OK;
  }

  private FsException unknown(JobFigures.Taken taken, String wanted) {
    JobStatistics whole = taken.job(wanted);
    if (whole != null) {
      return new FsException(
          FsError.NOT_FOUND,
          "there are no figures of step "
              + step
              + " of job "
              + wanted
              + "; "
              + (whole.steps().isEmpty()
                  ? "the job has no steps here"
                  : "there are: " + some(whole.steps())));
    }
    List<String> jobs = taken.jobs().stream().filter(each -> !each.isEmpty()).toList();
    return new FsException(
        FsError.NOT_FOUND,
        "there are no figures of job "
            + wanted
            + "; "
            + (jobs.isEmpty() ? "no job has done anything yet" : "there are: " + some(jobs)));
  }

  private static String some(Collection<String> names) {
    String shown = names.stream().limit(KNOWN_SHOWN_MAX).collect(Collectors.joining(", "));
    return names.size() <= KNOWN_SHOWN_MAX
        ? shown
        : shown + " and " + (names.size() - KNOWN_SHOWN_MAX) + " more";
  }

  private void list(JobFigures.Taken taken) {
    List<JobStatistics> jobs = new ArrayList<>();
    for (String id : taken.jobs()) {
      JobStatistics found = taken.job(id);
      if (found != null) {
        jobs.add(found);
      }
    }
    if (json) {
      output().line(Json.pretty(json(jobs, datasets)));
      return;
    }
    if (jobs.isEmpty()) {
      output().line("nothing has been done since the daemons started");
      return;
    }
    int width = 3;
    for (JobStatistics each : jobs) {
      width = Math.max(width, name(each.job()).length());
    }
    String row = "%-" + width + "s %6s %9s %10s %9s %10s %9s %10s %10s";
    output()
        .line(
            row.formatted(
                "JOB",
                "STEPS",
                "RUNTIME",
                "METADATA",
                "READS",
                "READ",
                "WRITES",
                "WRITTEN",
                "THROTTLED"));
    for (JobStatistics each : jobs) {
      KindFigures reads = each.of(OperationKind.READ);
      KindFigures writes = each.of(OperationKind.WRITE);
      output()
          .line(
              row.formatted(
                  name(each.job()),
                  each.steps().size(),
                  Quantities.millis(each.runtime().toMillis()),
                  each.metadata().stream().mapToLong(KindFigures::operations).sum(),
                  reads.operations(),
                  Quantities.bytes(reads.bytes()),
                  writes.operations(),
                  Quantities.bytes(writes.bytes()),
                  seconds(each.throttled()) + " s"));
    }
  }

  private static String name(String job) {
    return job.isEmpty() ? "(none)" : job;
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.1f", duration.toNanos() / 1e9);
  }

  static Map<String, Object> json(List<JobStatistics> jobs, List<Dataset> datasets) {
    return Map.of("jobs", jobs.stream().map(each -> json(each, datasets)).toList());
  }

  /** The keys of listing 3.1 of ADMIRE D4.1, where counts are texts; added counts are numbers. */
  static Map<String, Object> json(JobStatistics statistics, List<Dataset> datasets) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("job_id", statistics.job());
    fields.put("job_step", statistics.step());
    fields.put("runtime", statistics.runtime().toSeconds() + "s");
    var operations = new LinkedHashMap<String, Object>();
    operations.put("metadata", kinds(statistics.metadata(), false));
    operations.put("data", kinds(statistics.data(), true));
    fields.put("number_of_operations", operations);
    fields.put("runtime_seconds", statistics.runtime().toNanos() / 1e9);
    fields.put("job_steps", List.copyOf(statistics.steps()));
    fields.put(
        "users",
        statistics.users().stream()
            .filter(user -> user != Party.UNKNOWN_USER)
            .map(Integer::toUnsignedLong)
            .toList());
    var throttled = new LinkedHashMap<String, Object>();
    throttled.put("waited_seconds", statistics.throttled().toNanos() / 1e9);
    List<Object> rules = new ArrayList<>();
    for (RuleWaits waits : statistics.waits()) {
      var rule = new LinkedHashMap<String, Object>();
      rule.put("class", waits.rule().resource());
      rule.put("scope", ThrottleWords.text(waits.rule().scope(), datasets));
      rule.put("requests", waits.requests());
      rule.put("waited_seconds", waits.nanos() / 1e9);
      rules.add(rule);
    }
    throttled.put("rules", rules);
    fields.put("throttled", throttled);
    return Map.of("job_statistics", fields);
  }

  private static List<Object> kinds(List<KindFigures> kinds, boolean moveData) {
    List<Object> list = new ArrayList<>();
    for (KindFigures figures : kinds) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("type", figures.kind());
      fields.put("ops", Long.toString(figures.operations()));
      fields.put("failed", figures.failed());
      if (moveData) {
        fields.put("bytes", figures.bytes());
        fields.put("small", figures.small());
        fields.put("unaligned", figures.unaligned());
      }
      list.add(fields);
    }
    return list;
  }

  private void print(JobStatistics statistics) {
    StringBuilder head = new StringBuilder("job ").append(name(statistics.job()));
    if (!statistics.step().isEmpty()) {
      head.append(", step ").append(statistics.step());
    } else if (!statistics.steps().isEmpty()) {
      head.append(", steps ").append(some(statistics.steps()));
    }
    String users =
        statistics.users().stream()
            .filter(user -> user != Party.UNKNOWN_USER)
            .map(Integer::toUnsignedString)
            .collect(Collectors.joining(", "));
    head.append(users.isEmpty() ? "" : ", of user " + users);
    head.append(": ").append(seconds(statistics.runtime())).append(" s from first to last request");
    output().line(head.toString());
    for (KindFigures figures : statistics.metadata()) {
      if (figures.operations() > 0) {
        output()
            .line(
                "  %-11s %12d%s".formatted(figures.kind(), figures.operations(), failed(figures)));
      }
    }
    for (KindFigures figures : statistics.data()) {
      if (figures.operations() > 0 || figures.bytes() > 0) {
        output()
            .line(
                "  %-11s %12d%s, %s (%d bytes); %s small, %s unaligned"
                    .formatted(
                        figures.kind(),
                        figures.operations(),
                        failed(figures),
                        Quantities.bytes(figures.bytes()),
                        figures.bytes(),
                        share(figures.small(), figures.operations()),
                        share(figures.unaligned(), figures.operations())));
      }
    }
    for (RuleWaits waits : statistics.waits()) {
      output()
          .line(
              String.format(
                  Locale.ROOT,
                  "  held back   %10.1f s by %s, %d requests",
                  waits.nanos() / 1e9,
                  waits.rule().resource()
                      + " of "
                      + ThrottleWords.text(waits.rule().scope(), datasets),
                  waits.requests()));
    }
  }

  private static String failed(KindFigures figures) {
    return figures.failed() == 0 ? "" : ", " + figures.failed() + " of them failed";
  }

  private static String share(long part, long all) {
    return all == 0 ? "0 %" : String.format(Locale.ROOT, "%.0f %%", 100.0 * part / all);
  }
}
