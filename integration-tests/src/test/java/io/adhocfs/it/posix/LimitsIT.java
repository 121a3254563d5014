package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The limits on two mounts of three daemons. After each test everything fits together, and nothing
 * of it is held any more: no inode, and no descriptor in the mounts' processes.
 */
class LimitsIT extends LimitsContract {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final long LOOK_NANOS = 50_000_000;

  /** Connections come and go. */
  private static final int DESCRIPTORS_SPARE = 16;

  private static TestInstance instance;
  private static Path first;
  private static Path second;

  private long inodes;
  private long descriptors;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(3);
    first = instance.mount();
    second = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @Override
  Path root() {
    return first;
  }

  @Override
  Path otherRoot() {
    return second;
  }

  @Test
  void manyThreadsRenameInOneTreeThroughTwoMounts() throws Exception {
    renames(first, second);
  }

  @Override
  void begins() throws Exception {
    inodes = inodesInUse();
    descriptors = descriptors();
  }

  @Override
  void ended() throws Exception {
    Waiting.until("no inode held", PATIENCE, LOOK_NANOS, () -> inodesInUse() <= inodes);
    Waiting.until(
        "no descriptor held",
        PATIENCE,
        LOOK_NANOS,
        () -> descriptors() <= descriptors + DESCRIPTORS_SPARE);
    instance.verify();
  }

  private static long inodesInUse() throws IOException, InterruptedException {
    String told = instance.bash(first, "stat -f -c '%c %d' .").strip();
    String[] figures = told.split(" ", 2);
    return Long.parseLong(figures[0]) - Long.parseLong(figures[1]);
  }

  private static long descriptors() throws IOException {
    long count = 0;
    for (Path mountPoint : new Path[] {first, second}) {
      Path files = Path.of("/proc", Long.toString(instance.mountProcess(mountPoint).pid()), "fd");
      try (Stream<Path> entries = Files.list(files)) {
        count += entries.count();
      }
    }
    return count;
  }
}
