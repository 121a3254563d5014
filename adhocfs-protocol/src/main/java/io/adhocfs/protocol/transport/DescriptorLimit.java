package io.adhocfs.protocol.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How many descriptors a process may have. */
public final class DescriptorLimit {
  private static final String LINE = "Max open files";

  private DescriptorLimit() {}

  /**
   * The limit that holds for this process. The JVM has raised it to the hard limit when it started.
   * {@link Long#MAX_VALUE} where there is none, or the kernel does not tell.
   */
  public static long ofThisProcess() {
    try {
      return parse(Files.readString(Path.of("/proc/self/limits")));
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }

  /** The soft limit in the kernel's table. */
  static long parse(String limits) {
    return limits
        .lines()
        .filter(line -> line.startsWith(LINE))
        .map(line -> line.substring(LINE.length()).strip().split("\\s+", 2)[0])
        .filter(number -> number.matches("\\d{1,18}"))
        .map(Long::parseLong)
        .findFirst()
        .orElse(Long.MAX_VALUE);
  }
}
