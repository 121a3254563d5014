package io.adhocfs.it.programs;

import io.adhocfs.it.instance.TestInstance;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/**
 * Programs that people run, on two mounts of four daemons. Scripts run in a directory of the first
 * mount; {@code $here} and {@code $there} are the same directory through either mount, {@code
 * $local} one outside, {@code $programs} where the sources and scripts of these tests are. After
 * each test everything in the file system fits together.
 */
abstract class ProgramsContract {
  static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private static TestInstance instance;
  private static Path first;
  private static Path second;
  private static int tests;

  private Path here = Path.of("/");
  private String prelude = "";

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(4);
    first = instance.mount();
    second = instance.mount();
    // A program that runs as another user has to get to the mounts.
    Files.setPosixFilePermissions(
        instance.scratch().getParent(), PosixFilePermissions.fromString("rwx--x--x"));
    for (Path mountPoint : new Path[] {first, second}) {
      Files.setPosixFilePermissions(mountPoint, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @BeforeEach
  void makeDirectories() throws Exception {
    String name = "test-" + ++tests;
    here = Files.createDirectory(first.resolve(name));
    Path local = Files.createDirectory(instance.scratch().resolve(name));
    // Debian's own interpreter is the one that its packages of modules are for.
    prelude =
        "here=%s; there=%s; local=%s; inside=adhoc:/%s; programs=%s; python=/usr/bin/python3;\n"
            .formatted(here, second.resolve(name), local, name, programs());
  }

  @AfterEach
  void verify() throws Exception {
    instance.verify();
  }

  /** Runs a bash script that ends at its first failing command, and expects it to succeed. */
  void run(String script) throws Exception {
    instance.bash(here, prelude + script);
  }

  Path here() {
    return here;
  }

  /** Where the sources and scripts of these tests are. */
  static Path programs() throws URISyntaxException {
    var source = Objects.requireNonNull(ProgramsContract.class.getResource("shared-file.c"));
    return Path.of(source.toURI()).resolveSibling("");
  }

  static TestInstance instance() {
    return instance;
  }

  /** What programs take their random numbers from; {@code -Dadhocfs.seed} repeats a run. */
  static int seed() {
    int seed =
        Integer.getInteger("adhocfs.seed", ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE));
    System.out.println("seed " + seed);
    return seed;
  }
}
