package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.verify.Mend;
import io.adhocfs.malleability.verify.Verification;
import io.adhocfs.malleability.verify.Verification.Repaired;
import io.adhocfs.malleability.verify.VerifyReport;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Checks an instance. */
@CommandLine.Command(
    name = "verify",
    description =
        "Compares what all nodes store, and reports each inconsistency with its remedy. Changes nothing without --repair; programs may use the instance meanwhile.",
    footer = {
      "",
      "Example:",
      "  adhocfs verify --json | jq .inconsistencies",
      "  adhocfs verify --repair                mend what has lost its other half",
      "  adhocfs verify --data",
      "",
      "Exit codes: 0 everything fits; 1 something is inconsistent; 2 not everything could be checked,",
      "or wrong use."
    })
public final class VerifyCommand extends Command {
  private static final long SILENCE_NANOS = 1_000_000_000;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Option(
      names = "--repair",
      description =
          "Apply the remedies: remove names and chunks that belong to nothing, name inodes without a name in /lost+found, count anew.")
  private boolean repair;

  @Option(names = "--dry-run", description = "Only say what --repair would do (the default).")
  private boolean dryRun;

  @Option(
      names = "--data",
      description =
          "Also read all file data and compare it with its checksums; takes as long as reading the data.")
  private boolean data;

  public VerifyCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (repair && dryRun) {
      throw new UsageException("give either --repair or --dry-run");
    }
    InstanceDescription description = instance();
    Repaired done;
    try (Controller controller = Controller.open(description.instance())) {
      var listener = new Reporter(description);
      Verification verification = controller.verification();
      done =
          repair
              ? verification.repair(data, listener)
              : new Repaired(verification.verify(data, listener::step), 0);
    }
    VerifyReport report = done.report();
    if (json) {
      output().line(Json.pretty(json(description.instance().name(), report, done.mends())));
    } else {
      print(report);
    }
    return switch (report.verdict()) {
      case CLEAN -> ExitCode.OK;
      case INCONSISTENT -> ExitCode.FAILED;
      case INCOMPLETE -> ExitCode.USAGE;
    };
  }

  /** Says what a verification does, once it has taken a while, and what a repair does. */
  private final class Reporter implements Verification.Listener {
    private final InstanceDescription description;
    private final long startNanos = System.nanoTime();

    Reporter(InstanceDescription description) {
      this.description = description;
    }

    @Override
    public void step(String step) {
      if (System.nanoTime() - startNanos > SILENCE_NANOS) {
        note(step);
      }
    }

    @Override
    public void repairing(VerifyReport found) {
      watch(description);
      if (!json) {
        found.inconsistencies().forEach(sentence -> output().line("repairing: " + sentence));
        found.mends().forEach(mend -> output().line("  " + mend.sentence()));
      }
    }

    @Override
    public void failed(String sentence) {
      note(sentence);
    }

    private void note(String sentence) {
      output().note("adhocfs verify: " + sentence);
    }
  }

  private void print(VerifyReport report) {
    report.inconsistencies().forEach(sentence -> output().line("INCONSISTENT: " + sentence));
    if (!repair) {
      report.mends().forEach(mend -> output().line("--repair would " + mend.sentence()));
    }
    report.unseen().forEach(sentence -> output().line("not checked: " + sentence));
    notes(report).forEach(sentence -> output().line("note: " + sentence));
    output()
        .line(
            "%d inodes (%d directories), %d names, %d chunks in %.1f s: %s"
                .formatted(
                    report.inodes(),
                    report.directories(),
                    report.entries(),
                    report.chunks(),
                    report.elapsedMillis() / 1000.0,
                    switch (report.verdict()) {
                      case CLEAN -> "everything fits";
                      case INCONSISTENT -> report.inconsistencyCount() + " inconsistencies";
                      case INCOMPLETE -> "not everything could be checked";
                    }));
  }

  private static List<String> notes(VerifyReport report) {
    List<String> notes = new ArrayList<>();
    for (NodeId node : report.idle()) {
      notes.add(
          "node %s stores nothing and does not answer: idle, not needed; 'adhocfs shrink --remove %s' removes it"
              .formatted(node, node));
    }
    notes.addAll(report.notes());
    return notes;
  }

  static Map<String, Object> json(String instance, VerifyReport report, long repaired) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("instance", instance);
    fields.put("clean", report.verdict() == VerifyReport.Verdict.CLEAN);
    fields.put("inodes", report.inodes());
    fields.put("directories", report.directories());
    fields.put("entries", report.entries());
    fields.put("chunks", report.chunks());
    fields.put("inconsistency_count", report.inconsistencyCount());
    fields.put("inconsistencies", report.inconsistencies());
    fields.put("mends", report.mends().stream().map(Mend::sentence).toList());
    fields.put("repaired", repaired);
    fields.put("not_checked", report.unseen());
    fields.put("notes", notes(report));
    fields.put("read_again", report.readAgain());
    fields.put("elapsed_seconds", report.elapsedMillis() / 1e3);
    return fields;
  }
}
