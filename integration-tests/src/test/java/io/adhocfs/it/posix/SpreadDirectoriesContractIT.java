package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The whole contract on a mount whose directories are spread once they have two entries. */
class SpreadDirectoriesContractIT extends FullFileSystemContract {
  private static TestInstance instance;
  private static Path mountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(4, "--set", "directory.spread-entries=2");
    mountPoint = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  @Override
  Path root() {
    return mountPoint;
  }
}
