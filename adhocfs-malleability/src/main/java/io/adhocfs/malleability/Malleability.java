package io.adhocfs.malleability;

import static java.util.stream.Collectors.joining;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
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
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Changes the nodes of one instance while programs use it: the interface for an outside controller
 * such as a batch system (requirements 27, 28, 29, 34, 40, 94). The commands expand, shrink,
 * relocate and rebalance are made of it.
 *
 * <p>The daemons do the work and remember it: what was started goes on when this is closed or its
 * process dies, and whoever opens the instance next sees how far it is. They agree on one change at
 * a time; several controllers may work on one instance, of which all but one get BUSY. An object is
 * for one thread at a time.
 *
 * <p>Unless said otherwise, methods throw {@link FsException} with UNREACHABLE when no node
 * answers, and block for up to half a minute while the daemons find out who leads them.
 */
public final class Malleability implements AutoCloseable {
  /** Reason of a pause that somebody wanted. */
  public static final String PAUSED_ON_REQUEST = "by command";

  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration PROPOSAL_PATIENCE = Duration.ofSeconds(30);
  private static final Duration END_PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MILLIS = 100;
  private static final int BATCHES_AT_ONCE = 2;
  private static final int START_ATTEMPTS_MAX = 50;

  /** What a target's disk must have for each byte that is to arrive. */
  private static final double SPARE = 1.02;

  private final InstanceDirectory directory;
  private final NodeControl control;
  private final Agreement agreement;
  private InstanceDescription description;

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
   * Asks an instance how things stand, and brings what is written down of it up to date.
   *
   * @param directory lists the instance
   * @throws FsException NOT_FOUND when there is no such instance
   */
  public static Malleability open(InstanceDirectory directory, String name, NodeControl control)
      throws FsException {
    InstanceDescription description = directory.read(name);
    Agreement agreement = Agreement.open(description.instance());
    boolean opened = false;
    try {
      var malleability = new Malleability(directory, control, agreement, description);
      var _ = malleability.bringUpToDate();
      opened = true;
      return malleability;
    } finally {
      if (!opened) {
        agreement.close();
      }
    }
  }

  /** What the daemons had agreed on when they were last asked: map, running and last rebalance. */
  public ControlState state() {
    return agreement.state();
  }

  /** Asks again. */
  public ControlState refresh() throws FsException {
    return agreement.refresh();
  }

  /** What is written down of the instance. */
  public InstanceDescription description() {
    return description;
  }

  /** Nodes that are part of the instance, those that come and those that go included. */
  public List<ClusterMap.Node> nodes() {
    return agreement.nodes();
  }

  /**
   * What a change would move; nothing is changed.
   *
   * @throws FsException NO_SPACE when a node would get more than it has room for; INVALID when a
   *     node is named that there is not, or none would be left
   */
  public ResizePlan plan(Change change) throws FsException {
    return plan(change, owners(leaving(change), newPlaces(change)));
  }

