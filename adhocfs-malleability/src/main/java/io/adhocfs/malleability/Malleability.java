package io.adhocfs.malleability;

import static java.util.stream.Collectors.joining;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Changes the nodes of one instance while programs use it: the interface for an outside controller
 * such as a batch system. The commands expand, shrink, relocate and rebalance are built on this
 * class.
 *
 * <p>The daemons do the work and remember it: a started change goes on when this object is closed
 * or its process dies, and whoever opens the instance next sees the progress. The daemons agree on
 * one change at a time; several controllers may work on one instance, and all but one get BUSY. An
 * object is for one thread at a time.
 *
 * <p>Unless said otherwise, methods throw {@link FsException} with UNREACHABLE if no node answers,
 * and block for up to half a minute while the daemons elect a leader.
 */
public final class Malleability implements AutoCloseable {
  /** The reason of a pause that a controller has asked for. */
  public static final String PAUSED_ON_REQUEST = "by command";

  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** A node that does not answer for this long counts as silent. */
  private static final Duration ANSWER_PATIENCE = Duration.ofSeconds(5);

  private static final Duration PROPOSAL_PATIENCE = Duration.ofSeconds(30);
  private static final Duration END_PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MILLIS = 100;

  /** If nothing has moved for this long, a node may be missing. */
  private static final Duration STALLED = Duration.ofSeconds(5);

  private static final int BATCHES_AT_ONCE = 2;
  private static final int START_ATTEMPTS_MAX = 50;

  /** How many bytes a target's disk must have free for each byte that is to arrive. */
  private static final double SPARE = 1.02;

  private final InstanceDirectory directory;
  private final NodeControl control;
  private final Agreement agreement;
  private InstanceDescription description;

  /**
   * The nodes that a rebalance waits for, and the time since which they were seen not to answer.
   */
  private final Map<NodeId, Long> silentSince = new TreeMap<>();

  private Malleability(
      InstanceDirectory directory,
      NodeControl control,
      Agreement agreement,
      InstanceDescription description) {
    this.directory = directory;
    this.control = control;
    this.agreement = agreement;
    this.description = description;
  }

  /**
   * Reads the agreed state of an instance, and brings the recorded instance up to date.
   *
   * @param directory lists the instance
   * @throws FsException NOT_FOUND if there is no such instance
   */
  public static Malleability open(InstanceDirectory directory, String name, NodeControl control)
      throws FsException {
    InstanceDescription description = directory.read(name);
    Agreement agreement = Agreement.open(description.instance());
    boolean opened = false;
    try {
      var malleability =
          new Malleability(
              directory,
              control,
              agreement,
              Reconciliation.reconcile(
                  directory, description, agreement.connection(), agreement.state().map()));
      opened = true;
      return malleability;
    } finally {
      if (!opened) {
        agreement.close();
      }
    }
  }

  /**
   * The agreed state, as of the last time that a daemon was asked: map, running and last rebalance.
   */
  public ControlState state() {
    return agreement.state();
  }

  /** Reads the agreed state again. */
  public ControlState refresh() throws FsException {
    return agreement.refresh();
  }

  /** The instance as recorded. */
  public InstanceDescription description() {
    return description;
  }

  /** The nodes that are part of the instance, joining and leaving nodes included. */
  public List<ClusterMap.Node> nodes() {
    return agreement.nodes();
  }

  /**
   * What a change would move; nothing is changed.
   *
   * @throws FsException NO_SPACE if a node would get more than it has room for; INVALID if the
   *     instance does not have a named node, or no node would be left
   */
  public ResizePlan plan(Change change) throws FsException {
    return plan(change, owners(leaving(change), newPlaces(change, description)));
  }

