package io.adhocfs.it.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.Job;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.JobFigures;
import io.adhocfs.malleability.JobStatistics;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What programs of several jobs do on one mount, and by the Java library, is counted for each job,
 * by all daemons together. What the kernel asks for by itself is not foretold here.
 */
@Timeout(300)
class StatisticsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_NANOS = 50_000_000;

  private static TestInstance instance;
  private static Path mount;

  @BeforeAll
  static void bringUp() throws Exception {
    instance = TestInstance.up(4);
    mount = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.verify();
    instance.close();
  }

  private static void run(Map<String, String> environment, String script) throws Exception {
    Map<String, String> all = new HashMap<>(instance.environment());
    all.putAll(environment);
    Commands.bash(mount, all, script);
  }

  /** What there is of a job, once all daemons know whose the last requests were. */
  private static JobStatistics settled(String job, OperationKind kind, long operations)
      throws Exception {
    try (Controller controller = Controller.open(instance.described())) {
      JobFigures figures = controller.figures();
      Waiting.until(
          operations + " " + kind.label() + " of job " + job,
          PATIENCE,
          LOOK_NANOS,
          () -> {
            JobStatistics now = figures.take().job(job);
            return now != null && now.of(kind).operations() >= operations;
          });
      JobFigures.Taken taken = figures.take();
      assertThat(taken.failures()).isEmpty();
      return Objects.requireNonNull(taken.job(job));
    }
  }

  private static KindFigures ops(OperationKind kind, long operations) {
    return new KindFigures(kind.label(), operations, 0, 0, 0, 0);
  }

  @Test
  void eachJobHasWhatItsProgramsHaveDoneOnTheMount() throws Exception {
    run(
        Map.of("ADHOCFS_JOB", "red", "ADHOCFS_STEP", "1"),
        "mkdir red red/sub; for i in 1 2 3 4 5 6 7; do : > red/f$i; done;"
            + " ln -s f1 red/link; ln red/f1 red/hard; mv red/f2 red/sub/moved; ls -U red >/dev/null;"
            + " chmod 600 red/f1; truncate -s 5 red/f1");
    run(
        Map.of("ADHOCFS_JOB", "red", "ADHOCFS_STEP", "2"),
        "rm red/f3 red/f4 red/f5; rm red/sub/moved; rmdir red/sub;"
            + " dd if=/dev/zero of=red/big bs=1M count=6 2>/dev/null;"
            + " dd if=red/big of=/dev/null bs=1M iflag=direct 2>/dev/null");
    run(
        Map.of("SLURM_JOB_ID", "4711", "SLURM_STEP_ID", "0"),
        ": > blue; dd if=/dev/zero of=blue bs=100 count=7 conv=notrunc 2>/dev/null");

    JobStatistics red = settled("red", OperationKind.READ, 6);
    assertThat(red.steps()).containsExactly("1", "2");
    assertThat(red.of(OperationKind.CREATE)).isEqualTo(ops(OperationKind.CREATE, 8));
    assertThat(red.of(OperationKind.MKDIR)).isEqualTo(ops(OperationKind.MKDIR, 2));
    assertThat(red.of(OperationKind.SYMLINK)).isEqualTo(ops(OperationKind.SYMLINK, 1));
    assertThat(red.of(OperationKind.LINK)).isEqualTo(ops(OperationKind.LINK, 1));
    assertThat(red.of(OperationKind.RENAME)).isEqualTo(ops(OperationKind.RENAME, 1));
    assertThat(red.of(OperationKind.READDIR)).isEqualTo(ops(OperationKind.READDIR, 1));
    assertThat(red.of(OperationKind.SETATTR)).isEqualTo(ops(OperationKind.SETATTR, 1));
    assertThat(red.of(OperationKind.TRUNCATE)).isEqualTo(ops(OperationKind.TRUNCATE, 1));
    assertThat(red.of(OperationKind.REMOVE)).isEqualTo(ops(OperationKind.REMOVE, 4));
    assertThat(red.of(OperationKind.RMDIR)).isEqualTo(ops(OperationKind.RMDIR, 1));
    assertThat(red.of(OperationKind.WRITE))
        .isEqualTo(new KindFigures("write", 6, 0, 6 << 20, 0, 0));
    assertThat(red.of(OperationKind.READ)).isEqualTo(new KindFigures("read", 6, 0, 6 << 20, 0, 0));

    JobStatistics blue = settled("4711", OperationKind.WRITE, 7);
    assertThat(blue.of(OperationKind.CREATE)).isEqualTo(ops(OperationKind.CREATE, 1));
    assertThat(blue.of(OperationKind.WRITE)).isEqualTo(new KindFigures("write", 7, 0, 700, 7, 6));
    assertThat(blue.of(OperationKind.REMOVE).operations()).isZero();

    String second =
        instance
            .adhocfs("stats", "--job", "red", "--step", "2", "--json")
            .expectSuccess()
            .output()
            .replaceAll("\\s", "");
    assertThat(second)
        .startsWith("{\"job_statistics\":{\"job_id\":\"red\",\"job_step\":\"2\",\"runtime\":\"")
        .contains("\"number_of_operations\":{\"metadata\":[{\"type\":\"create\",\"ops\":\"1\"")
        .contains("{\"type\":\"remove\",\"ops\":\"4\",\"failed\":0}")
        .contains("{\"type\":\"mkdir\",\"ops\":\"0\",\"failed\":0}")
        .contains(
            "\"data\":[{\"type\":\"read\",\"ops\":\"6\",\"failed\":0,\"bytes\":6291456,\"small\":0,");
    assertThat(instance.adhocfs("stats", "--job", "4711").expectSuccess().output())
        .contains("700 bytes")
        .contains("100 % small");
    assertThat(instance.adhocfs("stats").expectSuccess().output()).contains("red").contains("4711");
  }

  @Test
  void aProgramOfTheLibraryHasWhatItDid() throws Exception {
    try (AdhocFileSystem client =
        AdhocFileSystem.open(
            instance::described, ClientOptions.DEFAULT.withJob(new Job("native", "7")))) {
      AdhocPath directory = AdhocPath.ofText("/native");
      AdhocPath path = AdhocPath.ofText("/native/file");
      client.createDirectory(directory, 0700);
      int bytes = 5 << 20;
      try (OpenFile file = client.open(path, OpenOptions.CREATE)) {
        file.write(0, ByteBuffer.allocate(bytes));
        file.write(bytes + 1, ByteBuffer.allocate(10));
        assertThat(file.append(ByteBuffer.allocate(4096))).isEqualTo(bytes + 11);
        assertThat(file.read(0, ByteBuffer.allocate(bytes))).isEqualTo(bytes);
      }
      client.stat(path);
      client.stat(path);
      client.remove(path);
      client.remove(directory);
      JobStatistics seen = settled("native", OperationKind.RMDIR, 1);
      assertThat(seen.steps()).containsExactly("7");
      assertThat(seen.of(OperationKind.MKDIR)).isEqualTo(ops(OperationKind.MKDIR, 1));
      assertThat(seen.of(OperationKind.CREATE)).isEqualTo(ops(OperationKind.CREATE, 1));
      assertThat(seen.of(OperationKind.STAT)).isEqualTo(ops(OperationKind.STAT, 2));
      assertThat(seen.of(OperationKind.REMOVE)).isEqualTo(ops(OperationKind.REMOVE, 1));
      assertThat(seen.of(OperationKind.WRITE))
          .isEqualTo(new KindFigures("write", 3, 0, bytes + 10 + 4096, 1, 2));
      assertThat(seen.of(OperationKind.READ)).isEqualTo(new KindFigures("read", 1, 0, bytes, 0, 0));
      assertThat(seen.of(OperationKind.MISSING).operations()).isZero();
    }
  }

  @Test
  void whatALimitHasHeldBackIsToldAlsoWhenItIsGone() throws Exception {
    instance
        .adhocfs(
            "throttle",
            "set",
            "--class",
            "metadata-ops",
            "--limit",
            "5",
            "--scope",
            "job:slow",
            "--ahead")
        .expectSuccess();
    run(Map.of("ADHOCFS_JOB", "slow"), "for i in 1 2 3 4 5 6 7 8 9 10; do : > slow$i; done");
    instance.adhocfs("throttle", "clear", "--scope", "job:slow").expectSuccess();
    JobStatistics slow = settled("slow", OperationKind.CREATE, 10);
    assertThat(slow.waits())
        .singleElement()
        .satisfies(waits -> {
          assertThat(waits.rule()).hasToString("metadata-ops of job:slow");
          assertThat(waits.requests()).isPositive();
        });
    assertThat(slow.throttled()).isGreaterThan(Duration.ofSeconds(1));
    assertThat(instance.adhocfs("stats", "--job", "slow").expectSuccess().output())
        .contains("s by metadata-ops of job:slow");
  }

  @Test
  void unknownJobsAndWrongUseAreTold() throws Exception {
    run(Map.of("ADHOCFS_JOB", "known", "ADHOCFS_STEP", "3"), ": > known");
    var _ = settled("known", OperationKind.CREATE, 1);
    Commands.Result unknown = instance.adhocfs("stats", "--job", "unheard");
    assertThat(unknown.exitCode()).isEqualTo(1);
    assertThat(unknown.output())
        .contains("no figures of job unheard")
        .contains("known")
        .doesNotContain("Exception");
    Commands.Result step = instance.adhocfs("stats", "--job", "known", "--step", "4");
    assertThat(step.exitCode()).isEqualTo(1);
    assertThat(step.output()).contains("there are: 3");
    assertThat(instance.adhocfs("stats", "--step", "4").exitCode()).isEqualTo(2);
    assertThat(instance.adhocfs("stats", "--watch").exitCode()).isEqualTo(2);
  }
}
