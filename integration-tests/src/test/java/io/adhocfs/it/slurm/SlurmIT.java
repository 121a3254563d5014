package io.adhocfs.it.slurm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Jobs of ordinary users end in every way that Slurm has, and nothing of them is left on any node:
 * no process, no mount, no file, no instance. The script is the one in the README.
 *
 * <p>The job that runs out of time does so while the others are tested: a minute is the least that
 * Slurm knows.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SlurmIT {
  private static final Pattern README_SCRIPT =
      Pattern.compile("## In a Slurm job\n.*?```bash\n(.*?)```", Pattern.DOTALL);

  /** Writes what it has read, says that it is there, and ends as it is told. */
  private static final String SIMULATION =
      """
      #!/bin/bash
      set -e
      mkdir -p "$4"
      cp -r "$2" "$4/rank-$SLURM_PROCID"
      touch "$HOME/running-$SLURM_JOB_ID"
      eval "$THEN"
      """;

  /** Takes no care at all of its end. */
  private static final String CARELESS =
      """
      #!/bin/bash
      export ADHOCFS_INSTANCE=job-$SLURM_JOB_ID
      adhocfs up --data /mnt/local/adhocfs-$SLURM_JOB_ID --mount /tmp/adhoc-$SLURM_JOB_ID
      touch "$HOME/running-$SLURM_JOB_ID"
      srun bash -c "exec 3>/tmp/adhoc-$SLURM_JOB_ID/open; echo x >&3; sleep 1000"
      """;

  private static SlurmCluster cluster;
  private static String outOfTime;

  @BeforeAll
  static void bringUp() throws Exception {
    Path checkout = Path.of(System.getProperty("adhocfs.home", "..")).toAbsolutePath().normalize();
    Matcher script = README_SCRIPT.matcher(Files.readString(checkout.resolve("README.md")));
    assertThat(script.find()).as("a script in the README").isTrue();
    String readme =
        script.group(1).replace("--nodes=8", "--nodes=4").replace("/local/", "/mnt/local/");
    cluster = SlurmCluster.up(checkout);
    for (String user : new String[] {"ann", "bob", "eve"}) {
      cluster.write(user, "bin/my_simulation", SIMULATION);
      cluster.write(user, "input/file", "data of " + user);
      cluster.write(user, "readme", readme);
      cluster.write(user, "careless", CARELESS);
    }
    outOfTime = cluster.submit("eve", "--nodes=2 --time=1", "careless");
  }

  @AfterAll
  static void takeDown() throws IOException {
    if (cluster != null) {
      cluster.close();
    }
  }

  private static void expectNothingLeft(String user) throws Exception {
    for (String node : SlurmCluster.NODES) {
      assertThat(cluster.bash(node, "root", "ps -o args= -u " + user + " || true"))
          .as("processes on " + node)
          .isEmpty();
      assertThat(
              cluster.bash(
                  node,
                  "root",
                  "grep 'user_id='$(id -u %s) /proc/self/mountinfo || true".formatted(user)))
          .as("mounts on " + node)
          .isEmpty();
      // Other users' jobs go on meanwhile: their mounts let nobody else in, and their files vanish.
      assertThat(
              cluster.bash(
                  node,
                  "root",
                  "find /tmp /mnt/local /dev/shm -mindepth 1 -ignore_readdir_race -user "
                      + user
                      + " 2>&1 | grep -v ': Permission denied$' || true"))
          .as("files on " + node)
          .isEmpty();
    }
    assertThat(cluster.home(user).resolve(".adhocfs")).as("instances").isEmptyDirectory();
  }

  @Test
  @Order(1)
  void twoUsersJobsRunAtOnceAndLeaveNothing() throws Exception {
    String first = cluster.submit("ann", "--export=ALL,THEN=true", "readme");
    String second = cluster.submit("bob", "--nodes=2 --export=ALL,THEN=true", "readme");
    cluster.awaitEnd(first);
    cluster.awaitEnd(second);
    assertThat(cluster.state(first)).as(cluster.said("ann", first)).contains("COMPLETED");
    assertThat(cluster.state(second)).as(cluster.said("bob", second)).contains("COMPLETED");
    for (int rank = 0; rank < 4; rank++) {
      assertThat(Files.readString(cluster.home("ann").resolve("results/rank-" + rank + "/file")))
          .isEqualTo("data of ann");
    }
    assertThat(Files.readString(cluster.home("bob").resolve("results/rank-1/file")))
        .isEqualTo("data of bob");
    expectNothingLeft("ann");
    expectNothingLeft("bob");
  }

  @Test
  @Order(2)
  void aFailingJobFailsAndLeavesNothing() throws Exception {
    String job = cluster.submit("bob", "--nodes=2 --export=ALL,THEN='exit 3'", "readme");
    cluster.awaitEnd(job);
    assertThat(cluster.state(job)).as(cluster.said("bob", job)).contains("FAILED", "3:0");
    expectNothingLeft("bob");
  }

  @Test
  @Order(3)
  void cancelledJobsLeaveNothing() throws Exception {
    String careful = cluster.submit("ann", "--export=ALL,THEN='sleep 1000'", "readme");
    String careless = cluster.submit("ann", "--nodes=2", "careless");
    cluster.awaitFile("ann", "running-" + careful, careful);
    cluster.awaitFile("ann", "running-" + careless, careless);
    // No other process stays with a daemon or a mount.
    assertThat(cluster.bash("n4", "root", "ps -o args= -u ann | grep -c io.adhocfs.cli.Main"))
        .isIn("2", "4");
    var _ = cluster.bash("n1", "ann", "scancel " + careful + " " + careless);
    cluster.awaitEnd(careful);
    cluster.awaitEnd(careless);
    expectNothingLeft("ann");
  }

  @Test
  @Order(4)
  void aJobThatIsToldThatItsTimeEndsLeavesNothing() throws Exception {
    String job = cluster.submit("bob", "--nodes=2 --export=ALL,THEN='sleep 1000'", "readme");
    cluster.awaitFile("bob", "running-" + job, job);
    // What Slurm sends 90 s before the time is over.
    var _ = cluster.bash("n1", "bob", "scancel --batch --signal=TERM " + job);
    cluster.awaitEnd(job);
    assertThat(cluster.said("bob", job)).contains("instance job-" + job + " is down");
    expectNothingLeft("bob");
  }

  @Test
  @Order(5)
  void aJobThatRunsOutOfTimeLeavesNothing() throws Exception {
    cluster.awaitEnd(outOfTime);
    assertThat(cluster.state(outOfTime)).contains("TIMEOUT");
    expectNothingLeft("eve");
  }
}
