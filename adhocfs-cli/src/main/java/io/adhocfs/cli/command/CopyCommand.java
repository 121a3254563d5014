package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.arguments.ShownName;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.transfer.Transfer;
import io.adhocfs.client.transfer.TransferError;
import io.adhocfs.client.transfer.TransferListener;
import io.adhocfs.client.transfer.TransferOptions;
import io.adhocfs.client.transfer.TransferPath;
import io.adhocfs.client.transfer.TransferProgress;
import io.adhocfs.client.transfer.TransferReport;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies in, out and within. */
@CommandLine.Command(
    name = "copy",
    description =
        "Copies files and trees into, out of and within an instance: in parallel, with modes, times, links and holes; sizes are verified.",
    footer = {
      "",
      "Paths inside the instance are written adhoc:/dir. As with 'cp -r', the copy goes into DST if DST",
      "is a directory, and becomes DST otherwise.",
      "",
      "Example:",
      "  adhocfs copy $HOME/input adhoc:/ && adhocfs copy adhoc:/results /scratch/me/",
      "",
      "Each file gets its name once it is complete. After an interruption, the next copy removes files",
      "under temporary names; -u copies only what is not complete yet.",
      "",
      "Exit codes: 0 everything was copied; 1 a file was not copied, and named; 2 wrong use, no such",
      "instance; 130 Ctrl-C."
    })
public final class CopyCommand extends FileSystemCommand {
  /** How long a signal waits for running requests. */
  private static final long STOP_SECONDS_MAX = 10;

  @Parameters(
      paramLabel = "SRC... DST",
      arity = "2..*",
      description = "The files or trees to copy, and the target.")
  private List<RawPath> paths = new ArrayList<>();

  @Option(
      names = "--checksum",
      description = "Read every copy back and compare checksums, not only sizes.")
  private boolean checksum;

  @Option(
      names = {"-u", "--update"},
      description = "Leave target files that have the same size and time.")
  private boolean update;

  @Option(
      names = {"-n", "--no-clobber"},
      description = "Leave all target files that exist.")
  private boolean keep;

  @Option(names = "--owner", description = "Keep owners and groups; needs root.")
  private boolean owner;

  @Option(names = "--fail-fast", description = "End at the first error.")
  private boolean failFast;

  @Option(
      names = {"-q", "--quiet"},
      description = "No progress, no summary.")
  private boolean quiet;

  @Option(names = "--json", description = "Print the summary as JSON.")
  private boolean json;

  private volatile boolean signalled;