  /**
   * Starts the daemons of new nodes and has all of them move what the change needs; returns when
   * that has begun. The moves are planned from where slots are at that time.
   *
   * @param bytesPerSecond the most that each node may send; 0 = no bound
   * @param supersede whether it takes the place of a change that is under way, from where it stands
   * @return the id of the rebalance, for {@link #await}, and what is to be moved
   * @throws FsException as {@link #plan}, nothing being changed; BUSY when another change is under
   *     way or came first; what {@link NodeControl} throws, all new nodes being removed again
   */
  public Started start(Change change, long bytesPerSecond, boolean supersede) throws FsException {
    Rebalance running = state().rebalance();
    if (running != null && !supersede) {
      throw new FsException(
          FsError.BUSY,
          "slots are being moved already (%d of %d): wait for it (adhocfs rebalance status --wait), take it back (adhocfs rebalance cancel) or give --supersede"
              .formatted(running.slotsMoved(), running.slotsPlanned()));
    }
    if (running == null) {
      removeIdle();
    }
    List<Place> joining = newPlaces(change);
    List<NodeId> leaving = leaving(change);
    SortedMap<NodeId, Integer> weights = owners(leaving, joining);
    ResizePlan plan = plan(change, weights);
    if (!joining.isEmpty()) {
      join(joining);
      try {
        // Only now can the new ones say what room they have.
        plan = plan(change, weights);
      } catch (FsException e) {
        removeIdle();
        throw e;
      }
    }
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
        // Where a switch has been set meanwhile, the plan is still right; slots may move, too.
        if (!now.hasNodesAndOwnersOf(base)) {
          plan = plan(change, weights);
        }
      }
    }
  }

  /**
   * What {@link #start} has begun.
   *
   * @param id of the rebalance
   */
  public record Started(long id, ResizePlan plan) {}

  /** No further batch of slots begins. NOT_FOUND when nothing is under way. */
  public void pause() throws FsException {
    agreement.propose(new ControlCommand.Pause(required().id(), PAUSED_ON_REQUEST));
  }

  /** Goes on after a pause. NOT_FOUND when nothing is under way. */
  public void resume() throws FsException {
    agreement.propose(new ControlCommand.Resume(required().id()));
  }

  /** What has been moved goes back, new nodes leave. NOT_FOUND when nothing is under way. */
  public void cancel() throws FsException {
    agreement.propose(
        new ControlCommand.Cancel(required().id(), WallClock.nanos(InstantSource.system())));
  }

  /**
   * Changes how much each node may send. NOT_FOUND when nothing is under way.
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
      throw new FsException(FsError.NOT_FOUND, "nothing is being moved");
    }
    return running;
  }

  /**
   * Waits until a rebalance, or what takes it back, is over. Nodes that leave end a little later:
   * see {@link #awaitEnds}.
   *
   * @param progress told ten times a second how far it is, in this thread
   * @return what came of it, or of what took its place and is over
   * @throws FsException NO_SPACE when the daemons have paused it, with the reason; INTERRUPTED
   */
  public FinishedRebalance await(long id, Consumer<Rebalance> progress) throws FsException {
    while (true) {
      refresh();
      Rebalance running = state().rebalance();
      if (running == null || (running.id() != id && running.id() != Rebalance.cancelOf(id))) {
        FinishedRebalance last = state().last();
        if (last == null) {
          throw new FsException(FsError.INTERNAL, "nothing is known of the rebalance");
        }
        return last;
      }
      progress.accept(running);
      if (running.paused() && !running.reason().equals(PAUSED_ON_REQUEST)) {
        throw new FsException(
            FsError.NO_SPACE,
            "paused with %d of %d slots moved: %s; 'adhocfs rebalance resume' goes on, 'adhocfs rebalance cancel' takes it back"
                .formatted(running.slotsMoved(), running.slotsPlanned(), running.reason()));
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new FsException(FsError.INTERRUPTED, "waiting", e);
      }
    }
  }

  /**
   * Waits until nodes that have left have ended, which they do by themselves, and tidies up.
   *
   * @return what they left and why, a sentence each
   */
  public List<String> awaitEnds() throws FsException {
    long limit = System.nanoTime() + END_PATIENCE.toNanos();
    while (System.nanoTime() - limit < 0 && !running(gonePlaces()).isEmpty()) {
      LockSupport.parkNanos(LOOK_MILLIS * 1_000_000);
    }
    return bringUpToDate();
  }

  /** Nodes that would own slots, and their weights: those that stay and those that come. */
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

  /** Nodes that a change takes away, of those that are there now. */
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

  /** Whether a node was added and given nothing: what added it ended too early. */
  private boolean isIdle(ClusterMap.Node node) {
    return node.state() == NodeState.JOINING && state().rebalance() == null;
  }

  /** Places for new nodes, with ids that were never used. */
  private List<Place> newPlaces(Change change) {
    int next = 0;
    for (ClusterMap.Node node : state().map().nodes()) {
      next = Math.max(next, node.id().value() + 1);
    }
    for (Place place : description.places()) {
      next = Math.max(next, place.id().value() + 1);
    }
    Path like = Path.of(description.places().getFirst().dataDirectory());
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
          // Slots are alike, as far as can be known: hashes fill them.
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

  /** Starts daemons of new nodes and makes them known to all; they own nothing yet. */
  private void join(List<Place> places) throws FsException {
    List<Place> all = new ArrayList<>(description.places());
    all.addAll(places);
    // Written first, so that whatever is started can be found and taken down.
    write(all, description.instance().nodes());
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
    } catch (FsException e) {
      removeAll(places).forEach(left -> e.addSuppressed(new IllegalStateException(left)));
      List<Place> before = new ArrayList<>(description.places());
      before.removeAll(places);
      write(before, description.instance().nodes());
      throw e;
    }
    var _ = bringUpToDate();
  }

  /** Takes out nodes that were added and have been given nothing. */
  private void removeIdle() throws FsException {
    List<NodeId> idle = Agreement.ids(nodes().stream().filter(this::isIdle).toList());
    if (!idle.isEmpty()) {
      agreement.propose(new ControlCommand.Leave(idle));
      var _ = awaitEnds();
    }
  }

  private List<String> removeAll(List<Place> places) {
    List<String> left = new ArrayList<>();
    for (Place place : places) {
      try {
        control.remove(description, place);
      } catch (FsException e) {
        left.add("node " + place.id() + ": " + e.getMessage());
      }
    }
    return left;
  }

  private void write(List<Place> places, List<ClusterMap.Node> nodes) throws FsException {
    Instance instance = description.instance();
    description =
        new InstanceDescription(
            new Instance(
                instance.name(), instance.id(), instance.secret(), instance.settings(), nodes),
            places,
            description.created());
    directory.replace(description);
  }

  private List<Place> gonePlaces() {
    return description.places().stream()
        .filter(place -> {
          ClusterMap.Node node = state().map().node(place.id());
          return node != null && node.state() == NodeState.GONE;
        })
        .toList();
  }

  /** Those whose daemons still answer. */
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
   * Writes who is part of the instance now, and removes what nodes that have left and ended may
   * leave.
   *
   * @return what could not be removed and why, a sentence each
   */
  private List<String> bringUpToDate() throws FsException {
    List<ClusterMap.Node> nodes = nodes();
    List<Place> gone = new ArrayList<>(gonePlaces());
    Set<NodeId> running = running(gone);
    gone.removeIf(place -> running.contains(place.id()));
    List<String> left = removeAll(gone);
    List<Place> places = new ArrayList<>(description.places());
    places.removeAll(gone);
    if (!gone.isEmpty() || !nodes.equals(description.instance().nodes())) {
      write(places, nodes);
    }
    return left;
  }

  /** Closes its connections; what was started goes on. */
  @Override
  public void close() {
    agreement.close();
  }
}
