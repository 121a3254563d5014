package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntUnaryOperator;

/** Daemons, the network between them, what they agree on, and the processes that use them. */
public final class SimulatedInstance implements AutoCloseable {
  private static final long RESTART_NANOS_MIN = 50_000_000;
  private static final long RESTART_NANOS = 3_000_000_000L;
  private static final long QUIET_NANOS = 30_000_000_000L;
  private static final int BATCHES_AT_ONCE = 2;
  private static final long AGAIN_NANOS = 100_000_000;
  private static final Duration ADMINISTRATOR_PATIENCE = Duration.ofSeconds(70);

  private final SimulatedTime time = new SimulatedTime();
  private final SplittableRandom random;
  private final Settings settings;
  private final long diskBytes;
  private final SimulatedNetwork network;
  private final Map<Integer, SimulatedDaemon> daemons = new TreeMap<>();
  private final List<ClientProcess> processes = new ArrayList<>();
  private final Map<CrashPoint, Integer> reached = new EnumMap<>(CrashPoint.class);
  private final SimulatedLogs logs;
  private final AgreedStates states;
  private final Life administrator = new Life();
  private long lastSession = 100;
  private long lastRebalance;
  private boolean powerFails;
  private boolean restarts = true;
  private boolean tellsAddresses = true;
  private int nextNode;
  private int joining;
  private int deciding;
  private int deaths;
  private int powerFailures;

