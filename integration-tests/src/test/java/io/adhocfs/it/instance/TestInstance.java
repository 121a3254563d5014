package io.adhocfs.it.instance;

import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * A running instance with all it needs below one temporary directory: home, data, mounts. Closing
 * takes it down and proves that nothing is left; a shutdown hook does so if the test JVM ends
 * first.
 */
public final class TestInstance implements AutoCloseable {
  private static final Duration COMMAND_LIMIT = Duration.ofMinutes(2);

  /** Options of JVMs that live for seconds: compiling well takes longer than it saves. */
  public static final String QUICK_START = "-XX:TieredStopAtLevel=1";

  private final String name;
  private final Path directory;
  private final Thread hook = new Thread(this::destroy, "take-down");

  private TestInstance(String name, Path directory) {
    this.name = name;
    this.directory = directory;
  }

  /**
   * Brings up an instance without a mount.
   *
   * @param options further options of {@code adhocfs up}
   */
  public static TestInstance up(int nodes, String... options)
      throws IOException, InterruptedException {
    return up(List.of("--nodes", Integer.toString(nodes)), options);
  }

  /**
   * Brings up an instance on the hosts that a file names.
   *
   * @param options further options of {@code adhocfs up}; without {@code --mount} it is nowhere
   *     mounted
   */
  public static TestInstance up(Hosts hosts, Path file, String... options)
      throws IOException, InterruptedException {
    return up(
        List.of(
            "--hosts",
            file.toString(),
            "--set",
            "remote.start=" + hosts.remoteStart(),
            "--data",
            hosts.disk().resolve("data").toString()),
        options);
  }

  private static TestInstance up(List<String> nodes, String... options)
      throws IOException, InterruptedException {
    String name = "it-" + Long.toHexString(ThreadLocalRandom.current().nextLong() >>> 32);
    Path directory = Files.createTempDirectory("adhocfs-" + name + "-");
    var instance = new TestInstance(name, directory);
    Runtime.getRuntime().addShutdownHook(instance.hook);
    List<String> command = new ArrayList<>(List.of("up", "--set", "daemon.memory=256MiB"));
    command.addAll(nodes);
    command.addAll(List.of(options));
    if (!command.contains("--mount")) {
      command.add("--no-mount");
    }
    if (!command.contains("--data")) {
      command.addAll(List.of("--data", directory.resolve("data").toString()));
    }
    try {
      instance.adhocfs(command.toArray(String[]::new)).expectSuccess();
    } catch (Throwable e) {
      instance.destroy();
      throw e;
    }
    return instance;
  }

  public String name() {
    return name;
  }

  /** A directory of this instance for files of the test, outside the file system. */
  public Path scratch() throws IOException {
    return Files.createDirectories(directory.resolve("scratch"));
  }

  /** What the commands have written down of their instances. */
  public Path home() {
    return directory.resolve("home");
  }

  /** The instances that are written down there. */
  public InstanceDirectory instances() {
    return new InstanceDirectory(home());
  }

  /** This one as it is written down now. */
  public Instance described() throws FsException {
    return instances().read(name).instance();
  }

  /** Where node k keeps its data. */
  public Path dataDirectory(int node) {
    return directory.resolve("data").resolve("node-" + node);
  }

  /**
   * What a shell needs to call {@code adhocfs} for this instance. The locale is the poorest there
   * is: names must survive it.
   */
  public Map<String, String> environment() {
    return Map.of(
        "LC_ALL",
        "C",
        "ADHOCFS_HOME",
        home().toString(),
        "ADHOCFS_INSTANCE",
        name,
        "ADHOCFS_BUILD",
        "never",
        "adhocfs",
        launcher());
  }

  /**
   * As {@link #environment}, for commands whose daemons live for seconds.
   *
   * @param javaOptions further options of their JVMs
   */
  public Map<String, String> environmentForQuickStarts(String... javaOptions) {
    Map<String, String> environment = new HashMap<>(environment());
    environment.put(
        "ADHOCFS_JAVA_OPTS",
        String.join(
            " ",
            System.getenv().getOrDefault("ADHOCFS_JAVA_OPTS", ""),
            QUICK_START,
            String.join(" ", javaOptions)));
    return environment;
  }

  private static String launcher() {
    return Path.of(System.getProperty("adhocfs.home", ".."), "scripts", "adhocfs")
        .toAbsolutePath()
        .normalize()
        .toString();
  }

