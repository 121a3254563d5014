package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.malleability.verify.Mend;
import io.adhocfs.malleability.verify.Repairer;
import io.adhocfs.malleability.verify.Verifier;
import io.adhocfs.malleability.verify.VerifyReport;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
public final class VerifyCommand extends FileSystemCommand {
  private static final long SILENCE_NANOS = 1_000_000_000;

  /**
   * A repair may show errors that were hidden behind the repaired one, so there are several rounds.
   */
  private static final int ROUNDS_MAX = 8;

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

  private long repaired;

  public VerifyCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (repair && dryRun) {
      throw new UsageException("give either --repair or --dry-run");
    }
    InstanceDescription description = instance();
    long started = System.nanoTime();
    VerifyReport report;
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      for (int round = 1; ; round++) {
        var verifier =
            new Verifier(
                connection,
                AdminConnection.knownMap(description.instance()),
                step -> {
                  if (System.nanoTime() - started > SILENCE_NANOS) {
                    output().note("adhocfs verify: " + step);
                  }
                });
        report = verifier.verify(data);
        if (!repair || report.mends().isEmpty() || round > ROUNDS_MAX) {
          break;
        }
        mend(connection, verifier.map(), report);
      }
    }
    if (json) {
      output().line(Json.pretty(json(description.instance().name(), report, repaired)));
    } else {
      print(report);
    }
    return report.exitCode();
  }

  private void mend(AdminConnection connection, ClusterMap map, VerifyReport report) {
    if (!json) {
      report.inconsistencies().forEach(sentence -> output().line("repairing: " + sentence));
    }
    var repairer =
        new Repairer(
            connection,
            map,
            this::orphanDirectory,
            sentence -> output().note("adhocfs verify: " + sentence));
    List<String> done = report.mends().stream().map(Mend::sentence).toList();
    int made = repairer.mend(report.mends());
    if (!json) {
      done.forEach(sentence -> output().line("  " + sentence));
    }
    repaired += made;
  }

  private InodeId orphanDirectory() throws FsException {
    var found = new InodeId[] {InodeId.NONE};
    try {
      int _ =
          onInstance(fileSystem -> {
            found[0] =
                fileSystem
                    .createDirectories(
                        AdhocPath.of(Repairer.ORPHANS.getBytes(StandardCharsets.UTF_8)), 0700)
                    .id();
            return ExitCode.OK;
          });
    } catch (FsException e) {
      throw e;
    } catch (UsageException | IOException e) {
      throw new FsException(FsError.INTERNAL, String.valueOf(e.getMessage()), e);
    }
    return found[0];
  }

  private void print(VerifyReport report) {
    report.inconsistencies().forEach(sentence -> output().line("INCONSISTENT: " + sentence));
    if (!repair) {
      report.mends().forEach(mend -> output().line("--repair would " + mend.sentence()));
    }
    report.unseen().forEach(sentence -> output().line("not checked: " + sentence));
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
                      default -> "not everything could be checked";
                    }));
  }

  static Map<String, Object> json(String instance, VerifyReport report, long repaired) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("instance", instance);
    fields.put("clean", report.exitCode() == VerifyReport.EXIT_CLEAN);
    fields.put("inodes", report.inodes());
    fields.put("directories", report.directories());
    fields.put("entries", report.entries());
    fields.put("chunks", report.chunks());
    fields.put("inconsistency_count", report.inconsistencyCount());
    fields.put("inconsistencies", report.inconsistencies());
    fields.put("mends", report.mends().stream().map(Mend::sentence).toList());
    fields.put("repaired", repaired);
    fields.put("not_checked", report.unseen());
    fields.put("notes", report.notes());
    fields.put("read_again", report.readAgain());
    fields.put("elapsed_seconds", report.elapsedMillis() / 1e3);
    return fields;
  }
}
