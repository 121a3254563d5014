package io.adhocfs.cli.command;

import io.adhocfs.cli.admin.NodeAnswers;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.HostsFile;
import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What expand, shrink and relocate have in common: a wanted set of nodes, and how to get there. */
abstract class ResizeCommand extends Command {
  static final int NODES_MAX = 4096;
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final int BATCHES_AT_ONCE = 2;

  /** What a node sends where nothing limits it, to tell how long it may take. */
  private static final long USUAL_BYTES_PER_SECOND = 200L << 20;

  /** What a target's disk must have left when everything has arrived. */
  private static final double SPARE = 1.02;

  @Option(
      names = "--plan",
      description = "Only print what would be moved, and whether it fits; change nothing.")
  private boolean planOnly;

  @Option(
      names = "--wait",
      description = "Return when it is done, and show how far it is; without it, at once.")
  private boolean wait;

  @Option(names = "--json", description = "Print the plan, or what came of it, as JSON.")
  private boolean json;

  @Option(
      names = "--limit",
      paramLabel = "RATE",
      description = "How much each node may send in a second, such as 200MiB. Default: no limit.")
  private @Nullable String limit;

  @Option(
      names = "--supersede",
      description = "Take the place of what is being moved now, from where it stands.")
  private boolean supersede;

  ResizeCommand(Surroundings surroundings) {
    super(surroundings);
  }

  /** The wanted set of nodes. */
  record Wanted(Rebalance.Kind kind, List<Place> joining, List<NodeId> leaving) {}

  abstract Wanted wanted(Rebalancing rebalancing) throws UsageException, FsException;

  @Override
  public final int run() throws UsageException, IOException {
    long bytesPerSecond = limit == null ? 0 : Rates.parse("--limit", limit);
    try (Rebalancing rebalancing = Rebalancing.open(instance(), directory())) {
      Rebalance running = rebalancing.state().rebalance();
      if (running != null && !supersede) {
        throw new FsException(
            FsError.BUSY,
            "slots are being moved already (%d of %d): wait for it (adhocfs rebalance status --wait), take it back (adhocfs rebalance cancel) or give --supersede"
                .formatted(running.slotsMoved(), running.slotsPlanned()));
      }
      if (running == null && !planOnly) {
        rebalancing.removeIdle();
      }
      Wanted wanted = wanted(rebalancing);
      var weights = new TreeMap<NodeId, Integer>();
      for (ClusterMap.Node node : rebalancing.nodes()) {
        if (!wanted.leaving().contains(node.id())) {
          weights.put(node.id(), 1);
        }
      }
      wanted.joining().forEach(place -> weights.put(place.id(), 1));
      if (weights.isEmpty()) {
        throw new UsageException("an instance needs at least one node");
      }
      short[] owners = rebalancing.state().map().owners();
      SlotPlan plan = SlotPlan.of(owners, weights);
      Bytes bytes = bytes(rebalancing, plan, owners);
      requireRoom(bytes, wanted);
      if (planOnly) {
        print(plan, bytes, wanted, bytesPerSecond);
        return ExitCode.OK;
      }
      if (!wanted.joining().isEmpty()) {
        rebalancing.join(wanted.joining());
        try {
          // Only now can the new ones say what room they have.
          requireRoom(bytes(rebalancing, plan, owners), wanted);
        } catch (FsException e) {
          rebalancing.removeIdle();
          throw e;
        }
      }
      long id = 1 + (new SecureRandom().nextLong() >>> 2);
      rebalancing.propose(
          new ControlCommand.Start(
              id,
              wanted.kind(),
              rebalancing.state().map().epoch(),
              plan.target(),
              wanted.leaving(),
              bytesPerSecond,
              BATCHES_AT_ONCE,
              supersede,
              Rebalancing.nowNanos()));
      if (!wait) {
        started(plan, id);
        return ExitCode.OK;
      }
      FinishedRebalance last = rebalancing.await(id, output(), !json);
      List<String> left = rebalancing.awaitEnds();
      left.forEach(sentence -> output().note("adhocfs: " + sentence));
      if (json) {
        var fields = new LinkedHashMap<String, Object>();
        Rebalancing.finished(fields, last);
        fields.put("slots_lower_bound", plan.lowerBound());
        fields.put(
            "nodes", rebalancing.nodes().stream().map(node -> node.id().toString()).toList());
        output().line(Json.pretty(fields));
      } else {
        output().line(Rebalancing.sentence(last));
      }
      return last.outcome() == FinishedRebalance.Outcome.DONE && left.isEmpty()
          ? ExitCode.OK
          : ExitCode.FAILED;
    }
  }

