package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.cli.process.ServiceProcess;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.malleability.Controller;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Shows an instance. */
@CommandLine.Command(
    name = "status",
    description = "Shows the nodes and mounts of an instance.",
    footer = {
      "",
      "Example:",
      "  adhocfs status --json | jq -r '.nodes[] | select(.state != \"active\") | .id'",
      "",
      "Exit codes: 0 all nodes are active; 1 a node is down, joining or draining; 2 wrong use, no",
      "such instance."
    })
public final class StatusCommand extends MalleabilityCommand {
  /** A dead daemon is known at once; a daemon that is silent for this long is shown as down. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private static final long SKEW_NANOS_MAX = 100_000_000;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  public StatusCommand(Surroundings surroundings) {
    super(surroundings);
  }

  /**
   * A node and its answer.
   *
   * @param skewNanos how far its clock is at least ahead of this machine's; below 0: behind
   */
  record Node(
      ClusterMap.Node node,
      @Nullable NodeStatus status,
      @Nullable FsException failure,
      long skewNanos) {
    String state() {
      return status == null ? "down" : status.state().name().toLowerCase(Locale.ROOT);
    }
  }

  /** The recorded instance, and the voters that were given up as lost. */
  record Brought(InstanceDescription description, List<NodeId> lostVoters) {}

