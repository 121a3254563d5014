package io.adhocfs.it.instance;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.protocol.transport.Deadline;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Runs programs and keeps what they say. */
public final class Commands {
  /** Longer than any script takes, of which some work on a million files in the long variants. */
  private static final Duration SCRIPT_LIMIT =
      Duration.ofMinutes(Boolean.getBoolean("adhocfs.full") ? 90 : 10);

  private static final Duration THREADS_PATIENCE = Duration.ofSeconds(5);

  /** What a program said and how it ended. */
  public record Result(int exitCode, String output) {
    /** Fails the test unless the program succeeded. */
    public Result expectSuccess() {
      if (exitCode != 0) {
        throw new AssertionError("exit code " + exitCode + "\n" + output);
      }
      return this;
    }
  }

  private Commands() {}

  /**
   * Runs a program to its end.
   *
   * @throws AssertionError when it has not ended in time; it is killed then
   */
  public static Result run(
      Path directory, Map<String, String> environment, Duration limit, List<String> command)
      throws IOException, InterruptedException {
    Path output = java.nio.file.Files.createTempFile("adhocfs-test-", ".out");
    try {
      var builder =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      process.getOutputStream().close();
      boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        askForThreads(process.toHandle(), output);
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
      }
      String said = said(output);
      if (!ended) {
        throw new AssertionError(command + " has not ended after " + limit + "\n" + said);
      }
      return new Result(process.exitValue(), said);
    } finally {
      java.nio.file.Files.deleteIfExists(output);
    }
  }

  /** Has a JVM say where it waits; nothing happens where the program is something else. */
  private static void askForThreads(ProcessHandle process, Path output)
      throws IOException, InterruptedException {
    if (process.info().command().orElse("").endsWith("/java")) {
      new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor();
      // Its last words about threads, unless it can say nothing any more.
      Deadline patience = Deadline.after(THREADS_PATIENCE);
      while (!patience.passed() && !said(output).contains("JNI global refs")) {
        LockSupport.parkNanos(50_000_000);
      }
    }
  }

  private static String said(Path output) throws IOException {
    return new String(java.nio.file.Files.readAllBytes(output), UTF_8);
  }

  /** Runs a bash script that ends at its first failing command, and expects it to succeed. */
  public static String bash(Path directory, Map<String, String> environment, String script)
      throws IOException, InterruptedException {
    return run(
            directory, environment, SCRIPT_LIMIT, List.of("bash", "-euo", "pipefail", "-c", script))
        .expectSuccess()
        .output();
  }
}
