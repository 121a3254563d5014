package io.adhocfs.it.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstanceLifeIT {
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final String[] SMALL = {"--set", "daemon.memory=128MiB"};

  @TempDir private Path directory;
  private final Map<String, String> environment = new HashMap<>();

  /** In every command line of this test's processes. */
  private final String mark =
      "life-" + Long.toHexString(ThreadLocalRandom.current().nextLong() >>> 32);

  @BeforeEach
  void surround() {
    environment.put("ADHOCFS_HOME", directory.resolve("home").toString());
    environment.put("ADHOCFS_BUILD", "never");
    environment.put("ADHOCFS_INSTANCE", "");
    environment.put("SLURM_JOB_NODELIST", "");
    environment.put("SLURM_JOB_ID", "");
    environment.put("TMPDIR", directory.resolve(mark).toString());
  }

  @AfterEach
  void takeDownWhatIsLeft() throws Exception {
    Path home = directory.resolve("home");
    if (Files.isDirectory(home)) {
      try (var names = Files.list(home)) {
        for (Path name : names.toList()) {
          var _ = adhocfs("down", "--force", "--forget", "--name", name.getFileName().toString());
        }
      }
    }
  }

  private static String launcher() {
    return Path.of(System.getProperty("adhocfs.home", ".."), "scripts", "adhocfs")
        .toAbsolutePath()
        .normalize()
        .toString();
  }

  private Commands.Result adhocfs(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(launcher()));
    command.addAll(List.of(arguments));
    Files.createDirectories(directory.resolve(mark));
    return Commands.run(directory, environment, LIMIT, command);
  }

  private Commands.Result up(String name, String... options)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("up", "--name", name));
    arguments.addAll(List.of(SMALL));
    arguments.addAll(List.of(options));
    return adhocfs(arguments.toArray(String[]::new));
  }

  private Map<String, Object> status(String name) throws IOException, InterruptedException {
    return JSON.std.mapFrom(adhocfs("status", "--name", name, "--json").output());
  }

  private List<Map<?, ?>> nodes(String name) throws IOException, InterruptedException {
    List<Map<?, ?>> nodes = new ArrayList<>();
    if (status(name).get("nodes") instanceof List<?> list) {
      for (Object node : list) {
        nodes.add((Map<?, ?>) node);
      }
    }
    return nodes;
  }

  private static long pid(Map<?, ?> node) {
    return Long.parseLong(String.valueOf(node.get("pid")));
  }

  private void expectNothingLeft() throws IOException {
    List<String> left =
        ProcessHandle.allProcesses()
            .map(process -> process.info().commandLine().orElse(""))
            .filter(line -> line.contains(mark))
            .toList();
    assertThat(left).as("processes").isEmpty();
    assertThat(directory.resolve(mark)).as("data").isEmptyDirectory();
    assertThat(Files.readString(Path.of("/proc/self/mountinfo")))
        .as("mounts")
        .doesNotContain(directory.toString());
    if (Files.exists(directory.resolve("home"))) {
      assertThat(directory.resolve("home")).as("instances").isEmptyDirectory();
    }
  }

  @Test
  void comesUpShowsItselfAndGoesWithoutATrace() throws Exception {
    Path mountPoint = directory.resolve("made").resolve("mnt");
    up("a", "--nodes", "3", "--mount", mountPoint.toString()).expectSuccess();
    assertThat(status("a"))
        .containsEntry("instance", "a")
        .containsEntry("epoch", 1)
        .containsKeys("nodes", "mounts");
    assertThat(nodes("a"))
        .hasSize(3)
        .allSatisfy(node -> {
          assertThat(node.get("state")).isEqualTo("active");
          assertThat(String.valueOf(node.get("address"))).matches("127\\.0\\.0\\.1:\\d+");
        });
    Files.writeString(mountPoint.resolve("f"), "x");
    assertThat(adhocfs("cat", "adhoc:/f").expectSuccess().output()).isEqualTo("x");
    // A shell in the mount keeps it: nothing is removed.
    Process shell = new ProcessBuilder("sleep", "1000").directory(mountPoint.toFile()).start();
    try {
      Commands.Result refused = adhocfs("down");
      assertThat(refused.exitCode()).isEqualTo(1);
      assertThat(refused.output()).contains("in use", mountPoint.toString(), "--force");
      assertThat(Files.readString(mountPoint.resolve("f"))).isEqualTo("x");
    } finally {
      shell.destroyForcibly().waitFor();
    }
    // One that is just ending is waited for.
    Process ending = new ProcessBuilder("sleep", "2").directory(mountPoint.toFile()).start();
    adhocfs("down").expectSuccess();
    assertThat(ending.waitFor()).isZero();
    // Also the directory above it that had to be made.
    assertThat(mountPoint.getParent()).doesNotExist();
    expectNothingLeft();
    assertThat(adhocfs("status").exitCode()).isEqualTo(2);
  }

  @Test
  void aDeadDaemonIsShownAndStartedAgainWithAllItHad() throws Exception {
    up("a", "--nodes", "3", "--no-mount").expectSuccess();
    Commands.bash(directory, environment, "mkdir in; for i in $(seq 60); do echo $i > in/$i; done");
    adhocfs("copy", "-q", "in", "adhoc:/").expectSuccess();
    long pid = pid(nodes("a").get(1));
    ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
    assertThat(process.destroyForcibly()).isTrue();
    process.onExit().join();
    Commands.Result shown = adhocfs("status");
    assertThat(shown.exitCode()).isEqualTo(1);
    assertThat(shown.output()).contains("n1", "down", "adhocfs start n1");
    assertThat(nodes("a"))
        .extracting(node -> String.valueOf(node.get("state")))
        .containsExactly("active", "down", "active");
    Commands.Result unseen = adhocfs("verify");
    assertThat(unseen.exitCode()).as(unseen.output()).isEqualTo(2);
    assertThat(adhocfs("start").expectSuccess().output()).contains("started n1");
    assertThat(adhocfs("start").expectSuccess().output()).contains("nothing was started");
    adhocfs("verify").expectSuccess();
    adhocfs("copy", "-q", "adhoc:/in", "out").expectSuccess();
    Commands.bash(directory, environment, "diff -r in out");
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void takesDownWhatDiedAltogether() throws Exception {
    up("a", "--nodes", "2", "--no-mount").expectSuccess();
    for (Map<?, ?> node : nodes("a")) {
      ProcessHandle process = ProcessHandle.of(pid(node)).orElseThrow();
      assertThat(process.destroyForcibly()).isTrue();
      process.onExit().join();
    }
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void severalInstancesLiveSideBySide() throws Exception {
    up("a", "--nodes", "1", "--no-mount").expectSuccess();
    up("b", "--nodes", "1", "--no-mount").expectSuccess();
    Commands.Result taken = up("a", "--nodes", "1", "--no-mount");
    assertThat(taken.exitCode()).isEqualTo(2);
    assertThat(taken.output()).contains("'a' exists already");
    Commands.Result which = adhocfs("status");
    assertThat(which.exitCode()).isEqualTo(2);
    assertThat(which.output()).contains("a, b", "--name");
    environment.put("ADHOCFS_INSTANCE", "a");
    Commands.bash(directory, environment, "echo only in a > f");
    adhocfs("copy", "-q", "f", "adhoc:/").expectSuccess();
    assertThat(adhocfs("ls").expectSuccess().output()).isEqualTo("f\n");
    assertThat(adhocfs("ls", "--name", "b").expectSuccess().output()).isEmpty();
    adhocfs("down").expectSuccess();
    environment.put("ADHOCFS_INSTANCE", "");
    assertThat(status("b")).containsEntry("instance", "b");
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void aStartThatFailsSaysWhyAndLeavesNothing() throws Exception {
    Files.createDirectories(directory.resolve(mark));
    Path data = Files.createDirectories(directory.resolve("data"));
    Files.createDirectories(data.resolve("node-1"));
    Files.writeString(data.resolve("node-1").resolve("precious"), "x");
    Commands.Result failed = up("a", "--nodes", "3", "--no-mount", "--data", data.toString());
    assertThat(failed.exitCode()).isEqualTo(1);
    assertThat(failed.output()).contains("node n1", "is not empty", "--data");
    assertThat(failed.output()).doesNotContain("\tat ");
    assertThat(data.resolve("node-1").resolve("precious")).exists();
    assertThat(data.resolve("node-0")).doesNotExist();
    expectNothingLeft();

    // The data of another instance is left alone too, and its daemons.
    up("b", "--nodes", "1", "--no-mount", "--data", directory.resolve("other").toString())
        .expectSuccess();
    Commands.Result taken =
        up("a", "--nodes", "1", "--no-mount", "--data", directory.resolve("other").toString());
    assertThat(taken.exitCode()).isEqualTo(1);
    assertThat(taken.output()).contains("is not empty");
    adhocfs("verify", "--name", "b").expectSuccess();
    adhocfs("down", "--name", "b").expectSuccess();
    expectNothingLeft();

    Commands.Result unmountable = up("a", "--nodes", "1", "--mount", "/proc/nowhere/to/mount");
    assertThat(unmountable.exitCode()).isEqualTo(1);
    assertThat(unmountable.output()).contains("/proc/nowhere", "--no-mount");
    expectNothingLeft();

    Commands.bash(directory, environment, "echo unreachable > hosts");
    Commands.Result unreachable =
        up(
            "a",
            "--hosts",
            "hosts",
            "--set",
            "remote.start=sh -c 'echo no such host >&2; exit 255'");
    assertThat(unreachable.exitCode()).isEqualTo(1);
    assertThat(unreachable.output()).contains("host unreachable", "exit code 255", "no such host");
    assertThat(unreachable.output()).contains("unreachable:", "--forget");
    adhocfs("down", "--forget", "--name", "a");
    expectNothingLeft();
  }

  @Test
  void whatCannotBeRemovedIsNotForgotten() throws Exception {
    Path reach = directory.resolve("reach");
    Files.writeString(
        reach, "#!/bin/sh\n[ ! -e \"$0.cut\" ] || exit 255\nshift\nexec sh -c \"$*\"\n");
    assertThat(reach.toFile().setExecutable(true)).isTrue();
    Commands.bash(directory, environment, "echo 127.0.0.1 > hosts");
    up("a", "--hosts", "hosts", "--set", "remote.start=" + reach + " {host}", "--no-mount")
        .expectSuccess();
    String data = String.valueOf(nodes("a").getFirst().get("data_directory"));
    // Neither asked nor reached: as a host that is cut off.
    ProcessHandle daemon = ProcessHandle.of(pid(nodes("a").getFirst())).orElseThrow();
    daemon.destroyForcibly();
    daemon.onExit().join();
    Files.createFile(directory.resolve("reach.cut"));
    Commands.Result left = adhocfs("down", "--force");
    assertThat(left.exitCode()).isEqualTo(1);
    assertThat(left.output()).contains("127.0.0.1:" + data, "--forget");
    assertThat(directory.resolve("home/a/instance.2.json")).exists();
    Files.delete(directory.resolve("reach.cut"));
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void anInstanceOfAJobLeavesNothingWhenItsProcessesAreTerminated() throws Exception {
    environment.put("SLURM_JOB_ID", "7");
    Path mountPoint = directory.resolve("made").resolve("mnt");
    up("a", "--nodes", "2", "--mount", mountPoint.toString()).expectSuccess();
    // A program in the mount does not keep anything but itself.
    Process shell = new ProcessBuilder("sleep", "1000").directory(mountPoint.toFile()).start();
    try {
      List<ProcessHandle> processes =
          ProcessHandle.allProcesses()
              .filter(process -> process.info().commandLine().orElse("").contains("cli.Main"))
              .filter(
                  process -> process.info().commandLine().orElse("").contains(directory.toString()))
              .toList();
      assertThat(processes).hasSize(3);
      processes.forEach(ProcessHandle::destroy);
      processes.forEach(process -> process.onExit().join());
      expectNothingLeft();
      assertThat(mountPoint.getParent()).doesNotExist();
    } finally {
      shell.destroyForcibly().waitFor();
    }
  }

  @Test
  void aMountHidesNothingUnlessItIsTold() throws Exception {
    Path full = Files.createDirectories(directory.resolve("full"));
    Files.writeString(full.resolve("precious"), "x");
    // Refused before anything is started: no daemon could use this for its data.
    Commands.Result refused =
        up("a", "--nodes", "1", "--mount", full.toString(), "--data", full + "/precious/data");
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.output()).contains(full.toString(), "--over");
    expectNothingLeft();
    up("a", "--nodes", "1", "--mount", full.toString(), "--over").expectSuccess();
    assertThat(full).isEmptyDirectory();
    assertThat(adhocfs("mount", "/etc").output()).contains("/etc", "--over");
    // In the foreground too a directory is made, and goes with the mount.
    Path made = directory.resolve("made");
    Process foreground = begin("mount", "--foreground", made.toString());
    Waiting.until(
        "the mount",
        LIMIT,
        10_000_000,
        () ->
            !foreground.isAlive()
                || Files.readString(Path.of("/proc/self/mountinfo")).contains(made + " "));
    assertThat(adhocfs("mount", "--foreground", full.toString()).exitCode()).isEqualTo(1);
    foreground.destroy();
    assertThat(foreground.waitFor()).isEqualTo(143);
    assertThat(made).doesNotExist();
    adhocfs("down").expectSuccess();
    assertThat(full.resolve("precious")).exists();
    expectNothingLeft();
  }

  private Process begin(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher()));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).directory(directory.toFile()).inheritIO();
    builder.environment().putAll(environment);
    return builder.start();
  }

  @Test
  void nodesOnOtherHostsAreRefusedWhereTheyCouldNotReachTheOthers() throws Exception {
    up("a", "--nodes", "1", "--no-mount").expectSuccess();
    Commands.bash(directory, environment, "echo 192.0.2.1 > hosts");
    for (String command : List.of("expand", "relocate")) {
      Commands.Result refused = adhocfs(command, "--hosts", "hosts");
      assertThat(refused.exitCode()).isEqualTo(1);
      assertThat(refused.output()).contains("127.0.0.1", "192.0.2.1", "--hosts");
    }
    assertThat(nodes("a")).hasSize(1);
    adhocfs("verify").expectSuccess();
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void runsOnOtherHostsThroughACommand() throws Exception {
    // What ssh does: another environment, the words joined and given to a shell.
    Path reach = directory.resolve("reach");
    Files.writeString(
        reach,
        "#!/bin/sh\nshift\nexec env -i PATH=\"$PATH\" HOME="
            + directory.resolve("elsewhere")
            + " TMPDIR=/tmp sh -c \"$*\"\n");
    assertThat(reach.toFile().setExecutable(true)).isTrue();
    Commands.bash(
        directory, environment, "mkdir elsewhere; printf '127.0.0.1\\nlocalhost # two\\n' > hosts");
    Path mountPoint = directory.resolve("mnt");
    Commands.Result upOnOne =
        up("a", "--hosts", "hosts", "--set", "remote.start=" + reach + " {host}", "--no-mount");
    upOnOne.expectSuccess();
    assertThat(nodes("a"))
        .extracting(node -> String.valueOf(node.get("state")))
        .containsExactly("active", "active");
    adhocfs("mount", mountPoint.toString()).expectSuccess();
    Files.writeString(mountPoint.resolve("f"), "x");
    long pid = pid(nodes("a").getFirst());
    ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
    assertThat(process.destroyForcibly()).isTrue();
    process.onExit().join();
    adhocfs("start", "n0").expectSuccess();
    assertThat(Files.readString(mountPoint.resolve("f"))).isEqualTo("x");
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void runsOnTheNodesOfASlurmAllocation() throws Exception {
    // srun's processes end with their step: so must these.
    Path tools = Files.createDirectories(directory.resolve("tools"));
    Files.writeString(
        tools.resolve("srun"),
        """
        #!/bin/bash
        # The last argument is the command line.
        sh -c "${@: -1}" <&0 &
        wait $!
        """);
    assertThat(tools.resolve("srun").toFile().setExecutable(true)).isTrue();
    environment.put("PATH", tools + ":" + System.getenv("PATH"));
    environment.put("SLURM_JOB_NODELIST", "127.0.0.[1-2]");
    up("a", "--no-mount").expectSuccess();
    assertThat(nodes("a"))
        .extracting(node -> String.valueOf(node.get("address")).replaceAll(":.*", ""))
        .containsExactly("127.0.0.1", "127.0.0.2");
    Commands.bash(directory, environment, "echo x > f");
    adhocfs("copy", "-q", "f", "adhoc:/").expectSuccess();
    adhocfs("verify").expectSuccess();
    // No process stays beside a daemon but the command that it ends with.
    assertThat(
            ProcessHandle.allProcesses()
                .filter(process -> process.info().command().orElse("").endsWith("/java"))
                .filter(process -> process.info().commandLine().orElse("").contains(mark)))
        .hasSize(2);
    adhocfs("down").expectSuccess();
    // The command that a daemon ends with ends after it.
    Waiting.until(
        "the end of srun",
        LIMIT,
        10_000_000,
        () ->
            ProcessHandle.allProcesses()
                .noneMatch(process -> process.info().commandLine().orElse("").contains(mark)));
    expectNothingLeft();
  }

  @Test
  void namesOfAnyBytesGetThroughInTheCLocale() throws Exception {
    environment.put("LC_ALL", "C");
    up("a", "--nodes", "2", "--no-mount").expectSuccess();
    environment.put("adhocfs", launcher());
    Commands.bash(
        directory,
        environment,
        """
        mkdir tree
        bad=$'bad \\xff\\xfe\\x80 name'
        utf=$'\\xc3\\xa4\\xe2\\x82\\xac'
        newline=$'two\\nlines'
        for n in "$bad" "$utf" "$newline" ' -x '; do echo "$n" > "tree/$n"; done
        ln -s "$bad" "tree/link"
        "$adhocfs" copy -q tree adhoc:/
        [ "$("$adhocfs" cat "adhoc:/tree/$bad")" = "$bad" ]
        [ "$("$adhocfs" ls adhoc:/tree | LC_ALL=C sort)" = "$(ls -A tree | LC_ALL=C sort)" ]
        "$adhocfs" copy -q "adhoc:/tree/$bad" "./out $bad"
        cmp "tree/$bad" "./out $bad"
        "$adhocfs" rm "adhoc:/tree/$bad"
        "$adhocfs" copy -q adhoc:/tree out
        rm "tree/$bad"
        diff -r --no-dereference tree out
        """);
    adhocfs("verify").expectSuccess();
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  /** JsonKeysTest compares the keys with docs/cli.md. */
  @Test
  void commandsPrintJsonAndNothingElse() throws Exception {
    up("a", "--nodes", "1", "--no-mount").expectSuccess();
    Files.writeString(directory.resolve("f"), "x");
    for (String line :
        List.of(
            "status",
            "start",
            "copy f adhoc:/",
            "stat adhoc:/f",
            "mount " + directory.resolve("mnt"),
            "stats",
            "verify",
            "throttle list",
            "rebalance status",
            "expand --nodes 1 --plan",
            "config list",
            "config profiles")) {
      String said = adhocfs((line + " --json").split(" ", -1)).expectSuccess().output().strip();
      assertThat(said).as(line).matches("(?s)\\{.*}|\\[.*]");
      assertThat(JSON.std.anyFrom(said)).as(line).isInstanceOfAny(Map.class, List.class);
    }
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }

  @Test
  void wrongUseIsToldFromFailure() throws Exception {
    Files.createDirectories(directory.resolve(mark));
    expectUsage("there is no command 'nonsense'", "nonsense");
    expectUsage("Unknown option: '--nonsense'", "up", "--nonsense");
    expectUsage("exclude each other", "up", "--nodes", "2", "--hosts", "x");
    expectUsage("give 1 to", "up", "--nodes", "0");
    expectUsage("'x' is not an int", "up", "--nodes", "x");
    expectUsage("there is no setting 'a.b'", "up", "--set", "a.b=c");
    expectUsage("key=value", "up", "--set", "chunk.size");
    expectUsage("chunk.size: '3KiB'", "up", "--set", "chunk.size=3KiB");
    expectUsage("cannot read the settings in", "up", "--config", "missing");
    expectUsage("cannot read the hosts in", "up", "--hosts", "missing");
    expectUsage("cannot name an instance", "up", "--name", "../x");
    expectUsage("there is no instance", "status");
    expectUsage("there is no instance 'x'", "down", "--name", "x");
    expectUsage("there is no instance", "ls");
    expectUsage("Missing required parameter", "mount");
    expectUsage("is not a mount of adhocfs", "umount", directory.toString());
    expectUsage("--config", "daemon");
    Commands.Result help = adhocfs("--help").expectSuccess();
    for (String command :
        List.of(
            "up",
            "status",
            "copy",
            "mount",
            "umount",
            "start",
            "verify",
            "down",
            "ls",
            "stat",
            "cat",
            "rm",
            "config",
            "logs",
            "daemon",
            "expand",
            "shrink",
            "relocate",
            "rebalance",
            "throttle",
            "stats")) {
      assertThat(help.output()).contains("  " + command + " ");
      assertThat(adhocfs(command, "--help").expectSuccess().output())
          .contains("Example", "Exit codes", "--name");
    }
    expectNothingLeft();
  }

  private void expectUsage(String message, String... arguments) throws Exception {
    Commands.Result result = adhocfs(arguments);
    assertThat(result.exitCode()).as(result.output()).isEqualTo(2);
    assertThat(result.output()).contains(message).doesNotContain("\tat ");
    assertThat(result.output().lines()).as(result.output()).hasSize(1);
  }

  @Test
  void otherUsersSeeNothingOfIt() throws Exception {
    assumeTrue(
        Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0),
        "takes root to become others");
    Commands.Result mayRun =
        Commands.run(
            Path.of("/"),
            environment,
            LIMIT,
            List.of(
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "test",
                "-r",
                launcher()));
    assumeTrue(mayRun.exitCode() == 0, "another user cannot read this checkout");
    up("a", "--nodes", "1", "--no-mount").expectSuccess();
    String look =
        "find "
            + directory.resolve("home")
            + " "
            + directory.resolve(mark)
            + " -type f \\( -name '*.json' -o -name FORMAT \\) -exec cat {} + 2>/dev/null | wc -c";
    Commands.bash(directory, environment, "chmod 755 . home " + mark);
    Commands.Result seen =
        Commands.run(
            Path.of("/"),
            environment,
            LIMIT,
            List.of(
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", look));
    assertThat(seen.output().strip()).isEqualTo("0");
    assertThat(new String(Files.readAllBytes(directory.resolve("home/a/instance.2.json")), UTF_8))
        .contains("secret");
    Commands.bash(directory, environment, "chmod 700 home");
    adhocfs("down").expectSuccess();
    expectNothingLeft();
  }
}