  private void started(SlotPlan plan, long id) throws IOException {
    if (json) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("id", id);
      fields.put("running", true);
      fields.put("slots_planned", plan.moves());
      fields.put("slots_lower_bound", plan.lowerBound());
      output().line(Json.pretty(fields));
    } else {
      output()
          .line("%d slots are being moved; see 'adhocfs rebalance status'".formatted(plan.moves()));
    }
  }

  /** What goes from each node to each other, as far as can be told before. */
  private record Bytes(
      Map<NodeId, Map<NodeId, Long>> links, Map<NodeId, Long> incoming, Map<NodeId, Long> free) {
    long total() {
      return incoming.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  private Bytes bytes(Rebalancing rebalancing, SlotPlan plan, short[] owners) {
    NodeAnswers<Reply.Status> answers =
        rebalancing
            .connection()
            .askAll(
                rebalancing.nodes().stream().map(ClusterMap.Node::id).toList(),
                new ControlRequest.GetStatus(),
                Reply.Status.class,
                PATIENCE);
    var links = new TreeMap<NodeId, Map<NodeId, Long>>();
    var incoming = new TreeMap<NodeId, Long>();
    var free = new TreeMap<NodeId, Long>();
    answers.answers().forEach((node, answer) -> free.put(node, answer.status().availableBytes()));
    plan.links(owners)
        .forEach((source, targets) -> {
          Reply.Status answer = answers.answers().get(source);
          NodeStatus status = answer == null ? null : answer.status();
          targets.forEach((target, slots) -> {
            // Slots are alike, as far as can be known: hashes fill them.
            long share =
                status == null || status.slots() == 0
                    ? 0
                    : status.usedBytes() / status.slots() * slots;
            links.computeIfAbsent(source, node -> new TreeMap<>()).put(target, share);
            incoming.merge(target, share, Long::sum);
          });
        });
    return new Bytes(links, incoming, free);
  }

  private static void requireRoom(Bytes bytes, Wanted wanted) throws FsException {
    for (Map.Entry<NodeId, Long> entry : bytes.incoming().entrySet()) {
      Long free = bytes.free().get(entry.getKey());
      if (free != null && entry.getValue() * SPARE > free) {
        throw new FsException(
            FsError.NO_SPACE,
            "%s would get %s and has %s free: remove files or %s"
                .formatted(
                    entry.getKey(),
                    Quantities.bytes(entry.getValue()),
                    Quantities.bytes(free),
                    wanted.kind() == Rebalance.Kind.SHRINK
                        ? "keep more nodes"
                        : "give it more nodes"));
      }
    }
  }

  private void print(SlotPlan plan, Bytes bytes, Wanted wanted, long bytesPerSecond)
      throws IOException {
    long most =
        bytes.links().values().stream()
            .mapToLong(targets -> targets.values().stream().mapToLong(Long::longValue).sum())
            .max()
            .orElse(0);
    long rate = bytesPerSecond == 0 ? USUAL_BYTES_PER_SECOND : bytesPerSecond;
    double seconds = most / (double) rate;
    if (json) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("kind", wanted.kind().name().toLowerCase(Locale.ROOT));
      fields.put("slots_moved", plan.moves());
      fields.put("slots_lower_bound", plan.lowerBound());
      fields.put("bytes", bytes.total());
      List<Object> links = new ArrayList<>();
      bytes
          .links()
          .forEach((source, targets) ->
              targets.forEach((target, count) -> {
                var link = new LinkedHashMap<String, Object>();
                link.put("from", source.toString());
                link.put("to", target.toString());
                link.put("bytes", count);
                links.add(link);
              }));
      fields.put("links", links);
      fields.put("seconds", seconds);
      output().line(Json.pretty(fields));
      return;
    }
    output()
        .line(
            "%d of 65536 slots would move (no plan could move fewer than %d), about %s"
                .formatted(plan.moves(), plan.lowerBound(), Quantities.bytes(bytes.total())));
    bytes
        .links()
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

  /** Places for new nodes, with ids that were never used. */
  static List<Place> newPlaces(Rebalancing rebalancing, List<String> hosts) {
    int next = 0;
    for (ClusterMap.Node node : rebalancing.state().map().nodes()) {
      next = Math.max(next, node.id().value() + 1);
    }
    for (Place place : rebalancing.description().places()) {
      next = Math.max(next, place.id().value() + 1);
    }
    Path like = Path.of(rebalancing.description().places().getFirst().dataDirectory());
    Path parent = like.getParent();
    List<Place> places = new ArrayList<>();
    for (String host : hosts) {
      places.add(
          new Place(new NodeId(next), host, (parent == null ? "" : parent) + "/node-" + next));
      next++;
    }
    return places;
  }

  /** The hosts in a file. */
  static List<String> hosts(RawPath given) throws UsageException, FsException {
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
