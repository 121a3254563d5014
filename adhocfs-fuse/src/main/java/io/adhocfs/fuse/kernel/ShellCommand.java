package io.adhocfs.fuse.kernel;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs a small program on a path in a process of its own, where it may hang without holding up this
 * process.
 */
final class ShellCommand {

  /**
   * How the program ended.
   *
   * @param finished false if the program was still running after the time given; it then goes on by
   *     itself
   * @param errors its standard error, in English
   */
  record Result(boolean finished, int exitStatus, String errors) {
    boolean succeeded() {
      return finished && exitStatus == 0;
    }
  }

  private ShellCommand() {}

  /**
   * Runs the command with the path as its last argument. The path goes through xargs(1), since Java
   * would encode it in the locale's character set and so lose bytes.
   */
  static Result runWithPath(byte[] path, int timeoutMillis, List<String> command)
      throws IOException, InterruptedException {
    List<String> whole = new ArrayList<>(List.of("xargs", "-0"));
    whole.addAll(command);
    whole.add("--");
    ProcessBuilder builder =
        new ProcessBuilder(whole)
            .directory(Path.of("/").toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    try (OutputStream input = process.getOutputStream()) {
      input.write(path);
    }
    if (!process.waitFor(timeoutMillis, TimeUnit.MILLISECONDS)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      return new Result(false, -1, "");
    }
    String errors =
        new String(process.getErrorStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    return new Result(true, process.exitValue(), errors);
  }
}
