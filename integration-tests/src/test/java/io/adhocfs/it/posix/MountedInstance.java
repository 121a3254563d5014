package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** An instance and one mount of it for all tests of a class, verified after the last of them. */
final class MountedInstance implements BeforeAllCallback, AfterAllCallback {
  private final int nodes;
  private final String[] options;
  private String[] mountOptions = {};
  private @Nullable TestInstance instance;
  private @Nullable Path mountPoint;

  /**
   * @param options of {@code adhocfs up}
   */
  MountedInstance(int nodes, String... options) {
    this.nodes = nodes;
    this.options = options.clone();
  }

  /** Adds options of {@code adhocfs mount}. */
  MountedInstance mountedWith(String... added) {
    mountOptions = added.clone();
    return this;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    TestInstance up = TestInstance.up(nodes, options);
    instance = up;
    mountPoint = up.mount(mountOptions);
  }

  @Override
  public void afterAll(ExtensionContext context) throws Exception {
    if (instance != null) {
      try (TestInstance closing = instance) {
        closing.verify();
      }
    }
  }

  Path mountPoint() {
    return Objects.requireNonNull(mountPoint);
  }
}
