package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Moves an instance to other nodes. */
@CommandLine.Command(
    name = "relocate",
    description = "Moves a running instance to entirely different nodes; each slot moves once.",
    footer = {
      "",
      "Examples:",
      "  adhocfs relocate --hosts next-job.txt --wait",
      "  adhocfs relocate --nodes 5             to five new daemons on this machine",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed or was cancelled; 2 wrong use."
    })
public final class RelocateCommand extends ResizeCommand {
  @Option(
      names = "--hosts",
      paramLabel = "FILE",
      description = "Move to a new daemon on each host in FILE; one host on each line.")
  private @Nullable RawPath hosts;

  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "Move to K new daemons on this machine.")
  private @Nullable Integer nodes;

  public RelocateCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  Change change(NodeChanges changes) throws UsageException, FsException {
    return new Change.Relocate(hosts(nodes, hosts, NODES_MAX));
  }
}
