package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A process that performs system calls, compiled from system-calls.c: Java can neither make every
 * call nor be another user for one of them. Not thread-safe.
 */
final class SystemCalls implements AutoCloseable {
  private static final int ANSWER_SECONDS_MAX = 120;

  private final Path directory;
  private final Process process;
  private final BufferedWriter calls;
  private final BufferedReader answers;

  private SystemCalls(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
    this.calls = process.outputWriter(ISO_8859_1);
    this.answers = process.inputReader(ISO_8859_1);
  }

  static SystemCalls start() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("adhocfs-calls-");
    Path source = directory.resolve("system-calls.c");
    Path program = directory.resolve("system-calls");
    try (InputStream in = SystemCalls.class.getResourceAsStream("system-calls.c")) {
      Files.copy(java.util.Objects.requireNonNull(in), source);
    }
    Process compiler =
        new ProcessBuilder(
                List.of("gcc", "-O1", "-Wall", "-o", program.toString(), source.toString()))
            .inheritIO()
            .start();
    if (compiler.waitFor() != 0) {
      throw new AssertionError("gcc can't compile " + source);
    }
    Process process =
        new ProcessBuilder(program.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    return new SystemCalls(directory, process);
  }

  /** Runs a chain of calls and answers what they return, separated by " | ". */
  String run(String chain) throws IOException, InterruptedException {
    calls.write(chain);
    calls.newLine();
    calls.flush();
    CompletableFuture<String> line =
        CompletableFuture.supplyAsync(() -> {
          try {
            return String.valueOf(answers.readLine());
          } catch (IOException e) {
            return e.toString();
          }
        });
    try {
      return line.get(ANSWER_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw new AssertionError("no answer to: " + chain, e);
    }
  }

  @Override
  public void close() throws IOException {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }
}