  @Override
  public int run() throws UsageException, FsException {
    Brought brought = brought();
    InstanceDescription description = brought.description();
    ClusterMap known = AdminConnection.knownMap(description.instance());
    List<Node> nodes = new ArrayList<>();
    ClusterMap map;
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      List<NodeId> ids = known.nodes().stream().map(ClusterMap.Node::id).toList();
      long askedNanos = nowNanos();
      NodeAnswers<Reply.Status> answers =
          connection.askAll(ids, new ControlRequest.GetStatus(), Reply.Status.class, PATIENCE);
      long answeredNanos = nowNanos();
      map =
          connection.useNewest(
              known, connection.askMaps(List.copyOf(answers.answers().keySet()), PATIENCE));
      for (ClusterMap.Node node : map.nodes()) {
        if (!node.isMember()) {
          continue;
        }
        Reply.Status answer = answers.answers().get(node.id());
        nodes.add(
            new Node(
                node,
                answer == null ? null : answer.status(),
                answers.failures().get(node.id()),
                answer == null
                    ? 0
                    : skew(connection, node.id(), answer.status(), askedNanos, answeredNanos)));
      }
    }
    List<MountRecord> mounts = directory().mounts(description.instance().name());
    long epoch = nodes.stream().allMatch(node -> node.status() == null) ? 0 : map.epoch().value();
    List<String> warnings = new ArrayList<>(skewWarnings(nodes));
    warnings.addAll(voterWarnings(brought.lostVoters()));
    if (json) {
      output().line(Json.pretty(json(brought, epoch, nodes, mounts, warnings)));
    } else {
      print(description, epoch, nodes, mounts, warnings);
    }
    return nodes.stream().allMatch(node -> node.state().equals("active"))
        ? ExitCode.OK
        : ExitCode.FAILED;
  }

  /**
   * How far a node's clock is at least ahead of this machine's (below 0: behind), in nanoseconds:
   * the part of the difference that the time between question and answer cannot explain. If the
   * time that all nodes took leaves open whether a clock is wrong, its node is asked again alone.
   */
  private static long skew(
      AdminConnection connection,
      NodeId node,
      NodeStatus status,
      long askedNanos,
      long answeredNanos) {
    ClockSkew skew = ClockSkew.of(status.clockNanos(), askedNanos, answeredNanos);
    if (skew.isWithin(SKEW_NANOS_MAX)) {
      return 0;
    }
    try {
      long asked = nowNanos();
      NodeStatus again =
          connection
              .ask(node, new ControlRequest.GetStatus(), Reply.Status.class, PATIENCE)
              .status();
      return ClockSkew.of(again.clockNanos(), asked, nowNanos()).surelyNanos();
    } catch (FsException silentNow) {
      return skew.surelyNanos();
    }
  }

  private static long nowNanos() {
    return Duration.between(Instant.EPOCH, Instant.now()).toNanos();
  }

  /** The instance; its file is brought up to date if any node answers. */
  private Brought brought() throws UsageException, FsException {
    InstanceDescription description = instance();
    try (Controller controller = open(description)) {
      return new Brought(nodes(controller).description(), controller.state().lostVoters());
    } catch (FsException e) {
      return new Brought(description, List.of()); // reported for each node below
    }
  }

  private void print(
      InstanceDescription description,
      long epoch,
      List<Node> nodes,
      List<MountRecord> mounts,
      List<String> warnings) {
    output()
        .line(
            "instance %s, epoch %s, up since %s"
                .formatted(
                    description.instance().name(),
                    epoch == 0 ? "unknown" : Long.toString(epoch),
                    description.created()));
    output().line("");
    printNodes(nodes);
    output().line("");
    printMounts(mounts);
    for (Node node : nodes) {
      if (node.failure() != null) {
        output()
            .line(
                "node %s is down (%s): start it with 'adhocfs start %s'"
                    .formatted(node.node().id(), node.failure().getMessage(), node.node().id()));
      }
    }
    for (String warning : warnings) {
      output().line("warning: " + warning);
    }
  }

  private void printNodes(List<Node> nodes) {
    output()
        .line(
            "%-5s %-8s %-21s %11s %11s %10s %8s %10s"
                .formatted(
                    "node", "state", "address", "used", "free", "files", "uptime", "memory"));
    for (Node node : nodes) {
      NodeStatus status = node.status();
      if (status == null) {
        output()
            .line("%-5s %-8s %s".formatted(node.node().id(), node.state(), node.node().address()));
        continue;
      }
      output()
          .line(
              "%-5s %-8s %-21s %11s %11s %10d %8s %10s"
                  .formatted(
                      node.node().id(),
                      node.state(),
                      node.node().address(),
                      Quantities.bytes(status.usedBytes()),
                      Quantities.bytes(status.space().availableBytes()),
                      status.files(),
                      Quantities.millis(status.uptimeMillis()),
                      Quantities.bytes(status.residentBytes())));
    }
    StorageSpace.Sum sum = sum(nodes);
    output()
        .line(
            "%-36s %11s %11s, %d inodes"
                .formatted(
                    "all, each disk counted once",
                    Quantities.bytes(used(nodes)),
                    Quantities.bytes(sum.availableBytes()),
                    sum.inodesAvailable()));
  }

  private void printMounts(List<MountRecord> mounts) {
    if (mounts.isEmpty()) {
      output().line("not mounted");
    }
    for (MountRecord mount : mounts) {
      output()
          .line(
              "mounted on %s:%s (%s, process %d%s)"
                  .formatted(
                      mount.host(),
                      mount.directory(),
                      mount.driver(),
                      mount.processId(),
                      alive(mount)
                          ? ""
                          : ", DEAD: clean up with adhocfs umount " + mount.directory()));
    }
  }

  /** The space of all nodes that answer, together. */
  private static StorageSpace.Sum sum(List<Node> nodes) {
    return StorageSpace.sum(
        nodes.stream().map(Node::status).filter(Objects::nonNull).map(NodeStatus::space).toList());
  }

  private static long used(List<Node> nodes) {
    return nodes.stream()
        .map(Node::status)
        .filter(Objects::nonNull)
        .mapToLong(NodeStatus::usedBytes)
        .sum();
  }

  private static List<String> skewWarnings(List<Node> nodes) {
    List<String> warnings = new ArrayList<>();
    for (Node node : nodes) {
      long skew = node.skewNanos();
      if (Math.abs(skew) > SKEW_NANOS_MAX) {
        warnings.add(
            "the clock of node %s is %d ms %s this machine's: times of files will be off"
                .formatted(
                    node.node().id(),
                    Math.abs(skew) / 1_000_000,
                    skew > 0 ? "ahead of" : "behind"));
      }
    }
    return warnings;
  }

  private static List<String> voterWarnings(List<NodeId> lost) {
    return lost.stream()
        .map(
            "node %s was given up as lost and is still a voter: another node takes its place once most voters answer"
                ::formatted)
        .toList();
  }

  private static boolean alive(MountRecord mount) {
    return !mount.host().equals(Mounts.hostName())
        || ServiceProcess.isOurs(mount.processId(), "mount", mount.directory());
  }

  static Map<String, Object> json(
      Brought brought,
      long epoch,
      List<Node> nodes,
      List<MountRecord> mounts,
      List<String> warnings) {
    InstanceDescription description = brought.description();
    var json = new LinkedHashMap<String, Object>();
    json.put("instance", description.instance().name());
    json.put("id", description.instance().id());
    json.put("created", description.created().toString());
    json.put("epoch", epoch);
    List<Object> nodeList = new ArrayList<>();
    for (Node node : nodes) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("id", node.node().id().toString());
      fields.put("address", node.node().address());
      fields.put("state", node.state());
      NodeStatus status = node.status();
      if (status != null) {
        fields.put("host", status.hostName());
        fields.put("pid", status.processId());
        fields.put("data_directory", status.dataDirectory());
        fields.put("version", status.version());
        fields.put("epoch", status.epoch());
        fields.put("slots", status.slots());
        fields.put("disk", status.space().disk());
        fields.put("total_bytes", status.space().totalBytes());
        fields.put("used_bytes", status.usedBytes());
        fields.put("available_bytes", status.space().availableBytes());
        if (status.space().diskInodesAvailable() != StorageSpace.INODES_UNLIMITED) {
          fields.put("available_inodes", status.space().diskInodesAvailable());
        }
        fields.put("files", status.files());
        fields.put("directories", status.directories());
        fields.put("sessions", status.sessions());
        fields.put("pending_operations", status.pendingOperations());
        fields.put("resident_bytes", status.residentBytes());
        fields.put("uptime_seconds", status.uptimeMillis() / 1e3);
        fields.put("metrics_port", status.metricsPort());
      } else if (node.failure() != null) {
        fields.put("error", node.failure().getMessage());
      }
      nodeList.add(fields);
    }
    json.put("nodes", nodeList);
    StorageSpace.Sum sum = sum(nodes);
    json.put("total_bytes", sum.totalBytes());
    json.put("used_bytes", used(nodes));
    json.put("available_bytes", sum.availableBytes());
    json.put("available_inodes", sum.inodesAvailable());
    List<Object> mountList = new ArrayList<>();
    for (MountRecord mount : mounts) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("host", mount.host());
      fields.put("directory", mount.directory());
      fields.put("driver", mount.driver());
      fields.put("pid", mount.processId());
      fields.put("state", alive(mount) ? "active" : "dead");
      mountList.add(fields);
    }
    json.put("mounts", mountList);
    json.put("lost_voters", brought.lostVoters().stream().map(NodeId::toString).toList());
    json.put("warnings", warnings);
    return json;
  }
}
