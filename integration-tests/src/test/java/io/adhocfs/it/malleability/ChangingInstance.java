package io.adhocfs.it.malleability;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An instance whose nodes come and go by commands, and whose daemons can be told where to die or to
 * stand still. One thread, but for {@link #ask}.
 */
final class ChangingInstance implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(150);
  private static final Duration CLIENT_DEADLINE = Duration.ofMinutes(4);
  private static final Duration ANSWER_PATIENCE = Duration.ofSeconds(2);
  private static final long LOOK_NANOS = 20_000_000;

  /** Daemons live for seconds here: compiling them well takes longer than it saves. */
  private final TestInstance instance;

  private final NettyRpcClient admin;
  private int commands;

  private ChangingInstance(TestInstance instance) throws FsException {
    this.instance = instance;
    Instance described = instance.described();
    admin =
        new NettyRpcClient(
            new InstanceIdentity(described.id(), described.secret()),
            new SessionId(ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE)),
            PeerRole.ADMIN,
            1,
            ClusterMap.initial(described.nodes()));
  }

  static ChangingInstance up(int nodes, String... options)
      throws IOException, InterruptedException {
    TestInstance instance = TestInstance.up(nodes, options);
    try {
      return new ChangingInstance(instance);
    } catch (Throwable e) {
      instance.close();
      throw e;
    }
  }

  /** A client that waits long for nodes that do not answer; the caller's to close. */
  AdhocFileSystem newClient() throws FsException {
    return clientOf(instance.home(), instance.name());
  }

  static AdhocFileSystem clientOf(Path home, String name) throws FsException {
    var instances = new InstanceDirectory(home);
    return AdhocFileSystem.open(
        () -> instances.read(name).instance(), ClientOptions.DEFAULT.withDeadline(CLIENT_DEADLINE));
  }

  /** Starts a Java program of the tests, given the directory of instances and the name of this. */
  Process startProgram(Class<?> program, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                TestInstance.QUICK_START,
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName(),
                instance.home().toString(),
                instance.name()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  // What is written down. --------------------------------------------------------------------

  InstanceDirectory instances() {
    return instance.instances();
  }

  InstanceDescription description() throws FsException {
    return instance.instances().read(instance.name());
  }

  void changeDescription(UnaryOperator<InstanceDescription> change) throws FsException {
    instance.instances().update(description(), change);
  }

  Path dataDirectory(int node) {
    return instance.dataDirectory(node);
  }

  // What the daemons say. --------------------------------------------------------------------

  /** What a node answers, or null if it does not, soon. */
  @Nullable Reply ask(int node, ControlRequest request) throws InterruptedException {
    try {
      Response response =
          admin
              .call(
                  new NodeId(node),
                  request,
                  Unpooled.EMPTY_BUFFER,
                  TrafficClass.CONTROL,
                  Deadline.after(ANSWER_PATIENCE))
              .get();
      response.payload().release();
      return response.reply();
    } catch (ExecutionException e) {
      return null;
    }
  }

  /** What a node knows of what was agreed on, or null if it does not say. */
  @Nullable ControlState stateOf(int node) throws InterruptedException {
    return ask(node, new ControlRequest.GetControl()) instanceof Reply.Control control
        ? control.state()
        : null;
  }

  /** The newest state that a running daemon knows; null = none answers. */
  @Nullable ControlState newest() throws IOException, InterruptedException {
    ControlState newest = null;
    for (int node : nodesOnDisk()) {
      if (isRunning(node) && !isStopped(node)) {
        ControlState state = stateOf(node);
        if (state != null && (newest == null || state.version() > newest.version())) {
          newest = state;
        }
      }
    }
    if (newest != null) {
      admin.useMap(newest.map());
    }
    return newest;
  }

  ControlState awaitState() throws InterruptedException {
    var state = new AtomicReference<@Nullable ControlState>();
    await(
        "a daemon to answer",
        () -> {
          state.set(newest());
          return state.get() != null;
        });
    return Objects.requireNonNull(state.get());
  }

  /** Nodes that are part of the instance, by id. */
  static List<Integer> members(ControlState state) {
    return state.map().nodes().stream()
        .filter(ClusterMap.Node::isMember)
        .map(node -> node.id().value())
        .toList();
  }

  /** Who leads the control plane; -1 = nobody knows of anybody. */
  int leader() throws IOException, InterruptedException {
    ControlState state = newest();
    if (state == null) {
      return Reply.Leader.NONE;
    }
    for (NodeId voter : state.voters()) {
      ClusterMap.Node known = state.map().node(voter);
      if (known != null && isRunning(voter.value()) && !isStopped(voter.value())) {
        // Nothing new: agreed on without a change.
        var announce = new ControlCommand.Announce(known);
        if (ask(voter.value(), new ControlRequest.Propose(announce, false))
            instanceof Reply.Decided) {
          return voter.value();
        }
      }
    }
    return Reply.Leader.NONE;
  }

  int awaitLeader() throws InterruptedException {
    int[] leader = {Reply.Leader.NONE};
    await("somebody to lead", () -> (leader[0] = leader()) != Reply.Leader.NONE);
    return leader[0];
  }

  // Processes. -------------------------------------------------------------------------------

  /** Nodes that have left a word about their process. */
  private List<Integer> nodesOnDisk() throws IOException {
    Path parent = instance.dataDirectory(0).getParent();
    List<Integer> nodes = new ArrayList<>();
    if (parent == null) {
      return nodes;
    }
    try (var directories = Files.list(parent)) {
      for (Path directory : directories.toList()) {
        if (Files.exists(directory.resolve("daemon.json"))) {
          String name = String.valueOf(directory.getFileName());
          nodes.add(Integer.parseInt(name.substring("node-".length())));
        }
      }
    }
    nodes.sort(null);
    return nodes;
  }

  boolean hasStarted(int node) {
    return Files.exists(instance.dataDirectory(node).resolve("daemon.json"));
  }

  boolean hasData(int node) {
    return Files.exists(instance.dataDirectory(node));
  }

  private @Nullable ProcessHandle process(int node) throws IOException {
    return hasStarted(node) ? ProcessHandle.of(instance.daemonProcess(node)).orElse(null) : null;
  }

  boolean isRunning(int node) throws IOException {
    ProcessHandle process = process(node);
    return process != null && Processes.isRunning(process);
  }

  boolean isStopped(int node) throws IOException {
    ProcessHandle process = process(node);
    if (process == null) {
      return false;
    }
    Path file = Path.of("/proc", Long.toString(process.pid()), "stat");
    try {
      String status = Files.readString(file);
      return status.charAt(status.lastIndexOf(')') + 2) == 'T';
    } catch (IOException e) {
      return false;
    }
  }

  void kill(int node) throws IOException {
    ProcessHandle process = process(node);
    if (process != null && Processes.isRunning(process)) {
      Processes.kill(process);
    }
  }

  void signal(int node, String name) throws IOException, InterruptedException {
    ProcessHandle process = process(node);
    if (process == null) {
      throw new AssertionError("n" + node + " has no process");
    }
    Processes.signal(process, name);
  }

  /** Members whose daemon does not run. */
  List<Integer> dead(ControlState state) throws IOException {
    List<Integer> dead = new ArrayList<>();
    for (int node : members(state)) {
      if (!isRunning(node)) {
        dead.add(node);
      }
    }
    return dead;
  }

  /** Kills daemons and starts them to die or stand still where they are told to. */
  void arm(List<Integer> nodes, String crash) throws IOException, InterruptedException {
    for (int node : nodes) {
      kill(node);
    }
    startAll(nodes, crash);
  }

  /** Starts daemons, as an operator does. Those that have left meanwhile need not start. */
  void start(List<Integer> nodes) throws IOException, InterruptedException {
    startAll(nodes, "");
  }

  /** Starts all daemons that are down, when nobody can say which should run. */
  void startAllThatAreDown() throws IOException, InterruptedException {
    var _ = run("", List.of("start")).expectSuccess();
    lookAgain();
  }

  private void startAll(List<Integer> nodes, String crash)
      throws IOException, InterruptedException {
    if (nodes.isEmpty()) {
      return;
    }
    List<String> words = new ArrayList<>(List.of("start"));
    nodes.forEach(node -> words.add("n" + node));
    Commands.Result result = run(crash, words);
    if (result.exitCode() != 0) {
      ControlState state = newest();
      List<Integer> members = state == null ? nodes : members(state);
      for (int node : nodes) {
        // With others that are down it reports these, too.
        if (members.contains(node) && !isRunning(node)) {
          throw new AssertionError("n" + node + " has not started: " + result.output());
        }
      }
    }
    lookAgain();
  }

  /** Daemons that were started again are at other addresses. */
  private void lookAgain() throws FsException {
    admin.useMap(ClusterMap.initial(instance.described().nodes()));
  }

  // Commands. --------------------------------------------------------------------------------

  private Map<String, String> environment(String crash) {
    return instance.environmentForQuickStarts(crash.isEmpty() ? "" : "-Dadhocfs.crash=" + crash);
  }

  private List<String> command(List<String> words) {
    List<String> command = new ArrayList<>();
    command.add(instance.environment().getOrDefault("adhocfs", ""));
    command.add(words.getFirst());
    command.addAll(List.of("--name", instance.name()));
    command.addAll(words.subList(1, words.size()));
    return command;
  }

  /** Runs a command; daemons that it starts die or stand still where they are told to. */
  Commands.Result run(String crash, List<String> words) throws IOException, InterruptedException {
    return Commands.run(instance.scratch(), environment(crash), PATIENCE, command(words));
  }

  /** A command that runs. */
  record Running(Process process, Path output, List<String> words) {
    String said() throws IOException {
      return Files.readString(output);
    }
  }

  /** Begins a command; daemons that it starts die or stand still where they are told to. */
  Running begin(String crash, List<String> words) throws IOException {
    Path output = instance.scratch().resolve("command-" + commands++);
    var builder =
        new ProcessBuilder(command(words))
            .directory(instance.scratch().toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder.environment().putAll(environment(crash));
    Process process = builder.start();
    process.getOutputStream().close();
    return new Running(process, output, words);
  }

  static void await(String what, Waiting.Condition condition) throws InterruptedException {
    Waiting.until(what, PATIENCE, LOOK_NANOS, condition);
  }

  /**
   * Copies what the daemons have said, and what their threads do, for whoever has to explain a
   * failure.
   */
  void copyLogs(Path to) throws IOException, InterruptedException {
    Files.createDirectories(to);
    for (int node : nodesOnDisk()) {
      ProcessHandle process = process(node);
      if (process != null && isRunning(node)) {
        String state = isStopped(node) ? "stopped" : threads(process.pid());
        Files.writeString(to.resolve("n" + node + "-threads"), state);
      }
      try (var files = Files.list(instance.dataDirectory(node))) {
        for (Path file : files.filter(path -> path.toString().contains(".log")).toList()) {
          Files.copy(
              file,
              to.resolve("n" + node + "-" + file.getFileName()),
              StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  private String threads(long processId) throws IOException, InterruptedException {
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    List<String> command = List.of(jcmd, Long.toString(processId), "Thread.print", "-l");
    return Commands.run(instance.scratch(), Map.of(), PATIENCE, command).output();
  }

  @Override
  public void close() throws IOException {
    try {
      for (int node : nodesOnDisk()) {
        if (isStopped(node)) {
          signal(node, "CONT");
        }
      }
      admin.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      instance.close();
    }
  }
}
