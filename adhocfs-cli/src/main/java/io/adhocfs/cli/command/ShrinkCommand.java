package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.malleability.verify.LostSearch.LostFile;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Removes nodes. */
@CommandLine.Command(
    name = "shrink",
    description = "Removes nodes from a running instance, after they have handed over their data.",
    footer = {
      "",
      "Examples:",
      "  adhocfs shrink --nodes 2 --wait        remove two nodes",
      "  adhocfs shrink --remove n3 n5          remove these two",
      "  adhocfs shrink --remove n3 --lost      go on without n3, whose disk is lost",
      "",
      "Exit codes: 0 done (or begun, without --wait); 1 it failed, does not fit or was cancelled;",
      "2 wrong use; 3 with --lost: done, and data was lost; the output lists it."
    })
public final class ShrinkCommand extends ResizeCommand {
  @Option(
      names = "--nodes",
      paramLabel = "K",
      description = "Remove the K nodes with the highest ids.")
  private @Nullable Integer nodes;

  @Option(names = "--remove", description = "Remove the named nodes.")
  private boolean remove;

  @Option(
      names = "--lost",
      description =
          "The nodes' disks are lost: go on without these nodes, list the missing data, and write the list to a file.")
  private boolean lost;

  @Option(
      names = "--force",
      description = "With --lost, if most voters are lost: let the remaining nodes decide alone.")
  private boolean force;

  @Parameters(
      paramLabel = "NODE",
      arity = "0..*",
      description = "Nodes for --remove, such as n2 or 2.")
  private List<String> named = new ArrayList<>();

  public ShrinkCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (!lost) {
      if (force) {
        throw new UsageException("--force needs --lost");
      }
      return super.run();
    }
    if (!remove || named.isEmpty() || nodes != null) {
      throw new UsageException("--lost needs --remove NODE...");
    }
    List<NodeId> losing = new ArrayList<>();
    for (String word : named) {
      losing.add(NodeNames.id(word));
    }
    InstanceDescription description = instance();
    LossReport report;
    try (Controller controller = open(description)) {
      NodeChanges changes = nodes(controller);
      List<NodeId> owners = changes.lose(losing, force);
      if (!json()) {
        output()
            .line(
                "%s given up as lost; %s go on. Searching for missing data"
                    .formatted(
                        String.join(", ", losing.stream().map(NodeId::toString).toList()),
                        String.join(", ", owners.stream().map(NodeId::toString).toList())));
      }
      List<LostFile> files = changes.searchLost();
      report = new LossReport(losing, files, controller.verification().verify(false, step -> {}));
    }
    Path written =
        directory()
            .path(description.instance().name())
            .resolve(
                "lost-%s.json"
                    .formatted(String.join("-", losing.stream().map(NodeId::toString).toList())));
    Files.writeString(written, Json.pretty(report.json()) + System.lineSeparator());
    if (json()) {
      output().line(Json.pretty(report.json()));
    } else {
      report.lines().forEach(output()::line);
      output()
          .line(
              report.anyLost()
                  ? "%d files have lost data, and %d names or inodes have lost their other half: see %s. Reading lost bytes fails with an I/O error; 'adhocfs verify --repair' mends the rest"
                      .formatted(
                          report.files().size(), report.halves().inconsistencyCount(), written)
                  : "nothing was lost");
    }
    return report.anyLost() ? ExitCode.DATA_LOST : ExitCode.OK;
  }

  @Override
  Change change(NodeChanges changes) throws UsageException {
    if ((nodes == null) == !remove || remove == named.isEmpty()) {
      throw new UsageException("give either --nodes K or --remove NODE...");
    }
    List<NodeId> present = changes.present().stream().map(ClusterMap.Node::id).toList();
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
        NodeId node = NodeNames.node(changes.description(), present, word);
        if (!leaving.contains(node)) {
          leaving.add(node);
        }
      }
      if (leaving.size() >= present.size()) {
        throw new UsageException(
            "an instance keeps at least one node; 'adhocfs down' takes the instance down");
      }
    }
    return new Change.Shrink(leaving);
  }
}
