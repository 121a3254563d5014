package io.adhocfs.cli.process;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process that outlives the command that started it, in a session of its own. */
public final class ServiceProcess {
  /** How often a wait for a process checks again. */
  static final Duration LOOK = Duration.ofMillis(10);

  private static final int TAIL_BYTES_MAX = 64 << 10;

  private final Process process;
  private final Path log;

  /** The offset in the log at which this process began to write. */
  private final long logStart;

  private ServiceProcess(Process process, Path log, long logStart) {
    this.process = process;
    this.log = log;
    this.logStart = logStart;
  }

  /**
   * Starts a program in a session of its own, without input; its output is appended to the log.
   *
   * @throws FsException if the program cannot be started
   */
  public static ServiceProcess start(List<String> command, Path log) throws FsException {
    return start(command, log, new File("/dev/null"));
  }

  /** As {@link #start(List, Path)}, with a file as standard input. */
  static ServiceProcess start(List<String> command, Path log, File input) throws FsException {
    List<String> detached = new ArrayList<>();
    // setsid replaces itself by the command: the process keeps its number.
    detached.add("setsid");
    detached.addAll(command);
    var builder =
        new ProcessBuilder(detached)
            .redirectInput(input)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    // More malloc arenas, for many threads, would cost more memory than they save time.
    builder.environment().putIfAbsent("MALLOC_ARENA_MAX", "2");
    // A service must not keep a directory busy that somebody wants to unmount or remove.
    builder.directory(new File("/"));
    try {
      long logStart = log.toFile().length();
      return new ServiceProcess(builder.start(), log, logStart);
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot start " + command.getFirst() + ": " + e.getMessage(), e);
    }
  }

  public long processId() {
    return process.pid();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** Kills the process if it still runs, and waits for its end. */
  public void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  /** The lines that the process has written, at most those at the end of the log. */
  List<String> said() {
    return tail(log, logStart);
  }

  /** The last lines that the process has written; for errors. */
  public String lastLines() {
    return lastLines(tail(log, logStart), 3);
  }

  /** An error that says how the process ended, with its last lines. */
  FsException ended(String what) {
    return new FsException(
        FsError.STORAGE_FAILED,
        what
            + " ended with exit code "
            + process.exitValue()
            + " before it was ready; "
            + log
            + " ends with: "
            + lastLines());
  }

  /** The last lines of a log, without empty lines and stack frames, joined into one. */
  static String lastLines(Path log, int lines) {
    return lastLines(tail(log), lines);
  }

  private static String lastLines(List<String> tail, int lines) {
    List<String> kept = new ArrayList<>();
    for (String line : tail) {
      String stripped = line.strip();
      if (!stripped.isEmpty() && !stripped.startsWith("at ") && !stripped.startsWith("... ")) {
        kept.add(stripped);
      }
    }
    return kept.isEmpty()
        ? "(nothing)"
        : String.join(" | ", kept.subList(Math.max(0, kept.size() - lines), kept.size()));
  }

  /** The lines at the end of a log. */
  public static List<String> tail(Path log) {
    return tail(log, 0);
  }

  private static List<String> tail(Path log, long from) {
    try (var file = new RandomAccessFile(log.toFile(), "r")) {
      long start = Math.max(Math.min(from, file.length()), file.length() - TAIL_BYTES_MAX);
      file.seek(start);
      var bytes = new byte[(int) Math.min(TAIL_BYTES_MAX, file.length() - start)];
      file.readFully(bytes);
      List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      return start == from || lines.isEmpty() ? lines : lines.subList(1, lines.size());
    } catch (IOException e) {
      return List.of("(cannot read " + log + ": " + e.getMessage() + ")");
    }
  }

  /**
   * Whether a process of this host runs this program, with these words on its command line. False
   * also if the process has ended.
   */
  public static boolean isOurs(long processId, String... words) {
    String commandLine;
    try {
      commandLine =
          new String(
                  Files.readAllBytes(Path.of("/proc", Long.toString(processId), "cmdline")),
                  StandardCharsets.UTF_8)
              .replace('\0', '\n');
    } catch (IOException e) {
      return false;
    }
    List<String> arguments = commandLine.lines().toList();
    return arguments.contains(JavaCommand.MAIN_CLASS) && arguments.containsAll(List.of(words));
  }

  /**
   * Ends a process that {@link #isOurs}: asks it to end, waits this long, kills it, and waits until
   * it is gone. Does nothing to other processes.
   *
   * @return false if the process still runs
   */
  public static boolean end(long processId, Duration patience, String... words) {
    ProcessHandle process = ProcessHandle.of(processId).orElse(null);
    if (process == null || !isOurs(processId, words)) {
      return true;
    }
    process.destroy();
    if (awaitEnd(processId, patience, words)) {
      return true;
    }
    process.destroyForcibly();
    return awaitEnd(processId, Duration.ofSeconds(10), words);
  }

  /** Waits until a process is gone; false if it still runs after this long. */
  public static boolean awaitEnd(long processId, Duration patience, String... words) {
    long limit = System.nanoTime() + patience.toNanos();
    while (isOurs(processId, words)) {
      if (System.nanoTime() - limit > 0) {
        return false;
      }
      pause();
    }
    return true;
  }

  /** Waits a moment before the next check. */
  static void pause() {
    try {
      TimeUnit.NANOSECONDS.sleep(LOOK.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
