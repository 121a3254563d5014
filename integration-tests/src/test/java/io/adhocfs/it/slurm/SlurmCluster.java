package io.adhocfs.it.slurm;

import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The cluster that the script slurm-cluster brings up. Needs root. */
final class SlurmCluster implements AutoCloseable {
  static final List<String> NODES = List.of("n1", "n2", "n3", "n4");

  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final Duration JOB_LIMIT = Duration.ofMinutes(5);
  private static final long LOOK_NANOS = 200_000_000;

  private static final Path SCRIPT =
      Path.of("src/test/resources/io/adhocfs/it/slurm/slurm-cluster").toAbsolutePath();

  private final Path directory;
  private final Thread hook = new Thread(this::removeAtExit, "remove-slurm");

  private SlurmCluster(Path directory) {
    this.directory = directory;
  }

  static SlurmCluster up(Path checkout) throws IOException, InterruptedException {
    // The script makes it: nothing may lie there before.
    Path directory = Files.createTempDirectory("adhocfs-slurm-").resolve("cluster");
    var cluster = new SlurmCluster(directory);
    Runtime.getRuntime().addShutdownHook(cluster.hook);
    var _ = cluster.script("up", checkout.toString()).expectSuccess();
    return cluster;
  }

  private Commands.Result script(String action, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(SCRIPT.toString(), action));
    command.add(directory.toString());
    command.addAll(List.of(arguments));
    return Commands.run(
        Path.of("/"), Map.of("JAVA_HOME", System.getProperty("java.home")), LIMIT, command);
  }

  /** Runs a bash script on a node. */
  String bash(String node, String user, String script) throws IOException, InterruptedException {
    return script("run", node, user, "bash", "-euc", script).expectSuccess().output().strip();
  }

  /** A user's home, as this machine sees it. */
  Path home(String user) {
    return directory.resolve("home").resolve(user);
  }

  /** Writes an executable file below a user's home, which the user owns. */
  void write(String user, String name, String content) throws IOException, InterruptedException {
    Path file = home(user).resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
    var _ = bash("n1", "root", "chown -R " + user + " /mnt/home/" + user);
    var _ = bash("n1", "root", "chmod 755 /mnt/home/" + user + "/" + name);
  }

  /**
   * Submits a script in a user's home.
   *
   * @param options of sbatch
   * @return the job's id
   */
  String submit(String user, String options, String script)
      throws IOException, InterruptedException {
    return bash(
        "n1", user, "cd; sbatch --parsable --output=out-%%j %s %s".formatted(options, script));
  }

  /** Waits until a job has ended and its nodes are free. */
  void awaitEnd(String job) throws InterruptedException {
    Waiting.until(
        "the end of job " + job,
        JOB_LIMIT,
        LOOK_NANOS,
        () ->
            bash("n1", "root", "squeue --noheader --states=all --format=%T -j " + job + " || true")
                .matches("(?s).*(COMPLETED|FAILED|CANCELLED|TIMEOUT).*|.*Invalid job id.*|"));
  }

  /** Waits until a file of this name is in a user's home. */
  void awaitFile(String user, String name, String job) throws IOException, InterruptedException {
    Waiting.until(
        name + " of job " + job + ":\n" + said(user, job),
        JOB_LIMIT,
        LOOK_NANOS,
        () -> {
          if (bash("n1", "root", "squeue --noheader --format=%T -j " + job + " 2>&1 || true")
              .isEmpty()) {
            throw new AssertionError("job " + job + " has ended:\n" + said(user, job));
          }
          return Files.exists(home(user).resolve(name));
        });
  }

  /** What Slurm says about a job. */
  String state(String job) throws IOException, InterruptedException {
    return bash(
        "n1", "root", "scontrol show job " + job + " | grep -o 'JobState=.*\\|ExitCode=.*'");
  }

  /** What a job has written to its output. */
  String said(String user, String job) throws IOException {
    Path output = home(user).resolve("out-" + job);
    return Files.exists(output) ? Files.readString(output) : "(nothing)";
  }

  @Override
  public void close() throws IOException {
    removeAtExit();
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  private void removeAtExit() {
    try {
      script("down").expectSuccess();
      Files.deleteIfExists(directory.getParent());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
