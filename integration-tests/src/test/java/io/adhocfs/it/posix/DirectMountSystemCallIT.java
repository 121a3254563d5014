package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The table of system calls on a mount of three daemons by the direct driver. */
class DirectMountSystemCallIT extends SystemCallContract {
  private static TestInstance instance;
  private static Path mountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(3);
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
