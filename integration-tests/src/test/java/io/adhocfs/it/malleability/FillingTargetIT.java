package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Hosts;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A new node has no room for what it is to get: before anything moves, or from the middle on. */
@Timeout(600)
class FillingTargetIT {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final long LOOK_NANOS = 100_000_000;

  private static String status(TestInstance instance) throws Exception {
    return instance.adhocfs("rebalance", "status", "--json").expectSuccess().output();
  }

  @Test
  void whatDoesNotFitIsRefusedOrPausedAndGoesOnWhenThereIsRoom() throws Exception {
    try (Hosts hosts = Hosts.make(512, 48, 300);
        TestInstance instance = TestInstance.up(hosts, hosts.file(0))) {
      Path mount = instance.mount();
      instance.bash(
          mount,
          "for i in $(seq 1 100); do head -c 1000000 /dev/urandom > f$i; done;"
              + " md5sum * > $PWD/../sums");

      Commands.Result refused =
          instance.adhocfs("expand", "--hosts", hosts.file(1).toString(), "--wait");
      assertThat(refused.exitCode()).isEqualTo(1);
      assertThat(refused.output()).contains("free").doesNotContain("Exception");
      assertThat(instance.adhocfs("status").expectSuccess().output()).doesNotContain("n1");
      hosts.on(1, "[ -z \"$(ls -A " + hosts.disk() + "/data 2>/dev/null)\" ]");

      instance
          .adhocfs("expand", "--hosts", hosts.file(2).toString(), "--limit", "3MiB")
          .expectSuccess();
      Waiting.until(
          "something to arrive",
          PATIENCE,
          LOOK_NANOS,
          () -> !status(instance).replaceAll("\\s", "").contains("\"slots_moved\":0,"));
      // Somebody else's file takes what is free there.
      hosts.on(2, "dd if=/dev/zero of=" + hosts.disk() + "/filler bs=1M 2>/dev/null; true");
      instance.adhocfs("rebalance", "limit", "none").expectSuccess();
      Commands.Result paused = instance.adhocfs("rebalance", "status", "--wait");
      System.out.println(paused.output().strip());
      assertThat(paused.exitCode()).isEqualTo(1);
      assertThat(paused.output()).contains("paused").contains("rebalance resume");
      assertThat(status(instance)).containsPattern("\"paused\"\\s*:\\s*true");
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();

      hosts.on(2, "rm " + hosts.disk() + "/filler");
      instance.adhocfs("rebalance", "resume").expectSuccess();
      assertThat(instance.adhocfs("rebalance", "status", "--wait").expectSuccess().output())
          .contains("done");
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();
    }
  }
}
