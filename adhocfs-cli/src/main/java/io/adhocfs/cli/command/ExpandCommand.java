package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Adds nodes. */
@CommandLine.Command(
    name = "expand",
    description = "Adds nodes to a running instance, and moves a share of the slots to them.",
    footer = {
      "",
      "Examples:",
      "  adhocfs expand --nodes 3 --wait        three more daemons on this machine",
      "  adhocfs expand --hosts more.txt        one more daemon on each of these hosts",
      "  adhocfs expand --nodes 3 --plan        show what this would move",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed or was cancelled; 2 wrong use."
    })
public final class ExpandCommand extends ResizeCommand {
  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "Start K more daemons on this machine.")
  private @Nullable Integer nodes;

  @Option(
      names = "--hosts",
      paramLabel = "FILE",
      description = "Start one more daemon on each host in FILE; one host on each line.")
  private @Nullable RawPath hosts;

  public ExpandCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  Change change(NodeChanges changes) throws UsageException, FsException {
    return new Change.Expand(hosts(nodes, hosts, NODES_MAX - changes.present().size()));
  }
}