  /** Starts daemons. */
  public SimulatedInstance(SplittableRandom random, int size, Settings settings, long diskBytes) {
    this.random = random;
    this.settings = settings;
    this.diskBytes = diskBytes;
    this.network = new SimulatedNetwork(time, random.split());
    time.onDeath(death ->
        daemons.values().stream()
            .filter(daemon -> daemon.life() == death.life)
            .findAny()
            .ifPresent(this::buried));
    List<ClusterMap.Node> nodes = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      nodes.add(newDaemon(i).prepare());
    }
    ClusterMap map = ClusterMap.initial(nodes);
    this.logs = new SimulatedLogs(time, random.split());
    this.states = new AgreedStates(ControlState.initial(map));
    daemons.values().forEach(daemon -> daemon.start(map));
  }

  private SimulatedDaemon newDaemon(int id) {
    var daemon = new SimulatedDaemon(this, new NodeId(id), random.split(), diskBytes);
    daemons.put(id, daemon);
    nextNode = Math.max(nextNode, id + 1);
    return daemon;
  }

  public SimulatedTime time() {
    return time;
  }

  public SimulatedNetwork network() {
    return network;
  }

  SimulatedLogs logs() {
    return logs;
  }

  AgreedStates states() {
    return states;
  }

  /** What was agreed on last, as far as any daemon knows. */
  public ControlState state() {
    return states.newest();
  }

  public Settings settings() {
    return settings;
  }

  /** All that have not left. */
  public List<SimulatedDaemon> daemons() {
    return daemons.values().stream().filter(daemon -> !daemon.isGone()).toList();
  }

  public SimulatedDaemon daemon(NodeId id) {
    return Objects.requireNonNull(daemons.get(id.value()));
  }

  /** What was agreed on last. */
  public ClusterMap map() {
    return state().map();
  }

  /** The newest map, with the addresses that the daemons have now. */
  public ClusterMap addresses() {
    ClusterMap map = map();
    for (ClusterMap.Node now : contacts()) {
      map = map.withAddress(now);
    }
    return map;
  }

  /** Whether whoever starts a daemon again tells the others where it is. */
  public void tellsAddresses(boolean doesSo) {
    tellsAddresses = doesSo;
  }

  /**
   * A daemon has another address. Those that have agreed on nothing yet hear of it from whoever
   * starts it, the others perhaps.
   */
  void moved(SimulatedDaemon started) {
    if (!tellsAddresses || (state().version() > 0 && random.nextBoolean())) {
      return;
    }
    ClusterMap now = addresses();
    for (SimulatedDaemon daemon : daemons()) {
      if (daemon != started && daemon.isAlive()) {
        time.after(network.latency(), daemon.life(), () -> daemon.install(now));
      }
    }
  }

  /** Who owns a slot. */
  public SimulatedDaemon owner(int slot) {
    return daemon(new NodeId(map().ownerValue(slot)));
  }

  /** Where the daemons are, or were last. */
  public List<ClusterMap.Node> contacts() {
    return daemons().stream().map(SimulatedDaemon::address).toList();
  }

  /** A session that nobody has had. */
  public long newSession() {
    return ++lastSession;
  }

  public List<ClientProcess> processes() {
    return List.copyOf(processes);
  }

  public ClientProcess newProcess() {
    return newProcess(
        new ClientProcess.Setup(settings, this::contacts, (_, _, connections) -> connections));
  }

  public ClientProcess newProcess(ClientProcess.Setup setup) {
    var process = new ClientProcess(this, "c" + processes.size(), setup, random.split());
    processes.add(process);
    return process;
  }

  void reached(CrashPoint point) {
    reached.merge(point, 1, Integer::sum);
  }

  /** How often each point was reached, by all daemons. */
  public Map<CrashPoint, Integer> reached() {
    return reached;
  }

  /** How many processes of daemons have ended. */
  public int deaths() {
    return deaths;
  }

  /** Whether who dies loses what it has not synced, as with its power. */
  public void powerFails(boolean fails) {
    powerFails = fails;
  }

  /** Whether who dies is started again by itself. */
  public void restarts(boolean doesSo) {
    restarts = doesSo;
  }

  /** How often the power of a node has failed. */
  int powerFailures() {
    return powerFailures;
  }

  /** Clears up after a death, and starts the process again later. */
  void buried(SimulatedDaemon daemon) {
    deaths++;
    time.trace(() -> daemon.id() + " dies" + (daemon.isGone() ? ", having left" : ""));
    daemon.bury();
    network.ended(daemon.life());
    time.forget(daemon.life());
    if (daemon.isGone()) {
      return;
    }
    if (powerFails) {
      powerFailures++;
      daemon.losePower();
    }
    if (restarts) {
      time.after(RESTART_NANOS_MIN + random.nextLong(RESTART_NANOS), null, daemon::restart);
    }
  }

  /** Ends all daemons at once, and starts them again. */
  public void restartAll() {
    daemons().forEach(SimulatedDaemon::kill);
    daemons().forEach(SimulatedDaemon::restart);
    awaitServing();
  }

  /** Lets time pass until all daemons answer requests. */
  public void awaitServing() {
    time.until(() -> daemons().stream().allMatch(SimulatedDaemon::isServing), "all serve");
  }

  /** Adds a daemon, which owns nothing yet; completes when it has begun to start. */
  public CompletableFuture<SimulatedDaemon> join() {
    int id = nextNode++;
    var daemon = new SimulatedDaemon(this, new NodeId(id), random.split(), diskBytes);
    ClusterMap.Node address = daemon.prepare();
    joining++;
    return decide(new ControlCommand.Join(List.of(address)))
        .thenApply(outcome -> {
          if (!outcome.accepted()) {
            throw new AssertionError(outcome);
          }
          joining--;
          daemons.put(id, daemon);
          daemon.start(addresses().withNode(address));
          return daemon;
        });
  }

  /**
   * Asks some daemon, and then another, until what is asked is decided. The outcome is of an
   * attempt: should the answer to an earlier one have been lost, it is that of a repetition.
   */
  public CompletableFuture<Outcome> decide(ControlCommand command) {
    var decided = new CompletableFuture<Outcome>();
    deciding++;
    ask(command, decided);
    return decided;
  }

  private void ask(ControlCommand command, CompletableFuture<Outcome> decided) {
    List<SimulatedDaemon> all = daemons();
    NodeId asked = all.get(random.nextInt(all.size())).id();
    RpcClient connection =
        network.client(
            "administrator",
            administrator,
            new SessionId(newSession()),
            PeerRole.ADMIN,
            addresses());
    var _ =
        connection
            .call(
                asked,
                new ControlRequest.Propose(command, true),
                Unpooled.EMPTY_BUFFER,
                TrafficClass.CONTROL,
                Deadline.after(ADMINISTRATOR_PATIENCE))
            .whenComplete((response, _) -> {
              connection.close();
              if (response != null && response.reply() instanceof Reply.Decided answer) {
                deciding--;
                time.after(0, null, () -> decided.complete(answer.outcome()));
              } else {
                time.after(AGAIN_NANOS, null, () -> ask(command, decided));
              }
            });
  }

  /** Lets time pass until the outcome is known. */
  public Outcome decided(CompletableFuture<Outcome> outcome) {
    time.until(outcome::isDone, "it is decided");
    return outcome.join();
  }

  /**
   * Has slots moved to where they are wanted; what runs already is superseded.
   *
   * @param target the owner wanted for a slot
   */
  public CompletableFuture<Outcome> rebalance(IntUnaryOperator target, List<NodeId> leaving) {
    ClusterMap map = map();
    var owners = new short[map.owners().length];
    for (int slot = 0; slot < owners.length; slot++) {
      owners[slot] = (short) target.applyAsInt(slot);
    }
    return decide(
        new ControlCommand.Start(
            ++lastRebalance,
            leaving.isEmpty() ? Rebalance.Kind.EXPAND : Rebalance.Kind.SHRINK,
            map.epoch(),
            owners,
            leaving,
            0,
            BATCHES_AT_ONCE,
            true,
            time.nanoTime()));
  }

  /** Lets everything come to its end: nothing fails any more. */
  public void settle() {
    network.faults(SimulatedNetwork.Faults.NONE);
    network.joinAll();
    daemons().forEach(SimulatedDaemon::dieNoMore);
    time.until(this::isQuiet, "all that is under way is over: " + state().rebalance());
    time.pass(QUIET_NANOS);
    time.until(this::isQuiet, "all that was begun late is over");
  }

  private boolean isQuiet() {
    return deciding == 0
        && joining == 0
        && state().rebalance() == null
        && daemons().stream().allMatch(daemon -> state().map().isMember(daemon.id()))
        && daemons().stream().allMatch(daemon -> daemon.isServing() && daemon.pending() == 0)
        && daemons().stream()
            .allMatch(daemon -> daemon.control().state().version() == state().version());
  }

  /** Ends all processes. */
  @Override
  public void close() {
    processes.stream().filter(ClientProcess::isAlive).forEach(ClientProcess::kill);
    daemons.values().stream()
        .filter(SimulatedDaemon::isAlive)
        .forEach(daemon -> {
          daemon.life().ended = true;
          daemon.bury();
        });
  }
}