  /** Runs a command of the command line for this instance. */
  public Commands.Result adhocfs(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(launcher());
    command.add(arguments[0]);
    command.add("--name");
    command.add(name);
    command.addAll(List.of(arguments).subList(1, arguments.length));
    return Commands.run(directory, environment(), COMMAND_LIMIT, command);
  }

  /** Mounts the instance once more and returns where. */
  public Path mount(String... options) throws IOException, InterruptedException {
    Path mountPoint = Files.createTempDirectory(directory, "mnt");
    List<String> command = new ArrayList<>(List.of("mount"));
    command.addAll(List.of(options));
    command.add(mountPoint.toString());
    adhocfs(command.toArray(String[]::new)).expectSuccess();
    return mountPoint;
  }

  /** Runs a script with {@code $adhocfs} set, ending at its first failing command. */
  public String bash(Path workingDirectory, String script)
      throws IOException, InterruptedException {
    return Commands.bash(workingDirectory, environment(), script);
  }

  /** The process id of a node's daemon, from the file that it wrote when it was ready. */
  public long daemonProcess(int node) throws IOException {
    String text = Files.readString(dataDirectory(node).resolve("daemon.json"));
    var matcher = java.util.regex.Pattern.compile("\"pid\"\\s*:\\s*(\\d+)").matcher(text);
    if (!matcher.find()) {
      throw new AssertionError("no pid in " + text);
    }
    return Long.parseLong(matcher.group(1));
  }

  /** Kills a node's daemon with SIGKILL and waits until it is gone. */
  public void killDaemon(int node) throws IOException, InterruptedException {
    ProcessHandle process = ProcessHandle.of(daemonProcess(node)).orElseThrow();
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Kills the process that serves a mount with SIGKILL and waits until it is gone. */
  public void killMount(Path mountPoint) {
    ProcessHandle process = mountProcess(mountPoint);
    process.destroyForcibly();
    process.onExit().join();
  }

  /** The process that serves a mount. */
  public ProcessHandle mountProcess(Path mountPoint) {
    List<ProcessHandle> processes =
        ProcessHandle.allProcesses()
            .filter(process -> process.info().command().orElse("").endsWith("/java"))
            .filter(process ->
                List.of(process.info().arguments().orElse(new String[0]))
                    .contains(mountPoint.toString()))
            .toList();
    if (processes.size() != 1) {
      throw new AssertionError(processes + " serve " + mountPoint);
    }
    return processes.getFirst();
  }

  /** Expects {@code adhocfs verify} to find nothing. */
  public void verify() throws IOException, InterruptedException {
    adhocfs("verify").expectSuccess();
  }

  /** Takes the instance down and proves that no process, mount or directory is left. */
  @Override
  public void close() throws IOException {
    try {
      adhocfs("down").expectSuccess();
      expectNothingLeft();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while taking down " + name, e);
    } finally {
      destroy();
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }

  private void expectNothingLeft() throws IOException {
    if (Files.readString(Path.of("/proc/self/mountinfo")).contains(directory.toString())) {
      throw new AssertionError("a mount below " + directory + " is left");
    }
    if (Files.exists(dataDirectory(0)) || Files.exists(directory.resolve("home").resolve(name))) {
      throw new AssertionError("data or the instance's directory is left below " + directory);
    }
    List<String> left =
        processes().map(process -> process.info().commandLine().orElse("")).toList();
    if (!left.isEmpty()) {
      throw new AssertionError("left running: " + left);
    }
  }

  /** The last resort: whatever still names this instance goes. */
  private void destroy() {
    processes().forEach(ProcessHandle::destroyForcibly);
    String script =
        "for m in $(grep -o \"$1/mnt[^ ]*\" /proc/self/mountinfo); do"
            + " umount -l \"$m\"; done; rm -rf --one-file-system \"$1\"; true";
    try {
      new ProcessBuilder("bash", "-c", script, "destroy", directory.toString())
          .inheritIO()
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Those that were started with this instance's name on their command line. */
  private Stream<ProcessHandle> processes() {
    return ProcessHandle.allProcesses()
        .filter(process -> process.info().commandLine().orElse("").contains(name))
        .filter(process -> process.pid() != ProcessHandle.current().pid());
  }
}