  /**
   * Starts the daemons of new nodes and has all daemons move the slots that the change needs;
   * returns when the rebalance has begun. The moves are planned from where slots are at that time.
   *
   * @param bytesPerSecond the most that each node may send; 0 = no bound
   * @param supersede whether the change replaces a running change; slots already moved are not
   *     moved back first
   * @return the id of the rebalance, for {@link #await}, and the plan
   * @throws FsException as {@link #plan}, with nothing changed; BUSY if another change is running
   *     or came first; what {@link NodeControl} throws, with all new nodes removed again
   */
  public Started start(Change change, long bytesPerSecond, boolean supersede) throws FsException {
    Rebalance running = state().rebalance();
    if (running != null && !supersede) {
      throw new FsException(
          FsError.BUSY,
          "another change is running (%d of %d slots moved): wait for it (adhocfs rebalance status --wait), undo it (adhocfs rebalance cancel) or give --supersede"
              .formatted(running.slotsMoved(), running.slotsPlanned()));
    }
    var _ = bringUpToDate();
    if (running == null) {
      removeIdle(change);
    }
    List<NodeId> leaving = leaving(change);
    ResizePlan plan = plan(change, owners(leaving, newPlaces(change, description)));
    requireHandingOver(leaving);
    List<Place> joining = join(change);
    try {
      SortedMap<NodeId, Integer> weights = owners(leaving, joining);
      if (!joining.isEmpty()) {
        // Only now can the new nodes say how much space they have.
        plan = plan(change, weights);
      }
      return propose(change, plan, leaving, weights, bytesPerSecond, supersede);
    } catch (FsException e) {
      takeBack(joining, e);
      throw e;
    }
  }

  private Started propose(
      Change change,
      ResizePlan planned,
      List<NodeId> leaving,
      SortedMap<NodeId, Integer> weights,
      long bytesPerSecond,
      boolean supersede)
      throws FsException {
    ResizePlan plan = planned;
    long id = 1 + (new SecureRandom().nextLong() >>> 2);
    for (int attempt = 1; ; attempt++) {
      ClusterMap base = state().map();
      try {
        agreement.propose(
            new ControlCommand.Start(
                id,
                change.kind(),
                base.epoch(),
                plan.slots().target(),
                leaving,
                bytesPerSecond,
                BATCHES_AT_ONCE,
                supersede,
                WallClock.nanos(InstantSource.system())));
        return new Started(id, plan);
      } catch (FsException e) {
        if (e.error() != FsError.BUSY || attempt == START_ATTEMPTS_MAX) {
          throw e;
        }
        ClusterMap now = refresh().map();
        boolean another = !supersede && state().rebalance() != null;
        if (another || !now.epoch().isAfter(base.epoch())) {
          throw e;
        }
        for (NodeId owner : weights.keySet()) {
          if (!now.isMember(owner)) {
            throw new FsException(
                FsError.BUSY,
                "another command that changes the nodes has removed node %s meanwhile: try again"
                    .formatted(owner),
                e);
          }
        }
        // The plan is still right if only a switch has been set meanwhile, but not if slots have
        // moved.
        if (!now.hasNodesAndOwnersOf(base)) {
          plan = plan(change, weights);
        }
      }
    }
  }

  /**
   * Goes on without nodes that are lost with their disks: their slots pass, empty, to the other
   * nodes, and none of their data comes back. A running rebalance ends. Afterwards the caller has
   * to search for the missing data, and then to call {@link #searched}.
   *
   * @param force whether the remaining nodes may decide alone if most voters do not answer:
   *     anything that the silent voters had agreed on, and the remaining nodes have not heard of,
   *     is then void
   * @return the nodes that own slots now; nodes that were given up before are not given up again
   * @throws FsException INVALID for a node that answers or never existed, if no node would be left,
   *     or if force is not needed; UNREACHABLE if most voters do not answer
   */
  public List<NodeId> lose(List<NodeId> nodes, boolean force) throws FsException {
    for (NodeId id : nodes) {
      ClusterMap.Node node = state().map().node(id);
      boolean lost = state().map().lost().nodes().contains(id);
      if (node == null || (!node.isMember() && !lost)) {
        throw new FsException(FsError.INVALID, "the instance has no node " + id);
      }
    }
    List<NodeId> losing =
        nodes.stream().filter(id -> !state().map().lost().nodes().contains(id)).toList();
    Set<NodeId> answering = answering(losing);
    if (!answering.isEmpty()) {
      throw new FsException(
          FsError.INVALID,
          "%s answers, so it is not lost: 'adhocfs shrink --remove %s' lets it hand over its data"
              .formatted(named(answering), String.join(" ", words(answering))));
    }
    // Nodes that were given up before are not given up again, even if named again.
    if (!losing.isEmpty()) {
      if (force) {
        forceLoss(losing);
      } else {
        requireVoters();
        proposeLoss(losing);
      }
    }
    List<NodeId> owners = state().map().owningNodes();
    var _ =
        agreement
            .connection()
            .askUntilAnswered(
                owners,
                new ControlRequest.InstallMap(state().map()),
                Reply.Done.class,
                PROPOSAL_PATIENCE)
            .orThrow();
    var _ = bringUpToDate();
    return owners;
  }

