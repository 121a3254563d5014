package io.adhocfs.cli.command;

import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.Nodes;
import io.adhocfs.cli.process.RunningDaemon;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Starts daemons again. */
@CommandLine.Command(
    name = "start",
    description = "Starts the daemons of an instance that are down, on their data.",
    footer = {
      "",
      "Example:",
      "  adhocfs start n2",
      "",
      "Exit codes: 0 all of these nodes run; 1 one could not be started; 2 wrong use, no such instance or node."
    })
public final class StartCommand extends Command {
  private static final Duration LOOK_PATIENCE = Duration.ofSeconds(5);
  private static final Duration INSTALL_PATIENCE = Duration.ofSeconds(10);

  @Parameters(
      paramLabel = "NODE",
      arity = "0..*",
      description = "Nodes to start, such as n2 or 2. Default: all that are down.")
  private List<String> wanted = new ArrayList<>();

  @Option(names = "--json", description = "Print the started nodes as JSON.")
  private boolean json;

  public StartCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    InstanceDescription description = instance();
    ClusterMap known = AdminConnection.knownMap(description.instance());
    List<Place> places = wantedPlaces(description);
    var nodes =
        new Nodes(
            description, directory(), sentence -> output().note("adhocfs start: " + sentence));
    int exitCode = ExitCode.OK;
    List<NodeId> started = new ArrayList<>();
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      List<NodeId> ids = known.nodes().stream().map(ClusterMap.Node::id).toList();
      NodeAnswers<Reply.Map> maps = connection.askMaps(ids, LOOK_PATIENCE);
      ClusterMap map = connection.useNewest(known, maps);
      List<Place> down =
          places.stream().filter(place -> !maps.answers().containsKey(place.id())).toList();
      for (Outcome<Place, RunningDaemon> outcome : InParallel.run(down, nodes::startAgain)) {
        if (outcome.failure() != null) {
          output()
              .note(
                  "adhocfs start: node %s: %s"
                      .formatted(outcome.item().id(), outcome.failure().getMessage()));
          exitCode = ExitCode.FAILED;
        } else if (outcome.result() != null) {
          RunningDaemon daemon = outcome.result();
          ClusterMap.Node before = map.node(daemon.node().id());
          if (before == null || before.incarnation() < daemon.node().incarnation()) {
            map = map.withNode(daemon.node());
            started.add(outcome.item().id());
          }
        }
      }
      // The started ones know the owners from their own files, which may be newer than ours.
      map =
          connection.useNewest(
              map,
              connection.askUntilAnswered(
                  started, new ControlRequest.GetMap(), Reply.Map.class, INSTALL_PATIENCE));
      directory().replace(description.withNodes(map.nodes()));
      NodeAnswers<Reply.Done> installed =
          connection.askUntilAnswered(
              ids.stream()
                  .filter(id -> maps.answers().containsKey(id) || started.contains(id))
                  .toList(),
              new ControlRequest.InstallMap(map),
              Reply.Done.class,
              INSTALL_PATIENCE);
      for (FsException failure : installed.failures().values()) {
        output().note("adhocfs start: " + failure.getMessage());
        exitCode = ExitCode.FAILED;
      }
      report(started, map);
    }
    return exitCode;
  }

  private void report(List<NodeId> started, ClusterMap map) {
    if (json) {
      output().line(Json.pretty(started.stream().map(NodeId::toString).toList()));
      return;
    }
    if (started.isEmpty()) {
      output().line("nothing was started");
    }
    for (NodeId id : started) {
      ClusterMap.Node node = map.node(id);
      output().line("started " + id + (node == null ? "" : " at " + node.address()));
    }
  }

  private List<Place> wantedPlaces(InstanceDescription description) throws UsageException {
    if (wanted.isEmpty()) {
      return description.places();
    }
    List<Place> places = new ArrayList<>();
    for (String word : wanted) {
      places.add(NodeNames.place(description, word));
    }
    return places;
  }
}
