package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Malleability;
import io.adhocfs.malleability.verify.LostSearch;
import io.adhocfs.malleability.verify.Verifier;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
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
    try (Malleability malleability = open(description)) {
      List<NodeId> owners = malleability.lose(losing, force);
      if (!json()) {
        output()
            .line(
                "%s given up as lost; %s go on. Searching for missing data"
                    .formatted(
                        String.join(", ", losing.stream().map(NodeId::toString).toList()),
                        String.join(", ", owners.stream().map(NodeId::toString).toList())));
      }
      report = search(malleability, losing);
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

  private static LossReport search(Malleability malleability, List<NodeId> losing)
      throws FsException {
    ClusterMap map = malleability.state().map();
    try (AdminConnection connection = AdminConnection.open(malleability.description().instance())) {
      connection.useMap(map);
      List<LostSearch.LostFile> files;
      try {
        files = new LostSearch(connection, map).search();
      } catch (FsException e) {
        throw new FsException(
            e.error(),
            "the nodes go on, but the search for missing data failed, and programs that touch data which may be missing wait: give the command again ("
                + e.getMessage()
                + ")",
            e);
      }
      malleability.searched(map.lost().losses());
      return new LossReport(losing, files, new Verifier(connection, map, step -> {}).verify());
    }
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
            "an instance keeps at least one node; 'adhocfs down' takes the instance down");
      }
    }
    return new Change.Shrink(leaving);
  }
}
