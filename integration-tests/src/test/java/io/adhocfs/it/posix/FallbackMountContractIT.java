package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The basic contract on a mount by the fallback driver. */
class FallbackMountContractIT extends FileSystemContract {
  private static TestInstance instance;
  private static Path mountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(2);
    mountPoint = instance.mount("--driver", "jnr");
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