  private void proposeLoss(List<NodeId> losing) throws FsException {
    for (int attempt = 1; ; attempt++) {
      ControlCommand.Lose loss = loss(losing);
      try {
        agreement.propose(loss);
        return;
      } catch (FsException e) {
        if (e.error() != FsError.BUSY
            || attempt == START_ATTEMPTS_MAX
            || !refresh().map().epoch().isAfter(loss.base())) {
          throw e;
        }
      }
    }
  }

  private ControlCommand.Lose loss(List<NodeId> losing) throws FsException {
    ClusterMap base = state().map();
    return new ControlCommand.Lose(
        losing,
        base.epoch(),
        SlotPlan.ofLost(base.owners(), Set.copyOf(losing), takers(losing)).target(),
        WallClock.nanos(InstantSource.system()));
  }

  /** The nodes that may take the lost slots: the active nodes, else all remaining nodes. */
  private List<NodeId> takers(List<NodeId> losing) throws FsException {
    List<ClusterMap.Node> left =
        nodes().stream().filter(node -> !losing.contains(node.id())).toList();
    List<NodeId> active =
        Agreement.ids(left.stream().filter(node -> node.state() == NodeState.ACTIVE).toList());
    if (left.isEmpty()) {
      throw new FsException(
          FsError.INVALID, "no node would be left: 'adhocfs down --force' removes the instance");
    }
    return active.isEmpty() ? Agreement.ids(left) : active;
  }

  /**
   * Tells the instance that the missing chunks of all losses up to now have been recorded.
   *
   * @param losses how many there were when the search began
   */
  public void searched(int losses) throws FsException {
    if (losses > state().map().lost().searched()) {
      agreement.propose(new ControlCommand.Searched(losses));
    }
  }

  /**
   * Refuses, naming the silent voters, if the nodes cannot agree on anything.
   *
   * @throws FsException UNREACHABLE if most voters do not answer
   */
  private void requireVoters() throws FsException {
    List<NodeId> voters = state().voters();
    Set<NodeId> answering = answering(voters);
    if (answering.size() <= voters.size() / 2) {
      List<NodeId> silent = voters.stream().filter(id -> !answering.contains(id)).toList();
      throw new FsException(
          FsError.UNREACHABLE,
          "%s of the %d voters %s not answer (%s), and without most voters the nodes cannot agree on a change: start %s with 'adhocfs start %s', or, if their disks are lost, give --force too, so that the other nodes decide alone"
              .formatted(
                  silent.size(),
                  voters.size(),
                  silent.size() == 1 ? "does" : "do",
                  named(silent),
                  silent.size() == 1 ? "it" : "them",
                  String.join(" ", words(silent))));
    }
  }

  /**
   * Lets the remaining nodes decide without most voters, by a state that outbids the voters' state:
   * a voter that comes back learns of it and follows.
   */
  private void forceLoss(List<NodeId> losing) throws FsException {
    List<NodeId> voters = state().voters();
    if (answering(voters).size() > voters.size() / 2) {
      throw new FsException(
          FsError.INVALID,
          "most voters answer (%s of %s): --force is for when they do not"
              .formatted(answering(voters), voters));
    }
    List<NodeId> left = takers(losing);
    Set<NodeId> alive = answering(left);
    List<NodeId> silent = left.stream().filter(id -> !alive.contains(id)).toList();
    if (!silent.isEmpty()) {
      throw new FsException(
          FsError.UNREACHABLE,
          "%s, which would go on, does not answer either: start it with 'adhocfs start %s', or give it up too"
              .formatted(named(silent), String.join(" ", words(silent))));
    }
    ControlState.Applied lost = state().apply(loss(losing));
    if (!lost.outcome().accepted()) {
      throw new FsException(FsError.BUSY, lost.outcome().message());
    }
    ControlState forced = lost.state().forced(List.copyOf(alive));
    var _ =
        agreement
            .connection()
            .askUntilAnswered(
                alive, new ControlRequest.ForceState(forced), Reply.Done.class, PROPOSAL_PATIENCE)
            .orThrow();
    refresh();
  }

