package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A program's operations, one after the other, where requests are lost, doubled and overtaken, and
 * where daemons die at each of their crash points: each operation must end as the model says, which
 * it only can when it ran exactly once. Another run with {@code -Dadhocfs.seed=N}.
 */
class ExactlyOnceTest {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final long SEED = Long.getLong("adhocfs.seed", 1);
  private static final int DAEMONS = 3;
  private static final long DISK_BYTES = 64L << 20;

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final List<Program> programs = new ArrayList<>();
  private SimulatedInstance instance = instance(0);

  private SimulatedInstance instance(int spreadEntries) {
    return new SimulatedInstance(
        random.split(),
        DAEMONS,
        new Settings(
            Map.of(
                "chunk.size",
                "4KiB",
                "inline.max",
                "1000",
                "client.deadline",
                "0",
                "directory.spread-entries",
                "" + spreadEntries)),
        DISK_BYTES);
  }

  private void startAnew(int spreadEntries) {
    instance.close();
    programs.clear();
    instance = instance(spreadEntries);
  }

  @AfterEach
  void stop() {
    instance.close();
  }

  /** Runs a program to its end, with something to happen after every so many steps. */
  private void run(int steps, int every, Runnable something) {
    var program =
        new RandomProgram(
            instance.newProcess(), "/home" + programs.size(), random.split(), steps, 0, false);
    programs.add(program);
    program.start();
    for (int step = 0; !program.isOver(); step += every) {
      something.run();
      int next = step + every;
      instance.time().until(() -> program.isOver() || program.done() >= next, program + " goes on");
    }
  }

  private void requireAll() {
    instance.settle();
    ClientProcess late = instance.newProcess();
    var looked = new CompletableFuture<Boolean>();
    late.begin(() -> {
      try {
        for (Program program : programs) {
          program.requireAll(late);
        }
        looked.complete(true);
      } catch (AssertionError | FsException e) {
        looked.completeExceptionally(e);
      }
    });
    instance.time().until(looked::isDone, "all is looked at");
    looked.join();
    Inspection.requireSound(instance);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void overABadNetworkAndWithDyingDaemonsEveryOperationRunsOnce(int spreadEntries) {
    CrashPoint[] points = pointsOfOperations().toArray(CrashPoint[]::new);
    for (int round = 0; round < (FULL ? 60 : 4); round++) {
      startAnew(spreadEntries);
      run(
          500,
          10,
          () -> {
            instance
                .network()
                .faults(
                    random.nextInt(4) > 0
                        ? new SimulatedNetwork.Faults(0.03, 0, 0.4, 0.03)
                        : SimulatedNetwork.Faults.NONE);
            if (random.nextInt(2) == 0) {
              instance
                  .daemons()
                  .get(random.nextInt(DAEMONS))
                  .dieAt(points[random.nextInt(points.length)], 1 + random.nextInt(2));
            }
          });
      requireAll();
      assertThat(instance.deaths()).isPositive();
    }
  }

  private static Set<CrashPoint> pointsOfOperations() {
    return CrashPoint.of(CrashPoint.Area.OPERATIONS);
  }

  @ParameterizedTest
  @MethodSource("pointsOfOperations")
  void aDeathAtEachPointLeavesOneOfTheTwoStates(CrashPoint point) {
    for (int round = 0; round < (FULL ? 10 : 1); round++) {
      startAnew(3);
      for (int i = 0; i < 10 && instance.deaths() == 0; i++) {
        // Twice in a row now and then: the one that has just come back dies again.
        run(
            400,
            12,
            () -> instance.daemons().forEach(daemon -> daemon.dieAt(point, 1 + random.nextInt(2))));
      }
      requireAll();
      assertThat(instance.deaths()).as("deaths at " + point).isPositive();
    }
  }
}
