package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Daemons killed with SIGKILL while programs run. */
class DaemonDeathIT {

  @Test
  void copyWaitsForADaemonThatComesBackAndNothingIsLost() throws Exception {
    try (TestInstance instance = TestInstance.up(4)) {
      Path mountPoint = instance.mount();
      for (int round = 0; round < 2; round++) {
        int victim = 1 + round;
        Process copy =
            new ProcessBuilder("cp", "-r", "/usr/include/linux", mountPoint + "/tree" + round)
                .inheritIO()
                .start();
        Path sign = mountPoint.resolve("tree" + round);
        awaitEntries(sign, 50);
        instance.killDaemon(victim);
        assertThat(copy.waitFor(2, TimeUnit.SECONDS))
            .as("the copy should wait for node %d", victim)
            .isFalse();
        instance.adhocfs("start").expectSuccess();
        assertThat(copy.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(copy.exitValue()).isZero();
        instance.bash(
            mountPoint, "diff -r --no-dereference /usr/include/linux tree%d".formatted(round));
        instance.verify();
      }
    }
  }

  @Test
  void everythingAcknowledgedIsThereAfterAllDaemonsWereKilled() throws Exception {
    try (TestInstance instance = TestInstance.up(4)) {
      Path mountPoint = instance.mount();
      instance.bash(
          mountPoint,
          "mkdir -p a/b/c; for i in $(seq 200); do echo $i > a/b/f$i; done;"
              + " head -c 5000000 /dev/urandom > a/big; sha256sum a/big > sum;"
              + " ln a/big a/b/c/link; mv a/b/f1 a/b/c/moved; rmdir a/nothing 2>/dev/null || true");
      for (int node = 0; node < 4; node++) {
        instance.killDaemon(node);
      }
      instance.adhocfs("start").expectSuccess();
      instance.bash(
          mountPoint,
          "sha256sum -c sum; cmp a/big a/b/c/link; [ $(cat a/b/c/moved) = 1 ]; [ $(ls a/b | wc -l) ="
              + " 200 ]; for i in $(seq 2 200); do [ $(cat a/b/f$i) = $i ]; done");
      instance.verify();
    }
  }

  @Test
  void programWaitingForADeadDaemonEndsOnSignalsAndAfterTheDeadline() throws Exception {
    try (TestInstance instance = TestInstance.up(2, "--set", "client.deadline=6s")) {
      Path mountPoint = instance.mount();
      // A mount reads from its cache what it has written itself.
      instance.bash(instance.mount(), "head -c 4000000 /dev/urandom > f");
      instance.killDaemon(1);
      // Waiting for the page cache the kernel heeds deadly signals only; dd catches SIGINT.
      for (String[] how :
          new String[][] {
            {"INT", "cat f > /dev/null"},
            {"KILL", "dd if=f of=/dev/null bs=1M"},
            {"INT", "dd if=f of=/dev/null bs=1M iflag=direct"}
          }) {
        String signal = how[0];
        Process reader =
            new ProcessBuilder("bash", "-c", "exec " + how[1])
                .directory(mountPoint.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(reader.waitFor(1, TimeUnit.SECONDS)).isFalse();
        long before = System.nanoTime();
        new ProcessBuilder("kill", "-" + signal, Long.toString(reader.pid())).start().waitFor();
        assertThat(reader.waitFor(5, TimeUnit.SECONDS))
            .as("SIG%s ends %s", signal, how[1])
            .isTrue();
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(2));
      }
      String said = instance.bash(mountPoint, "! dd if=f of=/dev/null bs=1M 2>&1");
      assertThat(said).contains("Input/output error");
      instance.adhocfs("start").expectSuccess();
      instance.bash(mountPoint, "[ $(wc -c < f) = 4000000 ]");
      instance.verify();
    }
  }

  @Test
  void killedMountIsCleanedUpByUmountAndByTheNextMount() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      Path mountPoint = instance.mount();
      Files.writeString(mountPoint.resolve("f"), "x");
      instance.killMount(mountPoint);
      instance.adhocfs("umount", mountPoint.toString()).expectSuccess();
      instance.adhocfs("mount", mountPoint.toString()).expectSuccess();
      assertThat(Files.readString(mountPoint.resolve("f"))).isEqualTo("x");
      instance.killMount(mountPoint);
      instance.adhocfs("mount", mountPoint.toString()).expectSuccess();
      assertThat(Files.readString(mountPoint.resolve("f"))).isEqualTo("x");
    }
  }

  private static void awaitEntries(Path directory, int count) throws Exception {
    long limit = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (System.nanoTime() < limit) {
      if (Files.isDirectory(directory)) {
        try (var entries = Files.list(directory)) {
          if (entries.count() >= count) {
            return;
          }
        }
      }
      Thread.onSpinWait();
    }
    throw new AssertionError("no " + count + " entries in " + directory);
  }
}
