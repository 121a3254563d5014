package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.posix.LockProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/** What happens to what a mount holds when it is stopped or killed, and what it sees afterwards. */
class SessionExpiryIT {
  private static final int NODES = 4;
  private static final Duration LEASE = Duration.ofSeconds(3);

  /** Twice the lease, and something for machines that are busy. */
  private static final Duration GIVEN_ON_MAX = Duration.ofSeconds(12);

  private static final Duration AT_ONCE = Duration.ofSeconds(5);
  private static final int UNLINKED_MIBS = 16;

  private static TestInstance instance;

  private final List<LockProgram> programs = new ArrayList<>();
  private final List<ProcessHandle> stopped = new ArrayList<>();
  private Path first;
  private Path second;
  private String name = "";

  @BeforeAll
  static void bringUp() throws Exception {
    instance = TestInstance.up(NODES, "--set", "client.lease=" + LEASE.toSeconds() + "s");
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @BeforeEach
  void mount(TestInfo test) throws Exception {
    name = test.getTestMethod().orElseThrow().getName();
    first = instance.mount();
    second = instance.mount();
  }

  @AfterEach
  void unmount() throws Exception {
    for (ProcessHandle process : stopped) {
      if (process.isAlive()) {
        Processes.signal(process, "CONT");
      }
    }
    programs.forEach(LockProgram::close);
    instance.adhocfs("umount", first.toString()).expectSuccess();
    instance.adhocfs("umount", second.toString()).expectSuccess();
  }

  private LockProgram program(Path mountPoint, String file) throws Exception {
    var program = new LockProgram(mountPoint.resolve(file));
    programs.add(program);
    return program;
  }

  private void stop(ProcessHandle process) throws Exception {
    stopped.add(process);
    Processes.signal(process, "STOP");
  }

  private void letGoOn(ProcessHandle process) throws Exception {
    Processes.signal(process, "CONT");
    stopped.remove(process);
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  private static void awaitPassing(Duration duration) throws InterruptedException {
    long began = System.nanoTime();
    MortalInstance.await("time to pass", () -> since(began).compareTo(duration) >= 0);
  }

  private static long chunkMebibytes() throws IOException, InterruptedException {
    String said =
        instance.bash(
            instance.scratch(),
            "du -sm \"$PWD\"/../data/node-*/chunks | awk '{s += $1} END {print s}'");
    return Long.parseLong(said.strip());
  }

  /** Locks of both kinds, an open file without a name, and a program that never stops writing. */
  private final class Held {
    final LockProgram holder = program(first, name);
    final LockProgram storm = program(first, name + "-storm");
    final LockProgram ranges = program(second, name);
    final LockProgram whole = program(second, name);
    final LockProgram stormed = program(second, name + "-storm");
    final long mebibytesWithout;

    Held() throws Exception {
      mebibytesWithout = chunkMebibytes();
      holder.does("write f 0 first");
      holder.does("posix f ex 0 0");
      holder.does("flock f ex");
      holder.does("open u " + first.resolve(name + "-unlinked"));
      holder.does("fill u " + UNLINKED_MIBS);
      holder.does("unlink " + first.resolve(name + "-unlinked"));
      storm.begins("storm f");
      ranges.begins("posix f ex 0 0 wait");
      whole.begins("flock f ex wait");
      ranges.waits();
      whole.waits();
      assertThat(chunkMebibytes()).isGreaterThanOrEqualTo(mebibytesWithout + UNLINKED_MIBS);
    }

    /** Expects the other mount to get all, after the lease and not before. */
    void expectToGoOn(long sinceNanos) throws Exception {
      assertThat(ranges.answer()).isEqualTo("ok");
      Duration rangesAfter = since(sinceNanos);
      assertThat(whole.answer()).isEqualTo("ok");
      Duration wholeAfter = since(sinceNanos);
      System.out.printf(
          "%s: fcntl lock given on after %d ms, flock after %d ms%n",
          name, rangesAfter.toMillis(), wholeAfter.toMillis());
      assertThat(rangesAfter).isBetween(LEASE, GIVEN_ON_MAX);
      assertThat(wholeAfter).isBetween(LEASE, GIVEN_ON_MAX);
      ranges.does("write f 0 other");
      stormed.does("fill f 4");
      MortalInstance.await(
          "the data of the unlinked file to go",
          // What the program that never stops wrote is still there: four.
          () -> chunkMebibytes() < mebibytesWithout + UNLINKED_MIBS);
      System.out.printf(
          "%s: the unlinked file's data is gone after %d ms%n", name, since(sinceNanos).toMillis());
    }

    void expectTheOthersBytes() throws Exception {
      assertThat(ranges.says("read f 0 100")).isEqualTo("other");
      assertThat(stormed.says("letters f")).isEqualTo("u:" + (4 << 20));
    }
  }

  private void expectThatTheMountWorksAgainWhenMountedAnew() throws Exception {
    programs.forEach(LockProgram::close);
    programs.clear();
    instance.adhocfs("umount", first.toString()).expectSuccess();
    instance.adhocfs("mount", first.toString()).expectSuccess();
    expectThatTheMountWorks();
  }

  private void expectThatTheMountWorks() throws Exception {
    LockProgram again = program(first, name);
    assertThat(again.says("read f 0 100")).isEqualTo("other");
    again.does("posix f ex 0 0 wait");
    again.does("flock f ex wait");
    again.does("write f 0 again");
    assertThat(program(second, name).says("read f 0 100")).isEqualTo("again");
    instance.verify();
  }

  @Test
  void aMountThatWasStoppedOverItsLeaseHasLostEverythingAndSaysSo() throws Exception {
    var held = new Held();
    ProcessHandle mount = instance.mountProcess(first);
    long stoppedNanos = System.nanoTime();
    stop(mount);
    held.expectToGoOn(stoppedNanos);
    // This one waits in the kernel and is the first that the mount sees.
    held.holder.begins("write f 0 AAAAA");
    awaitPassing(Duration.ofMillis(100));
    long wokenNanos = System.nanoTime();
    letGoOn(mount);
    assertThat(held.holder.answer()).isEqualTo("EIO");
    assertThat(held.storm.answer()).isEqualTo("EIO");
    for (String order :
        List.of(
            "write f 0 AAAAA",
            "cut f 0",
            "read f 0 5",
            "read f 100 5",
            "read u 0 5",
            "posix f ex 0 0",
            "flock f sh")) {
      assertThat(held.holder.says(order)).as(order).isEqualTo("EIO");
    }
    // There is nothing to unlock, and everything goes on with a file that is opened again.
    held.holder.does("flock f un");
    held.holder.does("posix f un 0 0");
    held.holder.does("open n " + first.resolve(name));
    assertThat(held.holder.says("read n 0 100")).isEqualTo("other");
    assertThat(held.holder.says("posix n ex 0 0")).isEqualTo("EAGAIN");
    assertThat(since(wokenNanos)).isLessThan(AT_ONCE);
    held.expectTheOthersBytes();
    assertThat(logs()).contains("stopped for longer than its lease").contains("a new session");
    assertThat(held.holder.says("write f 0 AAAAA")).isEqualTo("EIO");
    held.expectTheOthersBytes();
    programs.forEach(LockProgram::close);
    programs.clear();
    expectThatTheMountWorks();
  }

  private static String logs() throws IOException {
    var all = new StringBuilder();
    Path home = instance.home();
    try (Stream<Path> files = Files.walk(home)) {
      for (Path log :
          files.filter(file -> file.getFileName().toString().endsWith(".log")).toList()) {
        if (Files.isRegularFile(log)) {
          all.append(Files.readString(log));
        }
      }
    }
    return all.toString();
  }

  @Test
  void whatAKilledMountHeldGoesAfterItsLease() throws Exception {
    var held = new Held();
    long killedNanos = System.nanoTime();
    instance.killMount(first);
    assertThat(held.storm.answer()).isIn("ENOTCONN", "ECONNABORTED");
    assertThat(held.holder.says("write f 0 AAAAA")).isIn("ENOTCONN", "ECONNABORTED");
    held.expectToGoOn(killedNanos);
    held.expectTheOthersBytes();
    expectThatTheMountWorksAgainWhenMountedAnew();
  }

  @Test
  void aMountThatWasStoppedForLessThanItsLeaseGoesOn() throws Exception {
    var held = new Held();
    ProcessHandle mount = instance.mountProcess(first);
    for (int round = 0; round < 3; round++) {
      stop(mount);
      awaitPassing(LEASE.minusMillis(500));
      letGoOn(mount);
      held.holder.does("write f 0 round");
      assertThat(held.holder.says("read u 0 3")).isEqualTo("uuu");
      held.ranges.waits();
      held.whole.waits();
    }
    held.storm.kill();
    held.holder.does("posix f un 0 0");
    held.holder.does("flock f un");
    assertThat(held.ranges.answer()).isEqualTo("ok");
    assertThat(held.whole.answer()).isEqualTo("ok");
    assertThat(held.ranges.says("read f 0 100")).isEqualTo("round");
  }

  @Test
  void anIdleMountKeepsAnUnlinkedFileAlsoOverTheDeathOfItsOwner() throws Exception {
    LockProgram here = program(first, name);
    here.does("fill f 4");
    LockProgram there = program(second, name);
    there.does("unlink " + second.resolve(name));
    awaitPassing(LEASE.multipliedBy(3));
    String whole = "u:" + (4 << 20);
    assertThat(here.says("letters f")).isEqualTo(whole);
    assertThat(there.says("letters f")).isEqualTo(whole);
    there.does("close f");
    // Names in the root, and so their inodes, are node 0's.
    instance.killDaemon(0);
    awaitPassing(LEASE.multipliedBy(2));
    instance.adhocfs("start").expectSuccess();
    awaitPassing(LEASE.multipliedBy(3));
    assertThat(here.says("letters f")).isEqualTo(whole);
    here.does("write f 0 U");
    assertThat(here.says("read f 0 2")).isEqualTo("Uu");
    instance.verify();
  }

  @Test
  void anAppendOfAKilledMountKeepsNobodyWaitingForLong() throws Exception {
    LockProgram doomed = program(first, name);
    LockProgram other = program(second, name);
    other.does("fill f 1");
    doomed.does("append f " + first.resolve(name));
    other.does("append g " + second.resolve(name));
    // Node 0 gives the room; the chunks of any mebibyte lie on two nodes.
    for (int node = 1; node < NODES; node++) {
      stop(ProcessHandle.of(instance.daemonProcess(node)).orElseThrow());
    }
    doomed.begins("add f 1048576");
    doomed.waits();
    instance.killMount(first);
    for (ProcessHandle daemon : List.copyOf(stopped)) {
      letGoOn(daemon);
    }
    long killedNanos = System.nanoTime();
    assertThat(other.says("read f 0 3")).isEqualTo("uuu");
    assertThat(since(killedNanos)).isLessThan(AT_ONCE);
    other.does("add g 1000");
    Duration appended = since(killedNanos);
    System.out.printf("%s: appended after %d ms%n", name, appended.toMillis());
    assertThat(appended).isLessThan(Duration.ofSeconds(20));
    assertThat(other.says("letters f")).contains("u:" + (1 << 20)).contains("a:");
    assertThat(other.says("tail f 1000")).isEqualTo("a".repeat(1000));
    instance.verify();
  }
}
