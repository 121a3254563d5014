package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What docs/not-supported.md says is not there, and its answers. */
class NotSupportedIT extends SystemCallContract {
  private static TestInstance instance;
  private static Path mountPoint;
  private static Path otherMountPoint;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(2);
    mountPoint = instance.mount();
    otherMountPoint = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  /** The kernel tells of what passes through it. */
  @Test
  void changesThroughAnotherMountAreNotTold() throws Exception {
    Path here = Files.createDirectory(mountPoint.resolve("watched"));
    try (SystemCalls watching = SystemCalls.start()) {
      assertThat(watching.run("begin " + here)).isEqualTo("0");
      assertThat(watching.run("watch .")).isEqualTo("0");
      Files.createFile(otherMountPoint.resolve("watched/f"));
      assertThat(watching.run("list . | events")).isEqualTo("f | none");
    }
  }

  @Test
  void fifosAndSocketsDoNotReachAnotherMount() throws Exception {
    Path here = Files.createDirectory(mountPoint.resolve("fifos"));
    try (SystemCalls reading = SystemCalls.start();
        SystemCalls writing = SystemCalls.start()) {
      assertThat(reading.run("begin " + here)).isEqualTo("0");
      assertThat(writing.run("begin " + otherMountPoint.resolve("fifos"))).isEqualTo("0");
      assertThat(reading.run("mkfifo p 0644 | open p O_RDONLY,O_NONBLOCK")).isEqualTo("0 | 0");
      assertThat(writing.run("open p O_WRONLY,O_NONBLOCK")).isEqualTo("ENXIO");
    }
  }

  @Test
  void leasesAreOfOneMount() throws Exception {
    Path file = Files.writeString(mountPoint.resolve("leased"), "x");
    try (SystemCalls holding = SystemCalls.start()) {
      assertThat(holding.run("begin " + file.getParent())).isEqualTo("0");
      assertThat(holding.run("open leased O_RDONLY | lease 0 read")).isEqualTo("0 | 0");
      assertThat(otherMountPoint.resolve("leased")).isWritable();
      Files.writeString(otherMountPoint.resolve("leased"), "changed");
      assertThat(Files.readString(file)).isEqualTo("changed");
    }
  }

  @Test
  void fallbackDriverHasNoExtendedAttributes() throws Exception {
    Path fallback = instance.mount("--driver", "jnr");
    instance.bash(
        fallback,
        """
        touch f
        (setfattr -n user.a -v b f 2>&1 || true) | grep -F 'Operation not supported'
        rm f
        cd /
        "$adhocfs" umount %s
        """
            .formatted(fallback));
  }

  /** So that the table and the cases cannot part. */
  @Test
  void everyCaseIsInTheDocument() throws Exception {
    String document =
        Files.readString(
            Path.of(System.getProperty("adhocfs.home", ".."), "docs", "not-supported.md"));
    for (SystemCallCases.Case tried : SystemCallCases.read(tables())) {
      assertThat(document).contains("| " + tried.name() + " |");
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
