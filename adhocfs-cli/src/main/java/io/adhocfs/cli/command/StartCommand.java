package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.Nodes;
import io.adhocfs.cli.process.RunningDaemon;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.malleability.Reconciliation;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
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
      "Exit codes: 0 the nodes run; 1 a node could not be started; 2 wrong use, no such instance or",
      "node."
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
    var started = new TreeSet<NodeId>();
    boolean failed = false;
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      ClusterMap map = AdminConnection.knownMap(description.instance());
      var tried = new HashSet<NodeId>();
      // A node that comes back may know of nodes that no running node knows.
      while (true) {
        NodeAnswers<Reply.Map> maps = connection.askMaps(ids(map), LOOK_PATIENCE);
        map = connection.useNewest(map, maps);
        NodeAnswers<Reply.Map> others =
            connection.askMaps(
                ids(map).stream().filter(id -> !maps.answers().containsKey(id)).toList(),
                LOOK_PATIENCE);
        map = connection.useNewest(map, others);
        description = Reconciliation.reconcile(directory(), description, connection, map);
        var running = new HashSet<NodeId>(maps.answers().keySet());
        running.addAll(others.answers().keySet());
        running.addAll(started);
        List<Place> down = new ArrayList<>();
        for (Place place : wantedPlaces(description)) {
          if (!running.contains(place.id()) && tried.add(place.id()) && isPart(place, map)) {
            down.add(place);
          }
        }
        if (down.isEmpty()) {
          failed |= !install(connection, map, running);
          break;
        }
        for (Outcome<Place, RunningDaemon> outcome :
            InParallel.run(down, new Nodes(description, directory(), this::note)::startAgain)) {
          if (outcome.failure() != null) {
            output()
                .note(
                    "adhocfs start: node %s: %s"
                        .formatted(outcome.item().id(), outcome.failure().getMessage()));
            failed = true;
          } else if (outcome.result() != null) {
            if (!outcome.result().warning().isEmpty()) {
              output().note("warning: " + outcome.item().id() + ": " + outcome.result().warning());
            }
            ClusterMap.Node node = outcome.result().node();
            ClusterMap.Node before = map.node(node.id());
            if (before == null || before.incarnation() < node.incarnation()) {
              map = map.withNode(in(before, node));
              started.add(node.id());
            }
          }
        }
        connection.useMap(map);
      }
      report(started, map);
    }
    return failed ? ExitCode.FAILED : ExitCode.OK;
  }

  private void note(String sentence) {
    output().note("adhocfs start: " + sentence);
  }

  /** Whether a node may be started; prints why not. */
  private boolean isPart(Place place, ClusterMap map) {
    ClusterMap.Node node = map.node(place.id());
    if (node == null) {
      output()
          .note(
              "adhocfs start: node %s is not started: it is not part of the instance; a command is adding it now, or has failed to"
                  .formatted(place.id()));
      return false;
    }
    if (!node.isMember()) {
      if (!wanted.isEmpty()) {
        output().note("adhocfs start: node %s has left the instance".formatted(place.id()));
      }
      return false;
    }
    return true;
  }

  /** The node at its new address, in the state that it had before. */
  private static ClusterMap.Node in(ClusterMap.@Nullable Node before, ClusterMap.Node node) {
    return before == null ? node : node.in(before.state());
  }

  private static List<NodeId> ids(ClusterMap map) {
    return map.nodes().stream().filter(ClusterMap.Node::isMember).map(ClusterMap.Node::id).toList();
  }

  /**
   * Sends the map to all running nodes; false if a node did not get it. A node that has left the
   * instance meanwhile does not need the map.
   */
  private boolean install(AdminConnection connection, ClusterMap map, Set<NodeId> running) {
    NodeAnswers<Reply.Done> installed =
        connection.askUntilAnswered(
            running, new ControlRequest.InstallMap(map), Reply.Done.class, INSTALL_PATIENCE);
    if (installed.failures().isEmpty()) {
      return true;
    }
    ClusterMap newest = connection.useNewest(map, connection.askMaps(ids(map), LOOK_PATIENCE));
    boolean heard = true;
    for (var failure : installed.failures().entrySet()) {
      if (newest.isMember(failure.getKey())) {
        output().note("adhocfs start: " + failure.getValue().getMessage());
        heard = false;
      }
    }
    return heard;
  }

  private void report(Set<NodeId> started, ClusterMap map) {
    if (json) {
      output().line(Json.pretty(json(started)));
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

  static List<String> json(Set<NodeId> started) {
    return started.stream().map(NodeId::toString).toList();
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
