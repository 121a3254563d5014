package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Malleability;
import io.adhocfs.protocol.model.FsException;
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
  Change change(Malleability malleability) throws UsageException, FsException {
    return new Change.Relocate(hosts(nodes, hosts, NODES_MAX));
  }
}
