package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The whole contract on a mount that lets the kernel use what it was told for a minute. */
class CachedMountContractIT extends FullFileSystemContract {
  private static TestInstance instance;
  private static Path mountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(4, "--set", "cache=cached", "--set", "cache.timeout=60s");
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
