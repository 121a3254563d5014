package io.adhocfs.it.posix;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The limits on the host's tmpfs: a test that fails here is a wrong test. */
class TmpfsLimitsTest extends LimitsContract {
  private static Path directory = Path.of("/dev/shm");

  @BeforeAll
  static void makeRoot() throws IOException {
    directory = Files.createTempDirectory(Path.of("/dev/shm"), "adhocfs-limits-");
  }

  @AfterAll
  static void removeRoot() throws Exception {
    new ProcessBuilder("rm", "-rf", directory.toString()).start().waitFor();
  }

  @Override
  Path root() {
    return directory;
  }

  @Override
  Path otherRoot() {
    return directory;
  }
}
