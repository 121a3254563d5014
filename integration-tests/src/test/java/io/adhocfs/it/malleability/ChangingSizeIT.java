package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.protocol.model.SlotId;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An instance grows, shrinks and moves while programs on mounts and Java clients use it: no error
 * reaches them, no byte differs, and no more is moved than has to be.
 */
@Timeout(1200)
class ChangingSizeIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final long PAUSE_NANOS = (FULL ? 10 : 1) * 1_000_000_000L;

  private static AdhocFileSystem client(TestInstance instance) throws Exception {
    var directory = instance.instances();
    return AdhocFileSystem.open(
        () -> directory.read(instance.name()).instance(),
        ClientOptions.DEFAULT.withDeadline(Duration.ofMinutes(2)));
  }

  private static long number(String json, String key) {
    Matcher matcher = Pattern.compile("\"" + key + "\"\\s*:\\s*(\\d+)").matcher(json);
    if (!matcher.find()) {
      throw new AssertionError("no " + key + " in " + json);
    }
    return Long.parseLong(matcher.group(1));
  }

  /** Runs a command that changes the nodes, to its end, and answers what it says of it. */
  private static String change(TestInstance instance, String... command) throws Exception {
    List<String> words = new ArrayList<>(List.of(command));
    words.addAll(List.of("--wait", "--json"));
    String said = instance.adhocfs(words.toArray(String[]::new)).expectSuccess().output();
    assertThat(said).contains("\"done\"");
    assertThat(number(said, "slots_moved")).isEqualTo(number(said, "slots_lower_bound"));
    return said;
  }

  @Test
  void programsNoticeNothing() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("seed " + seed);
    try (TestInstance instance = TestInstance.up(1)) {
      Path first = instance.mount();
      Path second = instance.mount();
      Files.createFile(first.resolve(Checker.COUNTER));
      int listed = FULL ? 100_000 : 3_000;
      Path big = Files.createDirectory(first.resolve("big"));
      for (int i = 0; i < listed; i++) {
        Files.createFile(big.resolve("entry" + i));
      }
      var listing = new Listing(second.resolve("big"), listed);
      List<Checker> checkers = new ArrayList<>();
      try (AdhocFileSystem fileSystem = client(instance)) {
        checkers.add(new Checker("mount 1", new MountedFiles(first, "one"), seed));
        checkers.add(new Checker("mount 2", new MountedFiles(second, "two"), seed + 1));
        checkers.add(new Checker("client", new NativeFiles(fileSystem, "three"), seed + 2));
        List<Checker.Span> spans = new ArrayList<>();
        List<List<String>> changes =
            List.of(
                List.of("expand", "--nodes", "3"),
                List.of("expand", "--nodes", "3"),
                List.of("shrink", "--nodes", "4"),
                List.of("relocate", "--nodes", "5"));
        for (List<String> change : changes) {
          // Programs go on for a while between two changes.
          LockSupport.parkNanos(PAUSE_NANOS);
          long began = System.nanoTime();
          String said = change(instance, change.toArray(String[]::new));
          spans.add(new Checker.Span(began, System.nanoTime()));
          System.out.println(String.join(" ", change) + ": " + said.replaceAll("\\s+", " "));
          long before = checkers.stream().mapToLong(Checker::steps).sum();
          checkers.forEach(Checker::expectGoingOn);
          listing.expectGoingOn();
          instance.verify();
          checkers.forEach(Checker::expectGoingOn);
          assertThat(checkers.stream().mapToLong(Checker::steps).sum()).isGreaterThan(before);
        }
        listing.end();
        for (Checker checker : checkers) {
          checker.end();
        }
        System.out.println(Checker.waits(checkers, spans) + "; " + listing.times + " listings");
        long counted =
            ByteBuffer.wrap(Files.readAllBytes(second.resolve(Checker.COUNTER))).getLong();
        assertThat(counted).isEqualTo(checkers.stream().mapToInt(Checker::counted).sum());
        instance.verify();
      }
    }
  }

  /** Lists a directory that nobody changes, again and again. */
  private static final class Listing {
    private final Path directory;
    private final int entries;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean ending;
    volatile int times;

    Listing(Path directory, int entries) {
      this.directory = directory;
      this.entries = entries;
      this.thread = Thread.ofPlatform().name("listing").start(this::run);
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    private void run() {
      try {
        while (!ending) {
          Set<String> names = new HashSet<>();
          try (Stream<Path> all = Files.list(directory)) {
            all.forEach(entry -> {
              if (!names.add(String.valueOf(entry.getFileName()))) {
                throw new AssertionError(entry + " is listed twice");
              }
            });
          }
          assertThat(names).hasSize(entries);
          times++;
        }
      } catch (Throwable e) {
        failure.set(e);
      }
    }

    void expectGoingOn() {
      Throwable failed = failure.get();
      if (failed != null) {
        throw new AssertionError("listing " + directory, failed);
      }
    }

    void end() throws InterruptedException {
      ending = true;
      thread.join();
      expectGoingOn();
      assertThat(times).isPositive();
    }
  }

  @Test
  void noMoreIsMovedThanHasToBe() throws Exception {
    try (TestInstance instance = TestInstance.up(2)) {
      Path mount = instance.mount();
      instance.bash(
          mount,
          "for i in $(seq 1 24); do head -c 3000000 /dev/urandom > big$i;"
              + " head -c 2000 /dev/urandom > small$i; done; find . -type f | xargs md5sum > $PWD/../sums");
      String said = change(instance, "expand", "--nodes", "2");
      // Half of everything, once.
      assertThat(number(said, "slots_moved")).isEqualTo(SlotId.COUNT / 2);
      assertThat(number(said, "held_bytes")).isBetween(24_000_000L, 50_000_000L);
      assertThat(number(said, "sent_bytes"))
          .isLessThanOrEqualTo((long) (1.02 * number(said, "held_bytes")) + 100_000);
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();

      // A move of nothing is a handful of agreements, not one for each slot.
      instance.bash(mount, "rm *");
      long epoch = number(instance.adhocfs("status", "--json").expectSuccess().output(), "epoch");
      said = change(instance, "relocate", "--nodes", "1");
      assertThat(number(said, "slots_moved")).isEqualTo(SlotId.COUNT);
      long after = number(instance.adhocfs("status", "--json").expectSuccess().output(), "epoch");
      assertThat(after - epoch).isLessThan(64);
      // The mount has slept through it: all nodes that it knew are gone.
      instance.bash(mount, "echo still > here; [ $(cat here) = still ]");
      instance.verify();
    }
  }

  @Test
  void planSaysWhatWouldBeAndChangesNothing() throws Exception {
    try (TestInstance instance = TestInstance.up(2)) {
      String before = instance.adhocfs("status", "--json").expectSuccess().output();
      String plan =
          instance.adhocfs("expand", "--nodes", "1", "--plan", "--json").expectSuccess().output();
      assertThat(number(plan, "slots_lower_bound")).isEqualTo(SlotId.COUNT / 3);
      assertThat(number(instance.adhocfs("status", "--json").expectSuccess().output(), "epoch"))
          .isEqualTo(number(before, "epoch"));
      for (String[] wrong :
          new String[][] {
            {"shrink", "--nodes", "2"},
            {"shrink", "--remove", "n7"},
            {"expand", "--nodes", "0"},
            {"expand"},
            {"rebalance", "pause"},
            {"rebalance", "limit", "20 MB"},
            {"relocate", "--hosts", "/nowhere"},
          }) {
        Commands.Result refused = instance.adhocfs(wrong);
        assertThat(refused.exitCode()).as(String.join(" ", wrong)).isIn(1, 2);
        assertThat(refused.output()).as(String.join(" ", wrong)).isNotBlank();
        assertThat(refused.output()).doesNotContain("Exception");
      }
      instance.verify();
    }
  }

  @Test
  void canBePausedContinuedLimitedAndTakenBack() throws Exception {
    try (TestInstance instance = TestInstance.up(2)) {
      Path mount = instance.mount();
      instance.bash(
          mount,
          "for i in $(seq 1 40); do head -c 1000000 /dev/urandom > f$i; done;"
              + " md5sum * > $PWD/../sums");
      instance.adhocfs("expand", "--nodes", "1", "--limit", "100KiB").expectSuccess();
      instance.adhocfs("rebalance", "pause").expectSuccess();
      String status = instance.adhocfs("rebalance", "status", "--json").expectSuccess().output();
      assertThat(status).containsPattern("\"paused\"\\s*:\\s*true");
      instance.adhocfs("rebalance", "limit", "200KiB").expectSuccess();
      instance.adhocfs("rebalance", "resume").expectSuccess();
      instance.adhocfs("rebalance", "cancel").expectSuccess();
      instance.adhocfs("rebalance", "limit", "none");
      instance.adhocfs("rebalance", "status", "--wait").expectSuccess();
      String after = instance.adhocfs("status").expectSuccess().output();
      assertThat(after).contains("n0").contains("n1").doesNotContain("n2");
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();

      // One that runs gives way to another when it is told to.
      instance.adhocfs("expand", "--nodes", "1", "--limit", "100KiB").expectSuccess();
      String said = change(instance, "relocate", "--nodes", "2", "--supersede");
      assertThat(number(said, "slots_moved")).isGreaterThanOrEqualTo(1);
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();
    }
  }
}
