package io.adhocfs.it.posix;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The table of system calls on the host's tmpfs: a case that fails here is a wrong case. */
class TmpfsSystemCallTest extends SystemCallContract {
  private static Path directory = Path.of("/dev/shm");

  @BeforeAll
  static void makeDirectory() throws IOException {
    directory = Files.createTempDirectory(Path.of("/dev/shm"), "adhocfs-calls-");
  }

  @AfterAll
  static void removeDirectory() throws Exception {
    new ProcessBuilder("rm", "-rf", directory.toString()).start().waitFor();
  }

  @Override
  Path root() {
    return directory;
  }
}
