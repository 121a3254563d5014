package io.adhocfs.cli.command;

import io.adhocfs.cli.process.BoundedLog;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.cli.process.Nodes;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows logs. */
@CommandLine.Command(
    name = "logs",
    description = "Shows where the logs of daemons and mounts are, or the end of a node's log.",
    footer = {
      "",
      "A log takes at most log.bytes; its earlier lines are in a file beside it whose name ends in .1.",
      "",
      "Example:",
      "  adhocfs logs n2",
      "",
      "Exit codes: 0 shown; 2 wrong use, no such instance or node."
    })
public final class LogsCommand extends Command {
  @Parameters(paramLabel = "NODE", arity = "0..1", description = "Show the end of this node's log.")
  private @Nullable String node;

  @Option(
      names = {"-n", "--lines"},
      paramLabel = "COUNT",
      description = "How many lines. Default: 50.")
  private int lines = 50;

  public LogsCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    InstanceDescription description = instance();
    var nodes = new Nodes(description, directory(), output()::note);
    if (node != null) {
      Place place = NodeNames.place(description, node);
      if (isElsewhere(nodes, place)) {
        output().line("on host " + place.host() + ": " + nodes.log(place));
        return ExitCode.OK;
      }
      BoundedLog.tail(nodes.log(place), Math.max(0, lines)).forEach(output()::line);
      return ExitCode.OK;
    }
    for (Place place : description.places()) {
      output()
          .line(
              "node %-4s %s%s"
                  .formatted(
                      place.id(),
                      isElsewhere(nodes, place) ? place.host() + ":" : "",
                      nodes.log(place)));
    }
    for (MountRecord mount : directory().mounts(description.instance().name())) {
      output()
          .line(
              "mount %s %s%s"
                  .formatted(
                      mount.directory(),
                      mount.host().equals(Mounts.hostName()) ? "" : mount.host() + ":",
                      mount.logFile()));
    }
    return ExitCode.OK;
  }

  private static boolean isElsewhere(Nodes nodes, Place place) {
    return !place.isLocal() && !nodes.isAttached(place);
  }
}