  private Set<NodeId> answering(Collection<NodeId> nodes) {
    return nodes.isEmpty()
        ? Set.of()
        : agreement
            .connection()
            .askAll(nodes, new ControlRequest.GetStatus(), Reply.Status.class, ANSWER_PATIENCE)
            .answers()
            .keySet();
  }

  private static List<String> words(Collection<NodeId> nodes) {
    return nodes.stream().map(NodeId::toString).toList();
  }

  /** Nodes with their addresses, for users. */
  private String named(Collection<NodeId> nodes) {
    return nodes.stream()
        .map(id -> {
          ClusterMap.Node node = state().map().node(id);
          return "node " + id + (node == null ? "" : " (" + node.address() + ")");
        })
        .collect(Collectors.joining(", "));
  }

  /**
   * The silent nodes that a running rebalance waits for: nodes that own slots which are to move,
   * nodes that are to get slots, and voters. A sentence for each, without its subject, says what to
   * do.
   */
  public List<String> awaited() {
    Rebalance running = state().rebalance();
    if (running == null) {
      return List.of();
    }
    var needed = new TreeSet<NodeId>();
    ClusterMap map = state().map();
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (map.ownerValue(slot) != running.targetValue(slot)) {
        needed.add(map.owner(new SlotId(slot)));
        needed.add(running.targetOf(slot));
      }
    }
    needed.addAll(state().voters());
    Set<NodeId> answering = answering(needed);
    needed.removeAll(answering);
    silentSince.keySet().retainAll(needed);
    return needed.stream().map(this::waitsFor).toList();
  }

  private String waitsFor(NodeId id) {
    long nanos = System.nanoTime() - silentSince.computeIfAbsent(id, _ -> System.nanoTime());
    return "waits for %s, which does not answer%s; start it with 'adhocfs start %s', or go on without it and its data: adhocfs shrink --remove %s --lost"
        .formatted(
            named(List.of(id)),
            nanos < 1_000_000_000L ? "" : " (silent for " + nanos / 1_000_000_000L + " s)",
            id,
            id);
  }

  /**
   * Refuses a change if a leaving node cannot hand over its data.
   *
   * @throws FsException UNREACHABLE, naming the nodes and what to do
   */
  private void requireHandingOver(List<NodeId> leaving) throws FsException {
    var sources = new TreeSet<>(leaving);
    sources.retainAll(state().map().owningNodes());
    sources.removeAll(answering(sources));
    if (!sources.isEmpty()) {
      String ids = String.join(" ", words(sources));
      throw new FsException(
          FsError.UNREACHABLE,
          "%s would have to hand over slots and does not answer: start it with 'adhocfs start %s', or go on without it and its data: adhocfs shrink --remove %s --lost"
              .formatted(named(sources), ids, ids));
    }
  }

  /**
   * The rebalance that {@link #start} has begun.
   *
   * @param id of the rebalance
   */
  public record Started(long id, ResizePlan plan) {}

  /** Stops the sending of slots until {@link #resume}. NOT_FOUND if no rebalance is running. */
  public void pause() throws FsException {
    agreement.propose(new ControlCommand.Pause(required().id(), PAUSED_ON_REQUEST));
  }

  /** Goes on after a pause. NOT_FOUND if no rebalance is running. */
  public void resume() throws FsException {
    agreement.propose(new ControlCommand.Resume(required().id()));
  }

  /**
   * Moves back the slots that have moved; new nodes leave. NOT_FOUND if no rebalance is running.
   */
  public void cancel() throws FsException {
    agreement.propose(
        new ControlCommand.Cancel(required().id(), WallClock.nanos(InstantSource.system())));
  }

  /**
   * Changes how much each node may send in a second. NOT_FOUND if no rebalance is running.
   *
   * @param bytesPerSecond 0 = no bound
   */
  public void limit(long bytesPerSecond) throws FsException {
    Rebalance running = required();
    agreement.propose(
        new ControlCommand.Limit(running.id(), bytesPerSecond, running.batchesAtOnce()));
  }

  private Rebalance required() throws FsException {
    Rebalance running = state().rebalance();
    if (running == null) {
      throw new FsException(FsError.NOT_FOUND, "no rebalance is running");
    }
    return running;
  }

  /**
   * Waits until a rebalance, or the rebalance that cancels it, is over. Leaving nodes end a little
   * later: see {@link #awaitEnds}.
   *
   * @param progress told the progress ten times a second, in this thread
   * @param stalled told every few seconds, while nothing moves, which nodes the rebalance waits
   *     for, as {@link #awaited} does; in this thread
   * @return the finished rebalance, or the finished one that has replaced it
   * @throws FsException NO_SPACE if the daemons have paused the rebalance, with the reason;
   *     INTERRUPTED
   */
  public FinishedRebalance await(
      long id, Consumer<Rebalance> progress, Consumer<List<String>> stalled) throws FsException {
    long seen = -1;
    long seenNanos = System.nanoTime();
    while (true) {
      refresh();
      Rebalance running = state().rebalance();
      if (running == null || (running.id() != id && running.id() != Rebalance.cancelOf(id))) {
        FinishedRebalance last = state().last();
        if (last == null) {
          throw new FsException(FsError.INTERNAL, "the nodes know of no such rebalance");
        }
        return last;
      }
      progress.accept(running);
      long done = running.bytesSent() + running.slotsMoved();
      if (done != seen || running.paused()) {
        seen = done;
        seenNanos = System.nanoTime();
      } else if (System.nanoTime() - seenNanos > STALLED.toNanos()) {
        seenNanos = System.nanoTime();
        stalled.accept(awaited());
      }
      if (running.paused() && !running.reason().equals(PAUSED_ON_REQUEST)) {
        throw new FsException(
            FsError.NO_SPACE,
            "paused with %d of %d slots moved: %s; 'adhocfs rebalance resume' goes on, 'adhocfs rebalance cancel' moves the slots back"
                .formatted(running.slotsMoved(), running.slotsPlanned(), running.reason()));
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new FsException(FsError.INTERRUPTED, "interrupted while waiting", e);
      }
    }
  }

  /** As {@link #await(long, Consumer, Consumer)}, without reports of silent nodes. */
  public FinishedRebalance await(long id, Consumer<Rebalance> progress) throws FsException {
    return await(id, progress, sentences -> {});
  }

  /**
   * Waits until nodes that have left have ended, which they do by themselves, and removes what they
   * left.
   *
   * @return what could not be removed and why, a sentence each
   */
  public List<String> awaitEnds() throws FsException {
    long limit = System.nanoTime() + END_PATIENCE.toNanos();
    while (System.nanoTime() - limit < 0 && !running(gonePlaces()).isEmpty()) {
      LockSupport.parkNanos(LOOK_MILLIS * 1_000_000);
    }
    return bringUpToDate();
  }

  /** The nodes that would own slots, and their weights: the remaining and the new nodes. */
  private SortedMap<NodeId, Integer> owners(List<NodeId> leaving, List<Place> joining)
      throws FsException {
    var weights = new TreeMap<NodeId, Integer>();
    for (ClusterMap.Node node : nodes()) {
      if (!leaving.contains(node.id()) && !isIdle(node)) {
        weights.put(node.id(), 1);
      }
    }
    joining.forEach(place -> weights.put(place.id(), 1));
    if (weights.isEmpty() || weights.size() > ControlCommand.NODES_MAX) {
      throw new FsException(
          FsError.INVALID,
          "an instance has 1 to %d nodes, not %d"
              .formatted(ControlCommand.NODES_MAX, weights.size()));
    }
    return weights;
  }

  /** The present nodes that a change removes. */
  private List<NodeId> leaving(Change change) throws FsException {
    List<NodeId> present = agreement.nodeIds();
    return switch (change) {
      case Change.Expand _ -> List.of();
      case Change.Relocate _ -> present;
      case Change.Shrink shrink -> {
        for (NodeId node : shrink.nodes()) {
          if (!present.contains(node)) {
            throw new FsException(FsError.INVALID, "the instance has no node " + node);
          }
        }
        yield shrink.nodes();
      }
    };
  }

  /**
   * Whether a node was added and owns no slots, since the command that added it ended too early.
   */
  private boolean isIdle(ClusterMap.Node node) {
    return node.state() == NodeState.JOINING && state().rebalance() == null;
  }

  /** The places of new nodes, with ids that were never used. */
  private List<Place> newPlaces(Change change, InstanceDescription written) {
    int next = 0;
    for (ClusterMap.Node node : state().map().nodes()) {
      next = Math.max(next, node.id().value() + 1);
    }
    for (Place place : written.places()) {
      next = Math.max(next, place.id().value() + 1);
    }
    Path like = Path.of(written.places().getFirst().dataDirectory());
    Path parent = like.getParent();
    List<Place> places = new ArrayList<>();
    for (String host : change.added()) {
      places.add(
          new Place(new NodeId(next), host, (parent == null ? "" : parent) + "/node-" + next));
      next++;
    }
    return places;
  }

  private ResizePlan plan(Change change, Map<NodeId, Integer> weights) throws FsException {
    short[] owners = state().map().owners();
    SlotPlan slots = SlotPlan.of(owners, weights);
    SortedMap<NodeId, Reply.Status> answers =
        agreement
            .connection()
            .askAll(
                agreement.nodeIds(), new ControlRequest.GetStatus(), Reply.Status.class, PATIENCE)
            .answers();
    var space = new TreeMap<NodeId, StorageSpace>();
    answers.forEach((node, answer) -> space.put(node, answer.status().space()));
    var bytes = new TreeMap<NodeId, SortedMap<NodeId, Long>>();
    slots
        .links(owners)
        .forEach((source, targets) -> {
          Reply.Status answer = answers.get(source);
          NodeStatus status = answer == null ? null : answer.status();
          var row = new TreeMap<NodeId, Long>();
          // All slots count as equally full, since hashes fill them.
          targets.forEach((target, count) ->
              row.put(
                  target,
                  status == null || status.slots() == 0
                      ? 0
                      : status.usedBytes() / status.slots() * count));
          bytes.put(source, row);
        });
    var plan = new ResizePlan(change, slots, bytes, space);
    requireRoom(plan);
    return plan;
  }

  private static void requireRoom(ResizePlan plan) throws FsException {
    ResizePlan.Shortage shortage = plan.shortage(SPARE);
    if (shortage != null) {
      boolean shared = shortage.nodes().size() > 1;
      throw new FsException(
          FsError.NO_SPACE,
          "%s%s would get %d MiB and has %d MiB free: remove files or %s"
              .formatted(
                  shared ? "the disk of " : "",
                  shortage.nodes().stream().map(NodeId::toString).collect(joining(", ")),
                  shortage.incomingBytes() >> 20,
                  shortage.availableBytes() >> 20,
                  plan.change() instanceof Change.Shrink
                      ? "keep more nodes"
                      : "give it more nodes"));
    }
  }

  /**
   * Starts the daemons of new nodes and makes the nodes known to all; they own no slots yet.
   *
   * @return the places of the new nodes; none if the change adds no node
   */
  private List<Place> join(Change change) throws FsException {
    if (change.added().isEmpty()) {
      return List.of();
    }
    control.check(description, newPlaces(change, description));
    // Recorded first, so that every started daemon can be found and taken down. The ids are drawn
    // from the record of that moment, so that no other command draws the same ids.
    List<Place> places = new ArrayList<>();
    description =
        directory.update(
            description,
            written -> {
              places.clear();
              places.addAll(newPlaces(change, written));
              return written.withPlaces(places);
            });
    try {
      List<ClusterMap.Node> joining =
          control.start(description, places).stream()
              .map(node ->
                  new ClusterMap.Node(
                      node.id(),
                      node.host(),
                      node.port(),
                      node.socketPath(),
                      node.incarnation(),
                      NodeState.JOINING))
              .toList();
      ClusterMap map = state().map();
      for (ClusterMap.Node node : joining) {
        map = map.withNode(node);
      }
      agreement.connection().useMap(map);
      agreement.propose(new ControlCommand.Join(joining));
      agreement.connection().useMap(state().map());
      var _ =
          agreement
              .connection()
              .askUntilAnswered(
                  Agreement.ids(joining),
                  new ControlRequest.InstallMap(state().map()),
                  Reply.Done.class,
                  PROPOSAL_PATIENCE)
              .orThrow();
      description = directory.update(description, written -> written.agreeingWith(state().map()));
      return places;
    } catch (FsException e) {
      takeBack(places, e);
      throw e;
    }
  }

  /**
   * Removes new nodes again: from the map if they are in it, their daemons and data, and from the
   * record. A step that fails is reported with the failure; the next change of the nodes removes
   * what is left.
   *
   * <p>If the nodes have not agreed that a new node leaves, its daemon and data stay: the failed
   * command may have been agreed on all the same, or another command may have given the node slots.
   */
  private void takeBack(List<Place> places, FsException failure) {
    if (places.isEmpty()) {
      return;
    }
    try {
      ClusterMap map = refresh().map();
      List<NodeId> members = places.stream().map(Place::id).filter(map::isMember).toList();
      if (!members.isEmpty()) {
        agreement.propose(new ControlCommand.Leave(members));
      }
    } catch (FsException e) {
      failure.addSuppressed(e);
      return;
    }
    List<String> left = removeData(places);
    left.forEach(sentence -> failure.addSuppressed(new IllegalStateException(sentence)));
  }

  /**
   * Removes nodes that were added and own no slots, but for nodes that this change removes itself.
   */
  private void removeIdle(Change change) throws FsException {
    List<NodeId> leaving = leaving(change);
    List<NodeId> idle =
        Agreement.ids(
            nodes().stream().filter(node -> isIdle(node) && !leaving.contains(node.id())).toList());
    if (!idle.isEmpty()) {
      agreement.propose(new ControlCommand.Leave(idle));
      var _ = awaitEnds();
    }
  }

  /**
   * Ends the daemons of nodes and removes their data and places. A place whose data could not be
   * removed stays recorded, for the next change of the nodes and for the end of the instance.
   *
   * @return what could not be removed and why, a sentence each
   */
  private List<String> removeData(List<Place> places) {
    List<String> left = new ArrayList<>();
    List<NodeId> removed = new ArrayList<>();
    for (Place place : places) {
      try {
        control.remove(description, place);
        removed.add(place.id());
      } catch (FsException e) {
        left.add("node " + place.id() + ": " + e.getMessage());
      }
    }
    try {
      description = directory.update(description, written -> written.without(removed));
    } catch (FsException e) {
      left.add(e.getMessage());
    }
    return left;
  }

  /**
   * The places of nodes that have left, without lost nodes: the data of a lost node, should it come
   * back, is the only copy, and is removed only with the instance.
   */
  private List<Place> gonePlaces() {
    ClusterMap map = state().map();
    return description.places().stream()
        .filter(place -> {
          ClusterMap.Node node = map.node(place.id());
          return node != null && !node.isMember() && !map.lost().nodes().contains(place.id());
        })
        .toList();
  }

  /** The nodes of these places whose daemons still answer. */
  private Set<NodeId> running(List<Place> places) {
    return places.isEmpty()
        ? Set.of()
        : agreement
            .connection()
            .askAll(
                places.stream().map(Place::id).toList(),
                new ControlRequest.GetStatus(),
                Reply.Status.class,
                PATIENCE)
            .answers()
            .keySet();
  }

  /**
   * Records which nodes are part of the instance now, and removes what nodes that have left and
   * ended may have left behind. A place whose data could not be removed stays recorded, for the
   * next change of the nodes and for the end of the instance.
   *
   * @return what could not be removed and why, a sentence each
   */
  private List<String> bringUpToDate() throws FsException {
    description =
        Reconciliation.reconcile(directory, description, agreement.connection(), state().map());
    List<Place> gone = new ArrayList<>(gonePlaces());
    Set<NodeId> running = running(gone);
    gone.removeIf(place -> running.contains(place.id()));
    return removeData(gone);
  }

  /** Closes the connections; a started change goes on. */
  @Override
  public void close() {
    agreement.close();
  }
}
