package io.adhocfs.it.posix;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** A tmpfs that is mounted read-only: a case that fails here is a wrong case. */
class TmpfsReadOnlyTest extends ReadOnlyContract {
  private static Path directory = Path.of("/dev/shm");

  @BeforeAll
  static void mount() throws Exception {
    directory = Files.createTempDirectory("adhocfs-read-only-");
    run("mount", "-t", "tmpfs", "none", directory.toString());
    fill(directory);
    run("mount", "-o", "remount,ro", directory.toString());
  }

  @AfterAll
  static void unmount() throws Exception {
    run("umount", directory.toString());
    Files.delete(directory);
  }

  private static void run(String... command) throws IOException, InterruptedException {
    if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
      throw new AssertionError(String.join(" ", command) + " failed");
    }
  }

  @Override
  Path root() {
    return directory;
  }
}
