package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.HostsFile;
import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.malleability.NodeChanges.Started;
import io.adhocfs.malleability.ResizePlan;
import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The common part of expand, shrink and relocate: plans or starts the change to a set of nodes. */
abstract class ResizeCommand extends MalleabilityCommand {
  static final int NODES_MAX = ControlCommand.NODES_MAX;

  /** The assumed rate of a node without a limit, to estimate how long a change takes. */
  private static final long USUAL_BYTES_PER_SECOND = 200L << 20;

  @Option(
      names = "--plan",
      description = "Print what would move and whether the data fits; change nothing.")
  private boolean planOnly;

  @Option(
      names = "--wait",
      description = "Show the progress, and return when the change is done instead of at once.")
  private boolean wait;

  @Option(names = "--json", description = "Print the plan or the result as JSON.")
  private boolean json;

  @Option(
      names = "--limit",
      paramLabel = "RATE",
      description = "How much each node may send in a second, such as 200MiB. Default: no limit.")
  private @Nullable String limit;

  @Option(
      names = "--supersede",
      description = "Replace the running change; slots already moved are not moved back first.")
  private boolean supersede;

  ResizeCommand(Surroundings surroundings) {
    super(surroundings);
  }

  final boolean json() {
    return json;
  }

  abstract Change change(NodeChanges changes) throws UsageException, FsException;

  @Override
  public int run() throws UsageException, IOException {
    long bytesPerSecond = limit == null ? 0 : Rates.parse("--limit", limit);
    try (Controller controller = open(instance())) {
      NodeChanges nodes = nodes(controller);
      Change change = change(nodes);
      if (planOnly) {
        print(nodes.plan(change), bytesPerSecond);
        return ExitCode.OK;
      }
      Started started = nodes.start(change, bytesPerSecond, supersede);
      SlotPlan slots = started.plan().slots();
      boolean mounted = mountOnNewHosts(nodes.description(), change);
      if (!wait) {
        print(started.id(), slots);
        return mounted ? ExitCode.OK : ExitCode.FAILED;
      }
      FinishedRebalance last = await(nodes, started.id(), !json);
      List<String> left = nodes.awaitEnds();
      left.forEach(sentence -> output().note("adhocfs: " + sentence));
      if (json) {
        List<NodeId> present = nodes.present().stream().map(ClusterMap.Node::id).toList();
        output().line(Json.pretty(json(last, slots, present)));
      } else {
        output().line(RebalanceReport.sentence(last));
      }
      return last.outcome() == FinishedRebalance.Outcome.DONE && left.isEmpty() && mounted
          ? ExitCode.OK
          : ExitCode.FAILED;
    }
  }

  /**
   * Mounts at the mount point that 'up' used, on new hosts that have no mount there yet.
   *
   * @return false if mounting failed on a host, which a message names
   */
  private boolean mountOnNewHosts(InstanceDescription description, Change change)
      throws FsException {
    String name = description.instance().name();
    Optional<Path> mountPoint = directory().mountPoint(name);
    List<String> hosts =
        change.added().stream().filter(host -> !host.isEmpty()).distinct().toList();
    if (mountPoint.isEmpty() || hosts.isEmpty()) {
      return true;
    }
    var mounts = new Mounts(description, directory(), this::note);
    boolean all = true;
    for (Outcome<String, Boolean> outcome :
        InParallel.run(hosts, host -> mounts.mountIfMissing(host, mountPoint.get()))) {
      if (outcome.failure() != null) {
        all = false;
        note("not mounted on host " + outcome.item() + ": " + outcome.failure().getMessage());
      }
    }
    return all;
  }

  private void note(String sentence) {
    output().note("adhocfs: " + sentence);
  }

  private void print(long id, SlotPlan slots) {
    if (json) {
      output().line(Json.pretty(json(id, slots)));
    } else {
      output().line("moving %d slots; see 'adhocfs rebalance status'".formatted(slots.moves()));
    }
  }

  private void print(ResizePlan plan, long bytesPerSecond) {
    long rate = bytesPerSecond == 0 ? USUAL_BYTES_PER_SECOND : bytesPerSecond;
    double seconds = plan.seconds(rate);
    SlotPlan slots = plan.slots();
    if (json) {
      output().line(Json.pretty(json(plan, seconds)));
      return;
    }
    output()
        .line(
            "%d of %d slots would move (no plan could move fewer than %d), about %s"
                .formatted(
                    slots.moves(),
                    SlotId.COUNT,
                    slots.lowerBound(),
                    Quantities.bytes(plan.totalBytes())));
    plan.bytes()
        .forEach((source, targets) ->
            targets.forEach((target, count) ->
                output()
                    .line("  %-5s -> %-5s %s".formatted(source, target, Quantities.bytes(count)))));
    output()
        .line(
            "about %.1f s, if each node sends %s/s%s"
                .formatted(
                    seconds, Quantities.bytes(rate), bytesPerSecond == 0 ? " (a guess)" : ""));
  }

  /** A change that goes on after the command. */
  static Map<String, Object> json(long id, SlotPlan slots) {
    var json = new LinkedHashMap<String, Object>();
    json.put("id", id);
    json.put("running", true);
    json.put("slots_planned", slots.moves());
    json.put("slots_lower_bound", slots.lowerBound());
    return json;
  }

  /** A change that is over, and the nodes of the instance after it. */
  static Map<String, Object> json(FinishedRebalance last, SlotPlan slots, List<NodeId> nodes) {
    Map<String, Object> json = RebalanceReport.json(last);
    json.put("slots_lower_bound", slots.lowerBound());
    json.put("nodes", nodes.stream().map(NodeId::toString).toList());
    return json;
  }

  /** A change that is only planned. */
  static Map<String, Object> json(ResizePlan plan, double seconds) {
    var json = new LinkedHashMap<String, Object>();
    json.put("kind", RebalanceReport.name(plan.change().kind()));
    json.put("slots_planned", plan.slots().moves());
    json.put("slots_lower_bound", plan.slots().lowerBound());
    json.put("planned_bytes", plan.totalBytes());
    List<Object> links = new ArrayList<>();
    plan.bytes()
        .forEach((source, targets) ->
            targets.forEach((target, bytes) -> {
              var link = new LinkedHashMap<String, Object>();
              link.put("from", source.toString());
              link.put("to", target.toString());
              link.put("planned_bytes", bytes);
              links.add(link);
            }));
    json.put("links", links);
    json.put("estimated_seconds", seconds);
    return json;
  }

  /** The hosts of new nodes: the hosts in a file, or this machine once for each node. */
  static List<String> hosts(@Nullable Integer nodes, @Nullable RawPath file, int nodesMax)
      throws UsageException, FsException {
    if ((nodes == null) == (file == null)) {
      throw new UsageException("give either --nodes or --hosts");
    }
    if (file != null) {
      return hosts(file);
    }
    int count = Objects.requireNonNullElse(nodes, 0);
    if (count < 1 || count > nodesMax) {
      throw new UsageException("--nodes " + count + ": give 1 to " + nodesMax);
    }
    return Collections.nCopies(count, Change.THIS_MACHINE);
  }

  /** The hosts in a file. */
  private static List<String> hosts(RawPath given) throws UsageException, FsException {
    Path file = given.onHost();
    try {
      return HostsFile.parse(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new UsageException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new UsageException("cannot read the hosts in " + file + ": " + e.getMessage(), e);
    }
  }
}
