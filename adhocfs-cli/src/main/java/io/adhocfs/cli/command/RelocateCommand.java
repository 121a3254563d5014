package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Moves to other nodes. */
@CommandLine.Command(
    name = "relocate",
    description = "Moves an instance that is in use to wholly other nodes, each slot once.",
    footer = {
      "",
      "Examples:",
      "  adhocfs relocate --hosts next-job.txt --wait",
      "  adhocfs relocate --nodes 5             to five new daemons on this machine",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed or was taken back; 2 wrong use."
    })
public final class RelocateCommand extends ResizeCommand {
  @Option(
      names = "--hosts",
      paramLabel = "FILE",
      description = "To a new daemon on each host in FILE: one on each line.")
  private @Nullable RawPath hosts;

  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "To so many new daemons on this machine.")
  private @Nullable Integer nodes;

  public RelocateCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  Wanted wanted(Rebalancing rebalancing) throws UsageException, FsException {
    if ((nodes == null) == (hosts == null)) {
      throw new UsageException("give either --hosts or --nodes");
    }
    if (nodes != null && (nodes < 1 || nodes > NODES_MAX)) {
      throw new UsageException("--nodes " + nodes + ": give 1 to " + NODES_MAX);
    }
    List<String> added =
        hosts != null ? hosts(hosts) : Collections.nCopies(nodes == null ? 0 : nodes, "");
    return new Wanted(
        Rebalance.Kind.RELOCATE,
        newPlaces(rebalancing, added),
        rebalancing.nodes().stream().map(ClusterMap.Node::id).toList());
  }
}