  public CopyCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (update && keep) {
      throw new UsageException("--update and --no-clobber exclude each other");
    }
    List<TransferPath> parsed = new ArrayList<>();
    for (RawPath path : paths) {
      parsed.add(TransferPath.parse(path.bytes()));
    }
    List<TransferPath> sources = parsed.subList(0, parsed.size() - 1);
    var over = new CountDownLatch(1);
    try {
      return onInstance(
          ClientOptions.DEFAULT.withTrafficClass(TrafficClass.STAGING),
          fileSystem -> copy(fileSystem, sources, parsed.getLast(), over));
    } finally {
      output().flush();
      over.countDown();
    }
  }

  private int copy(
      AdhocFileSystem fileSystem,
      List<TransferPath> sources,
      TransferPath destination,
      CountDownLatch over)
      throws FsException, UsageException {
    try (var transfer = new Transfer(fileSystem, options());
        var _ = new OnSignal("stop-copy", () -> stop(transfer, over))) {
      var listener = new Listener();
      TransferReport report = transfer.copy(sources, destination, listener);
      listener.progress.clear();
      if (signalled) {
        output().note(goingOn(report, listener.filesFound));
      }
      return summarize(report);
    }
  }

  /** Ends the copy, and waits until it has cleaned up and printed how far it got. */
  private void stop(Transfer transfer, CountDownLatch over) {
    signalled = true;
    transfer.close();
    try {
      if (!over.await(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        output()
            .note(
                "adhocfs copy: interrupted while nodes did not answer; incomplete files have names that begin with .adhocfs-copy-, and the next copy into their directory removes them");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How far an interrupted copy got, and the command that copies the rest. */
  private String goingOn(TransferReport report, long found) throws UsageException {
    long complete =
        report.files() + report.hardLinks() + report.symlinks() + report.nodes() + report.skipped();
    var command = new StringJoiner(" ").add("adhocfs copy");
    String name = givenName();
    if (name != null) {
      command.add("--name").add(name);
    }
    if (checksum) {
      command.add("--checksum");
    }
    if (owner) {
      command.add("--owner");
    }
    // A file that has its name is complete, so both options leave it alone.
    command.add(keep ? "-n" : "-u");
    for (int i = 0; i < paths.size(); i++) {
      String path = ShownName.quoted(paths.get(i).bytes());
      boolean source = i < paths.size() - 1;
      command.add(source && report.becameDestination() ? path + "/." : path);
    }
    return "adhocfs copy: interrupted: %d files are complete, %d more were found; to copy the rest: %s"
        .formatted(complete, Math.max(0, found - complete), command);
  }

  private TransferOptions options() {
    TransferOptions options = TransferOptions.DEFAULT.withKeepOwner(owner).withFailFast(failFast);
    if (checksum) {
      options = options.withVerification(TransferOptions.Verification.CHECKSUM);
    }
    if (update) {
      options = options.withExisting(TransferOptions.Existing.OVERWRITE_IF_DIFFERENT);
    }
    if (keep) {
      options = options.withExisting(TransferOptions.Existing.KEEP);
    }
    return options;
  }

  private int summarize(TransferReport report) {
    if (json) {
      output().line(Json.pretty(json(report)));
    } else if (!quiet) {
      double seconds = Math.max(report.elapsedNanos() / 1e9, 1e-3);
      output()
          .line(
              "%s %d files, %d directories, %d links, %s in %.1f s (%s/s)%s%s"
                  .formatted(
                      report.complete() ? "copied" : "NOT COMPLETE: copied",
                      report.files(),
                      report.directories(),
                      report.symlinks() + report.hardLinks(),
                      Quantities.bytes(report.bytes()),
                      seconds,
                      Quantities.bytes((long) (report.bytes() / seconds)),
                      report.skipped() == 0 ? "" : ", " + report.skipped() + " left as they were",
                      report.errorCount() == 0 ? "" : ", " + report.errorCount() + " errors"));
    }
    return report.complete() ? ExitCode.OK : ExitCode.FAILED;
  }

  static Map<String, Object> json(TransferReport report) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("complete", report.complete());
    fields.put("files", report.files());
    fields.put("directories", report.directories());
    fields.put("symlinks", report.symlinks());
    fields.put("hard_links", report.hardLinks());
    fields.put("special_files", report.nodes());
    fields.put("copied_bytes", report.bytes());
    fields.put("skipped", report.skipped());
    fields.put("error_count", report.errorCount());
    fields.put(
        "errors",
        report.errors().stream().map(error -> error.path() + ": " + error.message()).toList());
    fields.put("interrupted", report.interrupted());
    fields.put("elapsed_seconds", report.elapsedNanos() / 1e9);
    return fields;
  }

  /** Shows progress and errors. */
  private final class Listener implements TransferListener {
    private static final int BAR_WIDTH = 24;

    private final ProgressLine progress = new ProgressLine(output(), "adhocfs copy: ");
    private long filesFound;

    @Override
    public void progress(TransferProgress now) {
      filesFound = now.filesFound();
      if (!quiet && !json) {
        progress.show(() -> line(now));
      }
    }

    @Override
    public void failed(TransferError error) {
      progress.clear();
      String message = error.message();
      output()
          .note(
              "adhocfs copy: "
                  + (message.contains(error.path()) ? message : error.path() + ": " + message));
    }

    private static String line(TransferProgress progress) {
      // Files count as well as bytes: many small files are not done when their bytes are.
      double share =
          !progress.everythingFound()
              ? 0
              : (progress.bytesDone() + 4096.0 * progress.filesDone() + 1)
                  / (progress.bytesFound() + 4096.0 * progress.filesFound() + 1);
      int filled = (int) Math.min(BAR_WIDTH, share * BAR_WIDTH);
      return String.format(
          Locale.ROOT,
          "[%s%s] %s %d/%d files, %s/s%s",
          "#".repeat(filled),
          ".".repeat(BAR_WIDTH - filled),
          progress.everythingFound() ? "%3.0f%%".formatted(Math.min(1, share) * 100) : "  ? ",
          progress.filesDone(),
          progress.filesFound(),
          Quantities.bytes(progress.bytesPerSecond()),
          progress.errors() == 0 ? "" : ", " + progress.errors() + " errors");
    }
  }
}
