package io.adhocfs.cli.command;

import io.adhocfs.cli.verify.Verifier;
import io.adhocfs.cli.verify.VerifyReport;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import java.util.LinkedHashMap;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Checks an instance. */
@CommandLine.Command(
    name = "verify",
    description =
        "Compares what all nodes keep and names what does not fit. Changes nothing; the instance may be in use.",
    footer = {
      "",
      "Example:",
      "  adhocfs verify --json | jq .inconsistencies",
      "  adhocfs verify --data",
      "",
      "Exit codes: 0 everything fits; 1 something is inconsistent; 2 not everything could be looked at, or wrong use."
    })
public final class VerifyCommand extends Command {
  private static final long SILENCE_NANOS = 1_000_000_000;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Option(
      names = "--data",
      description =
          "Read all file data as well and compare it with its checksums. Takes as long as reading it.")
  private boolean data;

  public VerifyCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    InstanceDescription description = instance();
    long started = System.nanoTime();
    VerifyReport report;
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      report =
          new Verifier(
                  connection,
                  AdminConnection.knownMap(description.instance()),
                  step -> {
                    if (System.nanoTime() - started > SILENCE_NANOS) {
                      output().note("adhocfs verify: " + step);
                    }
                  })
              .verify(data);
    }
    if (json) {
      printJson(description, report);
    } else {
      print(report);
    }
    return report.exitCode();
  }

  private void print(VerifyReport report) {
    report.inconsistencies().forEach(sentence -> output().line("INCONSISTENT: " + sentence));
    report.unseen().forEach(sentence -> output().line("not looked at: " + sentence));
    report.notes().forEach(sentence -> output().line("note: " + sentence));
    output()
        .line(
            "%d inodes (%d directories), %d names, %d chunks in %.1f s: %s"
                .formatted(
                    report.inodes(),
                    report.directories(),
                    report.entries(),
                    report.chunks(),
                    report.elapsedMillis() / 1000.0,
                    switch (report.exitCode()) {
                      case VerifyReport.EXIT_CLEAN -> "everything fits";
                      case VerifyReport.EXIT_INCONSISTENT ->
                          report.inconsistencyCount() + " inconsistencies";
                      default -> "not everything could be looked at";
                    }));
  }

  private void printJson(InstanceDescription description, VerifyReport report) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("instance", description.instance().name());
    fields.put("clean", report.exitCode() == VerifyReport.EXIT_CLEAN);
    fields.put("inodes", report.inodes());
    fields.put("directories", report.directories());
    fields.put("entries", report.entries());
    fields.put("chunks", report.chunks());
    fields.put("inconsistencyCount", report.inconsistencyCount());
    fields.put("inconsistencies", report.inconsistencies());
    fields.put("notLookedAt", report.unseen());
    fields.put("notes", report.notes());
    fields.put("readAgain", report.readAgain());
    fields.put("elapsedMillis", report.elapsedMillis());
    output().line(Json.pretty(fields));
  }
}
