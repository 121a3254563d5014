package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A mount that refuses all changes, beside one that makes them. */
class ReadOnlyMountIT extends ReadOnlyContract {
  private static TestInstance instance;
  private static Path writable;
  private static Path readOnly;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(2);
    writable = instance.mount();
    fill(writable);
    readOnly = instance.mount("--read-only");
  }

  @AfterAll
  static void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  @Override
  Path root() {
    return readOnly;
  }

  @Test
  void changesThroughOtherMountsAreSeen() throws Exception {
    Files.writeString(writable.resolve("new"), "new content");
    assertThat(Files.readString(readOnly.resolve("new"))).isEqualTo("new content");
    Files.delete(writable.resolve("new"));
    assertThat(readOnly.resolve("new")).doesNotExist();
  }

  /** The fallback driver has the same option. */
  @Test
  void fallbackDriverRefusesChangesToo() throws Exception {
    Path mountPoint = instance.mount("--read-only", "--driver", "jnr");
    assertThat(mountPoint.resolve("f")).hasContent("hello");
    instance.bash(
        mountPoint,
        "(touch new 2>&1 || true) | grep -F 'Read-only file system'; [ ! -e new ]; cd /; \"$adhocfs\" umount "
            + mountPoint);
  }
}
