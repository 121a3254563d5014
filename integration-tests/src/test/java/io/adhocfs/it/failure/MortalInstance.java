package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** An instance whose daemons can be told where to die, with a client that waits for them. */
final class MortalInstance implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final Duration ANSWER_PATIENCE = Duration.ofSeconds(5);
  private static final long LOOK_NANOS = 5_000_000;

  private final TestInstance instance;
  private final int nodes;
  private final ClusterMap map;
  private final AdhocFileSystem client;
  private final RpcClient admin;
  private final Path unpacked;

  /** The processes of all nodes, by node. */
  private final Map<Integer, ProcessHandle> daemons = new TreeMap<>();

  /** Nodes that are to die somewhere. */
  private final Set<Integer> armed = new TreeSet<>();

  private MortalInstance(TestInstance instance, int nodes) throws IOException {
    this.instance = instance;
    this.nodes = nodes;
    Instance described = instance.described();
    this.map = ClusterMap.initial(described.nodes());
    this.unpacked = Files.createDirectories(instance.scratch().resolve("unpacked"));
    this.client = NamedOperation.patientClient(instance.home(), instance.name());
    this.admin =
        new NettyRpcClient(
            new InstanceIdentity(described.id(), described.secret()),
            new SessionId(ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE)),
            PeerRole.ADMIN,
            1,
            map);
    for (int node = 0; node < nodes; node++) {
      noteProcess(node);
    }
  }

  /**
   * @param options further options of {@code adhocfs up}
   */
  static MortalInstance up(int nodes, String... options) throws IOException, InterruptedException {
    TestInstance instance = TestInstance.up(nodes, options);
    try {
      return new MortalInstance(instance, nodes);
    } catch (Throwable e) {
      instance.close();
      throw e;
    }
  }

  private void noteProcess(int node) throws IOException {
    daemons.put(node, ProcessHandle.of(instance.daemonProcess(node)).orElseThrow());
  }

  int nodes() {
    return nodes;
  }

  AdhocFileSystem client() {
    return client;
  }

  /** Another client, the caller's to close. */
  AdhocFileSystem newClient() throws FsException {
    return NamedOperation.patientClient(instance.home(), instance.name());
  }

  /** Which node keeps a slot. */
  int owner(SlotId slot) {
    return map.owner(slot).value();
  }

  /** Starts a client in a process of its own, which runs the operation when it is sent a line. */
  Process startClient(NamedOperation operation) throws IOException {
    return operation.inProcessOfItsOwn(instance.home(), instance.name());
  }

  /**
   * Kills the daemons of these nodes and starts each to die as it says: a crash point, perhaps with
   * {@code :n} for the n-th time.
   */
  void arm(Map<Integer, String> deaths) throws IOException, InterruptedException {
    awaitQuiet();
    for (Map.Entry<Integer, String> death : deaths.entrySet()) {
      kill(death.getKey());
      start(
          List.of(death.getKey()),
          "-Dadhocfs.crash=" + death.getValue() + " -Djava.io.tmpdir=" + unpacked);
      armed.add(death.getKey());
    }
  }

  /** Lets all live: those that are dead are started, those that are to die are started anew. */
  void disarm() throws IOException, InterruptedException {
    for (int node : armed) {
      kill(node);
    }
    var _ = startDead();
  }

  private void kill(int node) throws IOException {
    Processes.kill(process(node));
  }

  private ProcessHandle process(int node) {
    ProcessHandle process = daemons.get(node);
    if (process == null) {
      throw new IllegalArgumentException("no node " + node);
    }
    return process;
  }

  boolean isDead(int node) throws IOException {
    return !Processes.isRunning(process(node));
  }

  boolean isAnyDead() throws IOException {
    return !dead().isEmpty();
  }

  /**
   * Starts what is dead, to live; answers which nodes that was. While it does so, others may die:
   * that is for the next call.
   */
  List<Integer> startDead() throws IOException, InterruptedException {
    List<Integer> dead = dead();
    armed.removeAll(dead);
    Commands.Result started = tryToStart(dead, "");
    if (dead().isEmpty()) {
      var _ = started.expectSuccess();
    }
    return dead;
  }

  private List<Integer> dead() throws IOException {
    List<Integer> dead = new ArrayList<>();
    for (int node : daemons.keySet()) {
      if (isDead(node)) {
        dead.add(node);
      }
    }
    return dead;
  }

  private void start(List<Integer> wanted, String javaOptions)
      throws IOException, InterruptedException {
    var _ = tryToStart(wanted, javaOptions).expectSuccess();
  }

  private Commands.Result tryToStart(List<Integer> wanted, String javaOptions)
      throws IOException, InterruptedException {
    if (wanted.isEmpty()) {
      return new Commands.Result(0, "nothing to start");
    }
    Map<String, String> environment = instance.environmentForQuickStarts(javaOptions);
    List<String> command = new ArrayList<>();
    command.add(environment.getOrDefault("adhocfs", ""));
    command.addAll(List.of("start", "--name", instance.name()));
    wanted.forEach(node -> command.add("n" + node));
    Commands.Result result = Commands.run(instance.scratch(), environment, PATIENCE, command);
    for (int node : wanted) {
      if (!Files.exists(instance.dataDirectory(node).resolve("daemon.json"))) {
        throw new AssertionError("node " + node + " has not started: " + result.output());
      }
      noteProcess(node);
    }
    admin.useMap(ClusterMap.initial(instance.described().nodes()));
    return result;
  }

  /** Expects that daemons that died as if killed have left nothing but their data. */
  void expectNoLitter() throws IOException {
    try (var left = Files.list(unpacked)) {
      assertThat(left).as("files that killed daemons unpacked").isEmpty();
    }
  }

  /** Whether all daemons answer and none of them has anything to finish. */
  boolean isQuiet() throws InterruptedException {
    List<CompletableFuture<Response>> answers = new ArrayList<>();
    for (int node = 0; node < nodes; node++) {
      answers.add(
          admin.call(
              new NodeId(node),
              new ControlRequest.GetStatus(),
              Unpooled.EMPTY_BUFFER,
              TrafficClass.CONTROL,
              Deadline.after(ANSWER_PATIENCE)));
    }
    boolean quiet = true;
    for (CompletableFuture<Response> answer : answers) {
      try {
        Response response = answer.get();
        response.payload().release();
        quiet &=
            response.reply() instanceof Reply.Status status
                && status.status().pendingOperations() == 0;
      } catch (ExecutionException e) {
        quiet = false;
      }
    }
    return quiet;
  }

  void awaitQuiet() throws InterruptedException {
    await("all daemons to have finished what they began", this::isQuiet);
  }

  static void await(String what, Waiting.Condition condition) throws InterruptedException {
    Waiting.until(what, PATIENCE, LOOK_NANOS, condition);
  }

  /** The answer of an operation of the client; an error of it fails the test. */
  static void expectSuccess(CompletableFuture<?> operation) throws InterruptedException {
    try {
      Object _ = operation.get(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError("the client was told a failure", e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("the client was told nothing", e);
    }
  }

  void verify() throws IOException, InterruptedException {
    instance.verify();
  }

  @Override
  public void close() throws IOException {
    try {
      client.close();
      admin.close();
    } finally {
      instance.close();
    }
  }
}
