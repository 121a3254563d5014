package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** What docs/not-supported.md says is not there, and its answers. */
class NotSupportedIT extends SystemCallContract {
  private static TestInstance instance;
  private static Path mountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(2);
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

  @Override
  List<String> tables() {
    return List.of("not-supported.cases");
  }
}
