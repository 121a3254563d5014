package io.adhocfs.daemon.metrics;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** What a process can say of itself. */
public final class ProcessFacts {
  private static final String RESIDENT = "VmRSS:";

  private final long startedNanos = System.nanoTime();
  private final long processId = ProcessHandle.current().pid();
  private final String hostName = readHostName();
  private final String version = readVersion();

  public long processId() {
    return processId;
  }

  String hostName() {
    return hostName;
  }

  public String version() {
    return version;
  }

  public long uptimeMillis() {
    return (System.nanoTime() - startedNanos) / 1_000_000;
  }

  /** Bytes of memory that the process has; 0 where the kernel does not say. */
  long residentBytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(RESIDENT)) {
          return Long.parseLong(line.substring(RESIDENT.length()).replace("kB", "").strip()) << 10;
        }
      }
    } catch (IOException | NumberFormatException e) {
      // Then it is not known.
    }
    return 0;
  }

  private static String readHostName() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static String readVersion() {
    var properties = new Properties();
    try (InputStream in = ProcessFacts.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "unknown");
  }
}
