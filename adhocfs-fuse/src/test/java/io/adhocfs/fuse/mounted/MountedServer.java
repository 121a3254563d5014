package io.adhocfs.fuse.mounted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A mount on a fresh directory, served by a {@link ServerUnderTest} in a child process; and the
 * programs that use it. Close takes everything away, by force if need be.
 */
final class MountedServer implements AutoCloseable {
  private static final long COMMAND_TIMEOUT_SECONDS = 120;

  private final Path mountPoint;
  private final Process process;
  private final BufferedReader answers;
  private final PrintWriter commands;

  /**
   * How to start a server.
   *
   * @param prefix a command in front of java's, such as setpriv; empty = none
   * @param classPath of the child
   */
  record Settings(
      String driver,
      Path mountPoint,
      int capacityMebibytes,
      int timeoutMillis,
      int readers,
      List<String> prefix,
      String classPath) {

    static Settings of(String driver) throws IOException {
      return of(driver, Files.createTempDirectory("adhocfs-mount-"));
    }

    static Settings of(String driver, Path mountPoint) {
      return new Settings(
          driver, mountPoint, 512, 0, 2, List.of(), System.getProperty("java.class.path"));
    }

    Settings withTimeoutMillis(int millis) {
      return new Settings(
          driver, mountPoint, capacityMebibytes, millis, readers, prefix, classPath);
    }

    Settings withReaders(int threads) {
      return new Settings(
          driver, mountPoint, capacityMebibytes, timeoutMillis, threads, prefix, classPath);
    }

    Settings withPrefix(List<String> words, String newClassPath) {
      return new Settings(
          driver, mountPoint, capacityMebibytes, timeoutMillis, readers, words, newClassPath);
    }
  }

  /** What a program did. */
  record Outcome(int exitStatus, String output) {}

  private MountedServer(Path mountPoint, Process process) {
    this.mountPoint = mountPoint;
    this.process = process;
    this.answers = process.inputReader(StandardCharsets.UTF_8);
    this.commands = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
  }

  static MountedServer start(String driver) throws IOException {
    return start(Settings.of(driver));
  }

  static MountedServer start(Settings settings) throws IOException {
    if (!Files.exists(Path.of("/dev/fuse"))) {
      fail(
          "/dev/fuse is missing: the mount cannot be tested here (modprobe fuse; in a container"
              + " --device /dev/fuse --cap-add SYS_ADMIN)");
    }
    Process process =
        serverProcess(settings).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    MountedServer server = new MountedServer(settings.mountPoint(), process);
    String answer = server.answers.readLine();
    if (!"mounted".equals(answer)) {
      server.close();
      fail("the server did not mount, but said: " + answer);
    }
    return server;
  }

  /** What a server says that cannot mount. */
  static String refusal(Settings settings) throws IOException, InterruptedException {
    Process process = serverProcess(settings).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isNotZero();
    return output;
  }

  private static ProcessBuilder serverProcess(Settings settings) {
    List<String> command = new ArrayList<>(settings.prefix());
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-XX:MaxDirectMemorySize=1g",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            settings.classPath(),
            "io.adhocfs.fuse.mounted.ServerUnderTest",
            settings.driver(),
            settings.mountPoint().toString(),
            Integer.toString(settings.capacityMebibytes()),
            Integer.toString(settings.timeoutMillis()),
            Integer.toString(settings.readers())));
    return new ProcessBuilder(command);
  }

  Path mountPoint() {
    return mountPoint;
  }

  Process process() {
    return process;
  }

  /** The next line that the server says. */
  String nextLine() throws IOException {
    return String.valueOf(answers.readLine());
  }

  /** Has the server carry a command out and tells its answer; "null" if it ended instead. */
  String command(String line) throws IOException {
    commands.println(line);
    return nextLine();
  }

  /** Whether the mount point is a mount still, as the mount table says. */
  boolean isMounted() throws IOException {
    return Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)
        .contains(" " + mountPoint + " ");
  }

  /** Runs a bash script with $M as the mount point, its working directory; stops at errors. */
  Outcome run(String script) throws IOException, InterruptedException {
    Process bash = startProgram(script);
    String output = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!bash.waitFor(COMMAND_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      bash.destroyForcibly();
      fail("still running after " + COMMAND_TIMEOUT_SECONDS + " s: " + script);
    }
    return new Outcome(bash.exitValue(), output.strip());
  }

  /** What the script prints; fails if it does not succeed. */
  String output(String script) throws IOException, InterruptedException {
    Outcome outcome = run(script);
    assertThat(outcome.exitStatus()).as("%s%nsaid: %s", script, outcome.output()).isZero();
    return outcome.output();
  }

  /** What a Python program prints that finds the mount point in M, os, errno and time imported. */
  String python(String program) throws IOException, InterruptedException {
    return output(
        "python3 - <<'END_OF_PROGRAM'\nimport os, errno, time, sys\nM = os.environ['M']\n"
            + program
            + "\nEND_OF_PROGRAM");
  }

  Process startProgram(String script) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                "timeout", "-k", "1", "100", "bash", "-c", "cd \"$M\" || exit\nset -e\n" + script)
            .redirectErrorStream(true);
    builder.environment().put("M", mountPoint.toString());
    builder.environment().put("LC_ALL", "C");
    return builder.start();
  }

  @Override
  public void close() throws IOException {
    commands.close();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      for (int layers = 0; isMounted() && layers < 8; layers++) {
        new ProcessBuilder("umount", "-l", mountPoint.toString()).start().waitFor();
      }
    } catch (InterruptedException interrupted) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    assertThat(isMounted()).as("%s is still mounted", mountPoint).isFalse();
    Files.deleteIfExists(mountPoint);
  }
}
