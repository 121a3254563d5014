package io.adhocfs.it.throttle;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.Limits;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Limits hold for programs on mounts of an instance of several daemons. That no more gets through
 * than the limit is true on the busiest machine; how close to it programs come is for benchmarks.
 */
@Timeout(300)
class ThrottleIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_NANOS = 50_000_000;

  private static TestInstance instance;
  private static Path mount;

  @BeforeAll
  static void bringUp() throws Exception {
    instance =
        TestInstance.up(4, "--set", "client.deadline=5s", "--set", "directory.spread-entries=100");
    mount = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @AfterEach
  void clear() throws Exception {
    instance.adhocfs("throttle", "clear", "--all").expectSuccess();
    instance.verify();
  }

  private static void set(String... arguments) throws Exception {
    String[] words = new String[arguments.length + 2];
    words[0] = "throttle";
    words[1] = "set";
    System.arraycopy(arguments, 0, words, 2, arguments.length);
    instance.adhocfs(words).expectSuccess();
  }

  private static Process begin(Map<String, String> environment, String script) throws Exception {
    return begin(mount, environment, script);
  }

  private static Process begin(Path directory, Map<String, String> environment, String script)
      throws Exception {
    var builder =
        new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    return process;
  }

  private static void expectSuccess(Process process) throws Exception {
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }

  private static double seconds(long sinceNanos) {
    return (System.nanoTime() - sinceNanos) / 1e9;
  }

  @Test
  void noMoreIsWrittenOrReadThanTheLimitBySeveralPrograms() throws Exception {
    set("--class", "data-bandwidth", "--limit", "10MB/s");
    // What daemons have let through before their clients knew of the limit is paid back here.
    instance.bash(mount, "dd if=/dev/zero of=first bs=1M count=10 2>/dev/null; sleep 1");
    String script =
        "for i in 1 2 3 4; do dd if=/dev/zero of=w$i bs=1M count=20 2>/dev/null & done; wait";
    long began = System.nanoTime();
    instance.bash(mount, script);
    double took = seconds(began);
    System.out.printf("written at %.1f MB/s of 10%n", 80 * 1.048576 / took);
    assertThat(80 * 1.048576 / took).isLessThan(10 * 1.1);
    began = System.nanoTime();
    instance.bash(mount, "for i in 1 2; do dd if=w$i of=/dev/null bs=1M iflag=direct & done; wait");
    took = seconds(began);
    System.out.printf("read at %.1f MB/s of 10%n", 40 * 1.048576 / took);
    assertThat(40 * 1.048576 / took).isLessThan(10 * 1.15);
    String listed = instance.adhocfs("throttle", "list", "--json").expectSuccess().output();
    assertThat(listed).contains("\"data-bandwidth\"").contains("user:").contains("let_through");
  }

  @Test
  void operationsOnNamesWaitTooAndNobodyFailsByWaiting() throws Exception {
    set("--class", "metadata-ops", "--limit", "20");
    long began = System.nanoTime();
    // Many more wait than are let through within client.deadline.
    instance.bash(
        mount,
        "mkdir many; for p in $(seq 8); do"
            + " (for i in $(seq 10); do : > many/$p-$i; done) & done; wait;"
            + " [ $(ls many | wc -l) = 80 ]");
    assertThat(80 / seconds(began)).isLessThan(20 * 1.1);
    instance.adhocfs("throttle", "clear", "--class", "metadata-ops").expectSuccess();
    instance.bash(mount, "rm -r many");
  }

  @Test
  void oneJobIsHeldBackAndAnotherIsNot() throws Exception {
    set("--class", "data-bandwidth", "--limit", "1MB/s", "--scope", "job:42", "--ahead");
    Process slow = begin(Map.of("ADHOCFS_JOB", "42"), "dd if=/dev/zero of=slow bs=1M count=200");
    try {
      expectSuccess(begin(Map.of("ADHOCFS_JOB", "43"), "dd if=/dev/zero of=fast bs=1M count=100"));
      assertThat(slow.isAlive()).isTrue();
      Waiting.until(
          "the job to be listed",
          PATIENCE,
          LOOK_NANOS,
          () -> instance.adhocfs("throttle", "list").output().contains("job:42"));
      // One that has been seen may be limited without more words.
      set("--class", "data-ops", "--limit", "100000", "--scope", "job:43");
      // Lifted, it goes on at once.
      instance.adhocfs("throttle", "clear", "--scope", "job:42").expectSuccess();
      expectSuccess(slow);
      assertThat(Files.size(mount.resolve("slow"))).isEqualTo(200 << 20);
    } finally {
      slow.destroyForcibly();
    }
  }

  @Test
  void aDirectoryIsLimitedWithWhatIsInItAndWhatComesWhoeverUsesIt() throws Exception {
    instance.bash(
        mount,
        "mkdir -p out/a besides; dd if=/dev/zero of=out/a/old bs=1M count=20 2>/dev/null;"
            + " ln out/a/old besides/name; ln -s nowhere out/link; for i in $(seq 50); do : > out/f$i; done");
    set("--class", "data-bandwidth", "--limit", "10MB/s", "--scope", "path:/out", "--wait");
    assertThat(list()).contains("\"scope\":\"path:/out\"").contains("\"complete\":true");
    // What daemons have let through before their clients knew of the limit is paid back here.
    instance.bash(mount, "dd if=/dev/zero of=out/first bs=1M count=10 2>/dev/null; sleep 1");

    long began = System.nanoTime();
    instance.bash(
        mount,
        "dd if=/dev/zero of=out/new bs=1M count=30 2>/dev/null &"
            + " dd if=besides/name of=/dev/null bs=1M iflag=direct 2>/dev/null & wait");
    double rate = 50 * 1.048576 / seconds(began);
    System.out.printf("in the directory at %.1f MB/s of 10%n", rate);
    assertThat(rate).isLessThan(10 * 1.15);

    Process slow = begin(Map.of(), "dd if=/dev/zero of=out/a/slow bs=1M count=200");
    try {
      expectSuccess(begin(Map.of(), "dd if=/dev/zero of=besides/fast bs=1M count=100"));
      assertThat(slow.isAlive()).isTrue();
      // A directory within another has a limit of its own, and the other's too.
      set("--class", "data-bandwidth", "--limit", "1GB/s", "--scope", "path:/out/a", "--wait");
      assertThat(instance.adhocfs("throttle", "list").expectSuccess().output())
          .contains("data-bandwidth of path:/out: 10 MB/s")
          .contains("data-bandwidth of path:/out/a: 1000 MB/s");
      assertThat(slow.isAlive()).isTrue();
      instance.adhocfs("throttle", "clear", "--scope", "path:/out").expectSuccess();
      expectSuccess(slow);
    } finally {
      slow.destroyForcibly();
    }
    instance.bash(mount, "rm -r out besides");
  }

  @Test
  void namesInADirectoryAreLimitedOnceAWalkInTheBackgroundHasSeenThem() throws Exception {
    instance.bash(
        mount, "mkdir -p many/d; for i in $(seq 300); do : > many/d/$i; done; mkdir free");
    set("--class", "metadata-ops", "--limit", "20", "--scope", "path:/many");
    Waiting.until(
        "the walk to end", PATIENCE, LOOK_NANOS, () -> list().contains("\"complete\":true"));
    assertThat(list()).contains("\"added_inodes\":302");
    long began = System.nanoTime();
    instance.bash(
        mount,
        "cd many/d; for p in $(seq 4); do (for i in $(seq 10); do : > n$p-$i; done) & done; wait");
    assertThat(40 / seconds(began)).isLessThan(20 * 1.1);
    Process slow = begin(Map.of(), "cd many/d; for i in $(seq 300); do rm $i; done");
    try {
      expectSuccess(begin(Map.of(), "cd free; for i in $(seq 60); do : > $i; done"));
      assertThat(slow.isAlive()).isTrue();
    } finally {
      slow.destroyForcibly();
    }
    instance.adhocfs("throttle", "clear", "--all").expectSuccess();
    // Another directory of that name is not limited by what was said of the old one.
    instance.bash(mount, "rm -r many free; mkdir many");
    Commands.Result again = instance.adhocfs("throttle", "walk", "--scope", "path:/gone");
    assertThat(again.exitCode()).isEqualTo(2);
    Commands.Result nowhere =
        instance.adhocfs(
            "throttle", "set", "--class", "data-ops", "--limit", "5", "--scope", "path:/gone");
    assertThat(nowhere.exitCode()).isEqualTo(1);
    assertThat(nowhere.output()).contains("/gone").doesNotContain("Exception");
  }

  private static String list() throws Exception {
    return instance
        .adhocfs("throttle", "list", "--json")
        .expectSuccess()
        .output()
        .replaceAll("\\s", "");
  }

  @Test
  void aProgramThatWaitsEndsAtOnceWhenItIsKilled() throws Exception {
    set("--class", "data-bandwidth", "--limit", "10KB/s");
    Process waiting = begin(Map.of(), "exec dd if=/dev/zero of=killed bs=1M count=50");
    try {
      Waiting.until(
          "something to wait",
          PATIENCE,
          LOOK_NANOS,
          () ->
              !instance
                  .adhocfs("throttle", "list", "--json")
                  .output()
                  .replaceAll("\\s", "")
                  .matches("(?s).*\"waiting_requests\":0[^\"]*}].*"));
      waiting.destroy();
      assertThat(waiting.waitFor(5, TimeUnit.SECONDS)).isTrue();
    } finally {
      waiting.destroyForcibly();
    }
    instance.adhocfs("throttle", "clear", "--all").expectSuccess();
  }

  @Test
  void rulesSurviveTheDeathOfAllDaemonsAndAreForJavaToo() throws Exception {
    var rule =
        new ThrottleRule(Resource.DATA_OPS.label(), new Scope(Scope.Kind.USER, "12345"), 700, 3);
    try (Controller controller = Controller.open(instance.described())) {
      Limits limits = controller.limits();
      limits.set(rule);
      assertThat(limits.rules()).containsExactly(rule);
    }
    for (int node = 0; node < 4; node++) {
      instance.killDaemon(node);
    }
    instance.adhocfs("start").expectSuccess();
    try (Controller controller = Controller.open(instance.described())) {
      Limits limits = controller.limits();
      assertThat(limits.list())
          .singleElement()
          .satisfies(listed -> assertThat(listed.rule()).isEqualTo(rule));
      limits.clear(List.of(rule.key()));
      assertThat(limits.rules()).isEmpty();
    }
  }

  @Test
  void whatWaitsForTokensGoesOnWhenDaemonsDieAndComeBack() throws Exception {
    // A client.deadline that leaves time for starting a daemon, however busy the machine.
    try (TestInstance dying =
        TestInstance.up(
            3, "--set", "client.deadline=2min", "--set", "throttle.data-bandwidth=10MB/s")) {
      Path directory = dying.mount();
      Process writer =
          begin(
              directory, Map.of(), "dd if=/dev/zero of=through bs=1M count=100 conv=fsync,notrunc");
      try {
        for (int node = 0; node < 3; node++) {
          dying.killDaemon(node);
          dying.adhocfs("start").expectSuccess();
        }
        expectSuccess(writer);
      } finally {
        writer.destroyForcibly();
      }
      long began = System.nanoTime();
      dying.bash(directory, "dd if=/dev/zero of=through bs=1M count=40 2>/dev/null");
      assertThat(40 * 1.048576 / seconds(began)).isLessThan(10 * 1.15);
      dying.verify();
    }
  }

  @Test
  void aProgramThatHasFilesOpenMayBeginAnother() throws Exception {
    // While the kernel closes the files of a program that begins another, nobody may look at that
    // program's environment: a mount that did would hang with it.
    instance.bash(
        mount,
        "timeout 30 python3 -c '"
            + "import subprocess\n"
            + "held = open(\"held\", \"w\")\n"
            + "for i in range(20): subprocess.run([\"true\"], check=True, close_fds=False)\n"
            + "'");
  }

  @Test
  void limitsOfTheConfigurationFileHoldFromTheStart() throws Exception {
    Path configuration = instance.scratch().resolve("configuration");
    Files.writeString(
        configuration,
        """
        # from the start
        throttle.data-bandwidth.job:4.2 = 10MB/s weight 3
        throttle.metadata-ops = 5000
        """);
    try (TestInstance limited =
        TestInstance.up(
            1,
            "--config",
            configuration.toString(),
            "--set",
            "throttle.data-ops.node:n0=300",
            "--set",
            "throttle.data-bandwidth.user:1234=weight 2")) {
      try (Controller controller = Controller.open(limited.described())) {
        assertThat(controller.limits().rules())
            .containsExactlyInAnyOrder(
                new ThrottleRule("data-bandwidth", new Scope(Scope.Kind.JOB, "4.2"), 10_000_000, 3),
                new ThrottleRule("metadata-ops", Scope.INSTANCE, 5000, 1),
                new ThrottleRule("data-ops", new Scope(Scope.Kind.NODE, "0"), 300, 1),
                new ThrottleRule("data-bandwidth", new Scope(Scope.Kind.USER, "1234"), 0, 2));
      }
      assertThat(limited.adhocfs("throttle", "list").expectSuccess().output())
          .contains("data-bandwidth of job:4.2")
          .contains("weight 3");
    }
  }

  @Test
  void wrongLimitsAmongTheSettingsAreRefusedBeforeAnythingStarts() throws Exception {
    Map<String, String> wrong =
        Map.of(
            "throttle.data-bandwidth=20 MB", "200MB/s",
            "throttle.data-ops=-1", "a number",
            "throttle.speed=5", "metadata-ops",
            "throttle.data-ops.path:/out=5", "after it is made",
            "throttle.data-ops.node:n7=5", "it has: n0",
            "throttle.data-ops=weight 3", "job:ID",
            "throttle.data-ops.job:=5", "job:ID");
    for (Map.Entry<String, String> entry : wrong.entrySet()) {
      String said =
          instance.bash(
              instance.scratch(),
              "$adhocfs up --name refused --no-mount --data $PWD/refused --set '"
                  + entry.getKey()
                  + "' 2>&1 || echo \"exit $?\"; [ ! -e refused ]; ! $adhocfs status --name refused 2>&1");
      assertThat(said).contains("exit 2").contains(entry.getValue()).doesNotContain("Exception");
    }
  }

  @Test
  void wrongUseSaysWhatIsAllowedAndChangesNothing() throws Exception {
    set("--class", "data-ops", "--limit", "100");
    String before = instance.adhocfs("throttle", "list", "--json").expectSuccess().output();
    Map<List<String>, String> wrong = new HashMap<>();
    wrong.put(List.of("set", "--class", "data-bandwidth", "--limit", "20 MB"), "500MB/s");
    wrong.put(List.of("set", "--class", "data-ops", "--limit=-1"), "a number");
    wrong.put(List.of("set", "--class", "speed", "--limit", "1"), "metadata-ops");
    wrong.put(List.of("set", "--class", "data-ops", "--limit", "1", "--scope", "host:a"), "job:ID");
    wrong.put(List.of("set", "--class", "data-ops", "--limit", "1", "--scope", "node:n9"), "n0");
    wrong.put(
        List.of("set", "--class", "data-ops", "--limit", "1", "--scope", "path:out"), "as /out");
    wrong.put(
        List.of("set", "--class", "data-ops", "--scope", "path:/out", "--weight", "2"),
        "user:NAME");
    wrong.put(List.of("clear", "--scope", "path:/out/never"), "/out/never");
    wrong.put(List.of("walk"), "path:/DIR");
    wrong.put(
        List.of("set", "--class", "data-ops", "--limit", "1", "--scope", "job:a b"), "job:ID");
    wrong.put(List.of("set", "--class", "data-ops", "--scope", "job:1", "--weight", "0"), "1 to");
    wrong.put(
        List.of("set", "--class", "data-ops", "--limit", "1", "--scope", "job:nobody"), "--ahead");
    wrong.put(List.of("set", "--class", "data-ops"), "--limit");
    wrong.put(List.of("clear"), "--all");
    wrong.put(List.of("loosen"), "list");
    for (Map.Entry<List<String>, String> entry : wrong.entrySet()) {
      List<String> words = new ArrayList<>(List.of("throttle"));
      words.addAll(entry.getKey());
      Commands.Result refused = instance.adhocfs(words.toArray(String[]::new));
      assertThat(refused.exitCode()).as(String.join(" ", words)).isEqualTo(2);
      assertThat(refused.output())
          .as(String.join(" ", words))
          .contains(entry.getValue())
          .doesNotContain("Exception");
    }
    assertThat(instance.adhocfs("throttle", "list", "--json").expectSuccess().output())
        .isEqualTo(before);
  }
}
