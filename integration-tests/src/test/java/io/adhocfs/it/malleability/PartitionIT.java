package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Hosts;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The daemons of one group of hosts do not hear the other group's for a while, as slots move
 * between them: programs wait, and everything goes on by itself afterwards.
 */
@Timeout(900)
class PartitionIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final Duration APART = Duration.ofSeconds(FULL ? 45 : 12);
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final long LOOK_NANOS = 200_000_000;

  private static void expectMoving(TestInstance instance) throws Exception {
    assertThat(instance.adhocfs("rebalance", "status", "--json").expectSuccess().output())
        .containsPattern("\"running\"\\s*:\\s*true");
  }

  /** Begins a change that takes a while, and pulls the cable in its middle. */
  private static void changeApart(
      TestInstance instance, Hosts hosts, List<Checker> checkers, String... change)
      throws Exception {
    instance.adhocfs(change).expectSuccess();
    // Some moment of the change, which takes much longer.
    LockSupport.parkNanos(Duration.ofSeconds(2).toNanos());
    expectMoving(instance);
    long pulled = System.nanoTime();
    hosts.pullCableFor(APART);
    // It may be over by now.
    String lifted = instance.adhocfs("rebalance", "limit", "none").output();
    Waiting.until(
        "the change to be done; the lifted limit said: " + lifted,
        PATIENCE,
        LOOK_NANOS,
        () -> {
          Commands.Result status = instance.adhocfs("rebalance", "status", "--json");
          return status.output().contains("\"done\"");
        });
    System.out.printf(
        "%s: done %d ms after the cable was pulled for %d ms%n",
        String.join(" ", change), (System.nanoTime() - pulled) / 1_000_000, APART.toMillis());
    long before = checkers.stream().mapToLong(Checker::steps).sum();
    Waiting.until(
        "programs to go on",
        PATIENCE,
        LOOK_NANOS,
        () -> {
          checkers.forEach(Checker::expectGoingOn);
          return checkers.stream().mapToLong(Checker::steps).sum() > before + 20;
        });
    instance.verify();
  }

  @Test
  void aMoveIsFinishedOnceTheGroupsHearEachOtherAgain() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("seed " + seed);
    // Even ones hang at the first switch, as this machine does; odd ones at the second.
    try (Hosts hosts = Hosts.make(256, 256, 256, 256, 256);
        TestInstance instance =
            TestInstance.up(
                hosts,
                hosts.file(0, 1, 2),
                "--set",
                "client.deadline=" + PATIENCE.toSeconds() + "s")) {
      Path mount = instance.mount();
      instance.bash(
          mount,
          "mkdir kept; for i in $(seq 1 40); do head -c 1000000 /dev/urandom > kept/f$i; done;"
              + " md5sum kept/* > $PWD/../sums");
      Files.createFile(mount.resolve(Checker.COUNTER));
      List<Checker> checkers = new ArrayList<>();
      checkers.add(new Checker("one", new MountedFiles(mount, "one"), seed));
      checkers.add(new Checker("two", new MountedFiles(instance.mount(), "two"), seed + 1));
      // Two of the three that vote are on this side.
      changeApart(
          instance,
          hosts,
          checkers,
          "expand",
          "--hosts",
          hosts.file(3, 4).toString(),
          "--limit",
          "500KiB");
      // The same hosts again, with new daemons: most of those that vote are on the other side.
      changeApart(
          instance,
          hosts,
          checkers,
          "relocate",
          "--hosts",
          hosts.file(1, 3, 0).toString(),
          "--limit",
          "500KiB");
      for (Checker checker : checkers) {
        checker.end();
      }
      System.out.println(Checker.waits(checkers, List.of()));
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();
    }
  }
}
