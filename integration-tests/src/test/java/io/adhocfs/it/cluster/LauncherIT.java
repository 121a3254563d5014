package io.adhocfs.it.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Commands;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * scripts/adhocfs in a checkout whose sources have changed since the program was built, and in a
 * current directory that is gone.
 */
class LauncherIT {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @TempDir private Path directory;
  private Path checkout;
  private Path program;

  /** A checkout with this one's program, with a source that is newer, and with a Maven of ours. */
  @BeforeEach
  void makeCheckout() throws Exception {
    Path real = Path.of(System.getProperty("adhocfs.home", "..")).toAbsolutePath().normalize();
    checkout = directory.resolve("checkout");
    program = checkout.resolve("adhocfs-cli/target/dist");
    Files.createDirectories(program);
    Files.createDirectories(checkout.resolve("scripts"));
    for (String script : List.of("adhocfs", "lib.sh")) {
      Files.copy(real.resolve("scripts").resolve(script), checkout.resolve("scripts/" + script));
    }
    Files.createSymbolicLink(program.resolve("lib"), real.resolve("adhocfs-cli/target/dist/lib"));
    Path built = Files.createFile(program.resolve("built"));
    Files.setLastModifiedTime(built, FileTime.from(Instant.EPOCH));
    Files.createFile(checkout.resolve("pom.xml"));
    Path sources = Files.createDirectories(checkout.resolve("adhocfs-cli/src/main"));
    Files.createFile(sources.resolve("Changed.java"));
    Files.createFile(checkout.resolve("adhocfs-cli/pom.xml"));
  }

  /** The temporary directory must not seem to hold this checkout's program. */
  @AfterEach
  void removeLink() throws Exception {
    if (Files.isSymbolicLink(program.resolve("lib"))) {
      Files.delete(program.resolve("lib"));
    }
  }

  /** Has a build do this, with {@code $dist} where the program is to be gathered. */
  private void mavenDoes(String script) throws Exception {
    Path maven = Files.createDirectories(directory.resolve("bin")).resolve("mvn");
    Files.writeString(
        maven,
        """
        #!/bin/bash
        if [[ "$*" == *-v* ]]; then echo "Apache Maven 3.9.9"; exit; fi
        for argument; do [[ $argument != -Dadhocfs.dist=* ]] || dist=${argument#*=}; done
        """
            + script);
    assertThat(maven.toFile().setExecutable(true)).isTrue();
  }

  private Commands.Result adhocfs(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(checkout.resolve("scripts/adhocfs").toString()));
    command.addAll(List.of(arguments));
    return Commands.run(
        directory,
        Map.of(
            "PATH",
            directory.resolve("bin") + ":" + System.getenv("PATH"),
            "JAVA_HOME",
            System.getProperty("java.home"),
            "ADHOCFS_HOME",
            directory.resolve("home").toString(),
            "ADHOCFS_BUILD",
            ""),
        LIMIT,
        command);
  }

  @Test
  void aBuildThatFailsLeavesTheProgramThatIsThere() throws Exception {
    mavenDoes("mkdir -p \"$dist/lib\"; echo '[ERROR] does not compile'; exit 1\n");
    Commands.Result failed = adhocfs("ls");
    assertThat(failed.exitCode()).isEqualTo(1);
    assertThat(failed.output()).contains("does not compile", "the build failed");
    assertThat(program.resolve("lib")).isNotEmptyDirectory();
  }

  @Test
  void whatTakesDownOrShowsAnInstanceNeedsNoBuild() throws Exception {
    mavenDoes("exit 1\n");
    for (String command : List.of("down", "status", "logs")) {
      Commands.Result result = adhocfs(command, "--name", "x");
      assertThat(result.exitCode()).as(result.output()).isEqualTo(2);
      assertThat(result.output()).contains("there is no instance 'x'").doesNotContain("build");
    }
    Commands.Result unmounted = adhocfs("umount", directory.toString());
    assertThat(unmounted.output()).contains("is not a mount of adhocfs").doesNotContain("build");
  }

  @Test
  void aCurrentDirectoryThatIsGoneIsNamed() throws Exception {
    Path gone = Files.createDirectory(directory.resolve("gone"));
    Commands.Result result =
        Commands.run(
            gone,
            Map.of("JAVA_HOME", System.getProperty("java.home")),
            LIMIT,
            List.of(
                "sh",
                "-c",
                "rmdir \"$PWD\" && exec \"$1\" status",
                "sh",
                checkout.resolve("scripts/adhocfs").toString()));
    assertThat(result.exitCode()).as(result.output()).isEqualTo(1);
    assertThat(result.output())
        .contains("cannot start in the current directory (" + gone + "), which is gone");
  }

  @Test
  void aBuildReplacesTheProgramWhenItIsDone() throws Exception {
    // What is there must be whole as long as the new one is not.
    mavenDoes(
        """
        ls "%s"/lib/adhocfs-cli-*.jar || exit 1
        mkdir -p "$dist/lib"
        touch "$dist/lib/new"
        """
            .formatted(program));
    // The new program has no main class, so it is only the build that is seen.
    assertThat(adhocfs("ls").output()).contains("adhocfs: built");
    assertThat(program.resolve("lib/new")).exists();
    assertThat(program.resolve("built")).exists();
    assertThat(program.resolveSibling("dist.new")).doesNotExist();
    assertThat(program.resolveSibling("dist.old")).doesNotExist();
  }
}
