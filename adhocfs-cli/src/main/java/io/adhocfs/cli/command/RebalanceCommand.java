package io.adhocfs.cli.command;

import io.adhocfs.malleability.Malleability;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks after what expand, shrink and relocate have begun. */
@CommandLine.Command(
    name = "rebalance",
    description = "Shows and steers what expand, shrink or relocate has begun.",
    footer = {
      "",
      "What: status, pause (no further batch begins), resume, cancel (what has moved goes back),"
          + " or",
      "limit RATE (how much each node may send in a second; none for no limit).",
      "",
      "Examples:",
      "  adhocfs rebalance status --wait",
      "  adhocfs rebalance limit 200MiB/s",
      "",
      "Exit codes: 0 done; 1 nothing is under way that could be steered, it is paused for want of",
      "room, or the nodes cannot agree; 2 wrong use."
    })
public final class RebalanceCommand extends MalleabilityCommand {
  @Parameters(
      index = "0",
      paramLabel = "WHAT",
      description = "status, pause, resume, cancel or limit.")
  private String what = "";

  @Parameters(index = "1", arity = "0..1", paramLabel = "RATE", description = "For limit.")
  private @Nullable String rate;

  @Option(names = "--wait", description = "Return when nothing is being moved any more.")
  private boolean wait;

  @Option(names = "--json", description = "Print how it stands as JSON.")
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
    try (Malleability malleability = open()) {
      switch (what) {
        case "status" -> {}
        case "pause" -> malleability.pause();
        case "resume" -> malleability.resume();
        case "cancel" -> malleability.cancel();
        case "limit" -> {
          String given = rate == null ? "none" : rate;
          malleability.limit(given.equals("none") ? 0 : Rates.parse("limit", given));
        }
        default ->
            throw new UsageException(
                "'" + what + "': give status, pause, resume, cancel or limit RATE");
      }
      Rebalance now = malleability.state().rebalance();
      if (wait && now != null) {
        FinishedRebalance last = await(malleability, now.id(), !json);
        malleability.awaitEnds().forEach(sentence -> output().note("adhocfs: " + sentence));
        if (!json) {
          output().line(RebalanceReport.sentence(last));
          return ExitCode.OK;
        }
      }
      if (json) {
        output().line(Json.pretty(RebalanceReport.json(malleability.state())));
      } else {
        print(malleability.state());
        malleability.awaited().forEach(sentence -> output().line("  it " + sentence));
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
      output().line("nothing is being moved; last: " + RebalanceReport.sentence(last));
    } else {
      output().line("nothing is being moved, and nothing ever was");
    }
  }
}
