package io.adhocfs.cli.command;

import io.adhocfs.cli.admin.AdminConnection;
import io.adhocfs.cli.arguments.Output;
import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.Nodes;
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
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/** What the daemons of one instance have agreed on, and how it is changed. One thread. */
final class Rebalancing implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration PROPOSAL_PATIENCE = Duration.ofSeconds(30);
  private static final Duration END_PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MILLIS = 100;

  /** Reason of a pause that somebody wanted. */
  static final String PAUSED_BY_COMMAND = "by command";

  private final InstanceDirectory directory;
  private final AdminConnection connection;
  private InstanceDescription description;
  private ControlState state;

  private Rebalancing(
      InstanceDirectory directory,
      AdminConnection connection,
      InstanceDescription description,
      ControlState state) {
    this.directory = directory;
    this.connection = connection;
    this.description = description;
    this.state = state;
  }

  /**
   * Asks the instance how things stand, and brings its file up to date.
   *
   * @throws FsException UNREACHABLE when no node answers
   */
  static Rebalancing open(InstanceDescription description, InstanceDirectory directory)
      throws FsException {
    AdminConnection connection = Connections.open(description);
    boolean opened = false;
    try {
      ClusterMap known = Connections.knownMap(description);
      ControlState state =
          newest(connection, known.nodes().stream().map(ClusterMap.Node::id).toList());
      var rebalancing = new Rebalancing(directory, connection, description, state);
      connection.useMap(known.merge(state.map()));
      rebalancing.bringFileUpToDate();
      opened = true;
      return rebalancing;
    } finally {
      if (!opened) {
        connection.close();
      }
    }
  }

  private static ControlState newest(AdminConnection connection, List<NodeId> nodes)
      throws FsException {
    var answers =
        connection.askAll(nodes, new ControlRequest.GetControl(), Reply.Control.class, PATIENCE);
    ControlState newest = null;
    for (Reply.Control answer : answers.answers().values()) {
      if (newest == null || answer.state().version() > newest.version()) {
        newest = answer.state();
      }
    }
    if (newest == null) {
      throw new FsException(
          FsError.UNREACHABLE,
          "no node of the instance answers; see 'adhocfs status' and 'adhocfs start'");
    }
    return newest;
  }

  ControlState state() {
    return state;
  }

  InstanceDescription description() {
    return description;
  }

  AdminConnection connection() {
    return connection;
  }

  /** Nodes that are part of the instance. */
  List<ClusterMap.Node> nodes() {
    return state.map().nodes().stream().filter(node -> node.state() != NodeState.GONE).toList();
  }

  /** Asks again. */
  ControlState refresh() throws FsException {
    ControlState now = newest(connection, nodes().stream().map(ClusterMap.Node::id).toList());
    if (now.version() >= state.version()) {
      state = now;
      connection.useMap(now.map());
    }
    return state;
  }

  /** Has a command agreed on; REFUSED is an error. */
  void propose(ControlCommand command) throws FsException {
    FsException last = null;
    for (ClusterMap.Node node : nodes()) {
      try {
        Reply.Decided decided =
            connection.ask(
                node.id(),
                new ControlRequest.Propose(command, true),
                Reply.Decided.class,
                PROPOSAL_PATIENCE);
        if (!decided.outcome().accepted()) {
          throw new FsException(FsError.BUSY, decided.outcome().message());
        }
        refresh();
        return;
      } catch (FsException e) {
        if (e.error() == FsError.BUSY) {
          throw e;
        }
        last = e;
      }
    }
    throw last == null ? new FsException(FsError.UNREACHABLE, "no node answers") : last;
  }

  /** Starts daemons of new nodes and makes them known to all; they own nothing yet. */
  void join(List<Place> places) throws FsException {
    List<Place> all = new ArrayList<>(description.places());
    all.addAll(places);
    // Written first, so that whatever is started can be found and taken down.
    write(all, description.instance().nodes());
    var nodes = new Nodes(description, directory);
    List<ClusterMap.Node> started = new ArrayList<>();
    FsException failure = null;
    for (Outcome<Place, io.adhocfs.cli.process.RunningDaemon> outcome :
        InParallel.run(places, nodes::startNew)) {
      if (outcome.failure() != null) {
        failure =
            new FsException(
                outcome.failure().error(),
                "node " + outcome.item().id() + ": " + outcome.failure().getMessage(),
                outcome.failure());
      } else if (outcome.result() != null) {
        started.add(outcome.result().node());
      }
    }
    try {
      if (failure != null) {
        throw failure;
      }
      List<ClusterMap.Node> joining = new ArrayList<>();
      ClusterMap map = state.map();
      for (ClusterMap.Node node : started) {
        var joined =
            new ClusterMap.Node(
                node.id(),
                node.host(),
                node.port(),
                node.socketPath(),
                node.incarnation(),
                NodeState.JOINING);
        joining.add(joined);
        map = map.withNode(joined);
      }
      connection.useMap(map);
      propose(new ControlCommand.Join(joining));
      connection.useMap(state.map());
      var _ =
          connection
              .askUntilAnswered(
                  joining.stream().map(ClusterMap.Node::id).toList(),
                  new ControlRequest.InstallMap(state.map()),
                  Reply.Done.class,
                  PROPOSAL_PATIENCE)
              .orThrow();
    } catch (FsException e) {
      removeAll(places);
      List<Place> before = new ArrayList<>(description.places());
      before.removeAll(places);
      write(before, description.instance().nodes());
      throw e;
    }
    bringFileUpToDate();
  }

  /** Takes out nodes that were added and have been given nothing: a command ended too early. */
  void removeIdle() throws FsException {
    List<NodeId> idle =
        nodes().stream()
            .filter(node -> node.state() == NodeState.JOINING)
            .map(ClusterMap.Node::id)
            .toList();
    if (!idle.isEmpty()) {
      propose(new ControlCommand.Leave(idle));
      var _ = awaitEnds();
    }
  }

  private List<String> removeAll(List<Place> places) {
    List<String> left = new ArrayList<>();
    var nodes = new Nodes(description, directory);
    for (Place place : places) {
      try {
        nodes.remove(place);
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

  /** Waits until nodes that have left have ended, which they do by themselves, and tidies up. */
  List<String> awaitEnds() throws FsException {
    long limit = System.nanoTime() + END_PATIENCE.toNanos();
    while (System.nanoTime() - limit < 0 && !running(gonePlaces()).isEmpty()) {
      LockSupport.parkNanos(LOOK_MILLIS * 1_000_000);
    }
    return bringFileUpToDate();
  }

  private List<Place> gonePlaces() {
    return description.places().stream()
        .filter(place -> {
          ClusterMap.Node node = state.map().node(place.id());
          return node != null && node.state() == NodeState.GONE;
        })
        .toList();
  }

  /** Those whose daemons still answer. */
  private Set<NodeId> running(List<Place> places) {
    return places.isEmpty()
        ? Set.of()
        : connection
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
   */
  List<String> bringFileUpToDate() throws FsException {
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

  /** Waits until nothing is being moved any more, and shows how far it is. */
  FinishedRebalance await(long id, Output output, boolean shows) throws FsException {
    long lastBytes = -1;
    long lastNanos = System.nanoTime();
    double rate = 0;
    while (true) {
      refresh();
      Rebalance running = state.rebalance();
      if (running == null || (running.id() != id && running.id() != Rebalance.cancelOf(id))) {
        if (shows) {
          output.rawNote("\r" + " ".repeat(100) + "\r");
        }
        FinishedRebalance last = state.last();
        if (last == null) {
          throw new FsException(FsError.INTERNAL, "nothing is known of the rebalance");
        }
        return last;
      }
      long now = System.nanoTime();
      if (shows && now - lastNanos > 500_000_000L) {
        if (lastBytes >= 0) {
          rate = 0.5 * rate + 0.5 * (running.bytesSent() - lastBytes) * 1e9 / (now - lastNanos);
        }
        lastBytes = running.bytesSent();
        lastNanos = now;
        output.rawNote("\r" + line(running, rate));
      }
      if (running.paused() && !running.reason().equals(PAUSED_BY_COMMAND)) {
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

  private static String line(Rebalance running, double rate) {
    double share =
        running.slotsPlanned() == 0 ? 1 : running.slotsMoved() / (double) running.slotsPlanned();
    long nowNanos = nowNanos();
    double elapsed = (nowNanos - running.startedNanos()) / 1e9;
    String left =
        share > 0.02
            ? ", " + Quantities.millis((long) (elapsed / share * (1 - share) * 1000)) + " left"
            : "";
    int filled = (int) (share * 20);
    return String.format(
        Locale.ROOT,
        "[%s%s] %3.0f%%  %d of %d slots, %s, %s/s%s%s   ",
        "#".repeat(filled),
        ".".repeat(20 - filled),
        100 * share,
        running.slotsMoved(),
        running.slotsPlanned(),
        Quantities.bytes(running.bytesSent()),
        Quantities.bytes((long) rate),
        left,
        running.paused() ? ", PAUSED " + running.reason() : "");
  }

  /** Since 1970. */
  static long nowNanos() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  /** What is under way, or what was last; for JSON. */
  static Map<String, Object> json(ControlState state) {
    var json = new LinkedHashMap<String, Object>();
    Rebalance running = state.rebalance();
    FinishedRebalance last = state.last();
    json.put("epoch", state.map().epoch().value());
    json.put("running", running != null);
    if (running != null) {
      json.put("id", running.id());
      json.put("kind", running.kind().name().toLowerCase(Locale.ROOT));
      json.put("paused", running.paused());
      json.put("reason", running.reason());
      json.put("limit", running.bytesPerSecond());
      json.put("batches", running.batchesAtOnce());
      json.put("slots_planned", running.slotsPlanned());
      json.put("slots_lower_bound", running.slotsPlanned());
      json.put("slots_moved", running.slotsMoved());
      json.put("bytes_sent", running.bytesSent());
      json.put("bytes_held", running.bytesHeld());
      json.put("seconds", (nowNanos() - running.startedNanos()) / 1e9);
    } else if (last != null) {
      finished(json, last);
    }
    return json;
  }

  /** What came of one; for JSON. */
  static void finished(Map<String, Object> json, FinishedRebalance last) {
    json.put("id", last.id());
    json.put("kind", last.kind().name().toLowerCase(Locale.ROOT));
    json.put("outcome", last.outcome().name().toLowerCase(Locale.ROOT));
    json.put("slots_planned", last.slotsPlanned());
    json.put("slots_lower_bound", last.slotsPlanned());
    json.put("slots_moved", last.slotsMoved());
    json.put("bytes_sent", last.bytesSent());
    json.put("bytes_held", last.bytesHeld());
    json.put("seconds", (last.finishedNanos() - last.startedNanos()) / 1e9);
  }

  static String sentence(FinishedRebalance last) {
    return String.format(
        Locale.ROOT,
        "%s %s: %d of %d slots moved, %s sent for %s held, in %.1f s",
        last.kind().name().toLowerCase(Locale.ROOT),
        last.outcome().name().toLowerCase(Locale.ROOT),
        last.slotsMoved(),
        last.slotsPlanned(),
        Quantities.bytes(last.bytesSent()),
        Quantities.bytes(last.bytesHeld()),
        (last.finishedNanos() - last.startedNanos()) / 1e9);
  }

  @Override
  public void close() {
    connection.close();
  }
}
