package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.FsException;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Adds nodes. */
@CommandLine.Command(
    name = "expand",
    description = "Adds nodes to an instance that is in use, and gives them their share of it.",
    footer = {
      "",
      "Examples:",
      "  adhocfs expand --nodes 3 --wait        three more daemons on this machine",
      "  adhocfs expand --hosts more.txt        one more on each of these hosts",
      "  adhocfs expand --nodes 3 --plan        what that would move",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed or was taken back; 2 wrong use."
    })
public final class ExpandCommand extends ResizeCommand {
  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "So many more daemons on this machine.")
  private @Nullable Integer nodes;

  @Option(
      names = "--hosts",
      paramLabel = "FILE",
      description = "One more daemon on each host in FILE: one on each line.")
  private @Nullable RawPath hosts;

  public ExpandCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  Wanted wanted(Rebalancing rebalancing) throws UsageException, FsException {
    if ((nodes == null) == (hosts == null)) {
      throw new UsageException("give either --nodes or --hosts");
    }
    if (nodes != null && (nodes < 1 || nodes + rebalancing.nodes().size() > NODES_MAX)) {
      throw new UsageException(
          "--nodes " + nodes + ": give 1 or more, up to " + NODES_MAX + " in all");
    }
    List<String> added =
        hosts != null ? hosts(hosts) : Collections.nCopies(nodes == null ? 0 : nodes, "");
    return new Wanted(Rebalance.Kind.EXPAND, newPlaces(rebalancing, added), List.of());
  }
}
