package io.adhocfs.it.posix;

import io.adhocfs.it.instance.Commands;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/**
 * What is allowed and what programs seldom do: the longest names, trees of a thousand levels, many
 * threads in one tree, as many open files as the machine allows. Needs python3.
 */
abstract class LimitsContract {
  static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private static final Duration PATIENCE = Duration.ofMinutes(20);

  private Path scratch = Path.of("/");
  private Path directory = Path.of("/");

  /** An existing directory on the file system under test. */
  abstract Path root();

  /** The same directory for other programs, perhaps through another mount. */
  abstract Path otherRoot();

  /** Before anything of a test is there. */
  void begins() throws Exception {}

  /** When everything of a test is gone. */
  void ended() throws Exception {}

  @BeforeEach
  void makeDirectory(TestInfo test) throws Exception {
    begins();
    scratch = Files.createTempDirectory("adhocfs-limits-");
    try (InputStream in = LimitsContract.class.getResourceAsStream("limits.py")) {
      Files.copy(Objects.requireNonNull(in), scratch.resolve("limits.py"));
    }
    directory = Files.createDirectory(root().resolve(test.getTestMethod().orElseThrow().getName()));
  }

  @AfterEach
  void removeDirectory() throws Exception {
    bash("rm -r \"$1\"; [ ! -e \"$1\" ]", directory.toString());
    Files.delete(scratch.resolve("limits.py"));
    Files.delete(scratch);
    ended();
  }

  private void limits(String... arguments) throws Exception {
    List<String> command =
        Stream.concat(
                Stream.of("python3", scratch.resolve("limits.py").toString()), Stream.of(arguments))
            .toList();
    System.out.print(Commands.run(directory, Map.of(), PATIENCE, command).expectSuccess().output());
  }

  private void bash(String script, String argument) throws Exception {
    Commands.run(
            scratch,
            Map.of(),
            PATIENCE,
            List.of("bash", "-euo", "pipefail", "-c", script, "bash", argument))
        .expectSuccess();
  }

  @Test
  void namesMayBe255TimesAnyByte() throws Exception {
    limits("names");
  }

  @Test
  void pathsMayHave4095Bytes() throws Exception {
    limits("longest_path");
  }

  @Test
  void treesMayBeAThousandLevelsDeep() throws Exception {
    limits("deep", "d", "1000");
    bash(
        "[ $(find \"$1\" -type d | wc -l) = 1001 ]; du -s \"$1\"; rm -r \"$1/d\"",
        otherRoot().resolve(directory.getFileName()).toString());
  }

  /** Then no path leads to the bottom any more. */
  @Test
  void treesMayBeDeeperThanAnyPath() throws Exception {
    limits("deep", "a-longer-name-than-that", "1000");
    bash(
        "[ $(find \"$1\" -type d | wc -l) = 1001 ]; rm -r \"$1/a-longer-name-than-that\"",
        otherRoot().resolve(directory.getFileName()).toString());
  }

  @Test
  void manyThreadsRenameInOneTree() throws Exception {
    renames(root());
  }

  /** Lets 64 threads move files and directories about, each through one of the mounts. */
  final void renames(Path... roots) throws Exception {
    String seed = System.getProperty("adhocfs.seed");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "renames",
                "64",
                FULL ? "1000" : "40",
                seed == null ? Long.toString(ThreadLocalRandom.current().nextLong()) : seed));
    for (Path root : roots) {
      arguments.add(root.resolve(directory.getFileName()).toString());
    }
    limits(arguments.toArray(String[]::new));
  }

  @Test
  void manyFilesAreOpenAtOnce() throws Exception {
    limits("open_files", FULL ? "100000" : "5000");
  }
}
