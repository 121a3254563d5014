package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows and controls a running rebalance. */
@CommandLine.Command(
    name = "rebalance",
    description = "Shows, pauses, resumes, cancels or limits a running expand, shrink or relocate.",
    footer = {
      "",
      "WHAT: status, pause (sending stops), resume, cancel (slots that have moved are moved back), or",
      "limit RATE (the most that each node may send in a second; 'none' removes the limit).",
      "",
      "Examples:",
      "  adhocfs rebalance status --wait",
      "  adhocfs rebalance limit 200MiB/s",
      "",
      "Exit codes: 0 done; 1 no change is running, it is paused for lack of space, or the nodes cannot",
      "agree; 2 wrong use."
    })
public final class RebalanceCommand extends MalleabilityCommand {
  @Parameters(
      index = "0",
      paramLabel = "WHAT",
      description = "status, pause, resume, cancel or limit.")
  private String what = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "RATE",
      description = "For limit, such as 200MiB.")
  private @Nullable String rate;

  @Option(names = "--wait", description = "Return when the rebalance is over.")
  private boolean wait;

  @Option(names = "--json", description = "Print the state as JSON.")
  private boolean json;

  public RebalanceCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if ((rate != null) != what.equals("limit")) {
      throw new UsageException(
          what.equals("limit") ? "limit needs a rate, or none" : "only limit takes a rate");
    }
    try (Controller controller = open(instance())) {
      NodeChanges nodes = nodes(controller);
      switch (what) {
        case "status" -> {}
        case "pause" -> nodes.pause();
        case "resume" -> nodes.resume();
        case "cancel" -> nodes.cancel();
        case "limit" -> {
          String given = rate == null ? "none" : rate;
          nodes.limit(given.equals("none") ? 0 : Rates.parse("limit", given));
        }
        default ->
            throw new UsageException(
                "'" + what + "': give status, pause, resume, cancel or limit RATE");
      }
      Rebalance now = controller.state().rebalance();
      if (wait && now != null) {
        FinishedRebalance last = await(nodes, now.id(), !json);
        nodes.awaitEnds().forEach(sentence -> output().note("adhocfs: " + sentence));
        if (!json) {
          output().line(RebalanceReport.sentence(last));
          return ExitCode.OK;
        }
      }
      if (json) {
        output().line(Json.pretty(RebalanceReport.json(controller.state())));
      } else {
        print(controller.state());
        nodes.awaited().forEach(sentence -> output().line("  the rebalance " + sentence));
      }
      return ExitCode.OK;
    }
  }

  private void print(ControlState state) {
    Rebalance running = state.rebalance();
    FinishedRebalance last = state.last();
    if (running != null) {
      output()
          .line(
              "%s: %d of %d slots moved, %s sent%s%s"
                  .formatted(
                      RebalanceReport.name(running.kind()),
                      running.slotsMoved(),
                      running.slotsPlanned(),
                      Quantities.bytes(running.bytesSent()),
                      running.bytesPerSecond() == 0
                          ? ""
                          : ", at most " + Quantities.bytes(running.bytesPerSecond()) + "/s a node",
                      running.paused() ? "; PAUSED: " + running.reason() : ""));
    } else if (last != null) {
      output().line("no rebalance is running; last: " + RebalanceReport.sentence(last));
    } else {
      output().line("no rebalance is running, and none has run before");
    }
  }
}
