package io.adhocfs.cli.command;

import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Malleability;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Takes nodes away. */
@CommandLine.Command(
    name = "shrink",
    description =
        "Takes nodes away from an instance that is in use, once others have what they hold.",
    footer = {
      "",
      "Examples:",
      "  adhocfs shrink --nodes 2 --wait        two nodes fewer",
      "  adhocfs shrink --remove n3 n5          these two",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed, does not fit or was taken back;",
      "2 wrong use."
    })
public final class ShrinkCommand extends ResizeCommand {
  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "So many nodes fewer: those with the highest ids.")
  private @Nullable Integer nodes;

  @Option(names = "--remove", description = "Take away the nodes that are named.")
  private boolean remove;

  @Parameters(
      paramLabel = "NODE",
      arity = "0..*",
      description = "Nodes for --remove, such as n2 or 2.")
  private List<String> named = new ArrayList<>();

  public ShrinkCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  Change change(Malleability malleability) throws UsageException {
    if ((nodes == null) == !remove || remove == named.isEmpty()) {
      throw new UsageException("give either --nodes K or --remove NODE...");
    }
    List<NodeId> present = malleability.nodes().stream().map(ClusterMap.Node::id).toList();
    List<NodeId> leaving = new ArrayList<>();
    if (nodes != null) {
      if (nodes < 1 || nodes >= present.size()) {
        throw new UsageException(
            "--nodes "
                + nodes
                + ": the instance has "
                + present.size()
                + " nodes, and keeps at least one");
      }
      leaving.addAll(present.subList(present.size() - nodes, present.size()));
    } else {
      for (String word : named) {
        NodeId node = NodeNames.node(malleability.description(), present, word);
        if (!leaving.contains(node)) {
          leaving.add(node);
        }
      }
      if (leaving.size() >= present.size()) {
        throw new UsageException(
            "an instance keeps at least one node; 'adhocfs down' takes it down");
      }
    }
    return new Change.Shrink(leaving);
  }
}
