package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Real clients over real daemons, while everything around them fails. The seeds are the same in
 * each run, so that a failure is one of the change at hand; {@code scripts/simulate} tries others.
 */
class SimulationTest {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final long FIRST = Long.getLong("adhocfs.seed", 0);
  private static final int SEEDS =
      Integer.getInteger(
          "adhocfs.seeds", System.getProperty("adhocfs.seed") != null ? 1 : FULL ? 5000 : 200);

  /** How long to look for a seed that fails; 0 = as many seeds as there are to be. */
  private static final Duration SEARCH =
      Duration.ofMinutes(Integer.getInteger("adhocfs.minutes", 0));

  private static final int REPLAYED = 5;

  @Test
  void whatProgramsDoIsThereWhateverFails() {
    List<String> failures = new ArrayList<>();
    long endNanos = System.nanoTime() + SEARCH.toNanos();
    long seed = FIRST;
    for (int count = 0;
        SEARCH.isZero() ? count < SEEDS : failures.isEmpty() && System.nanoTime() < endNanos;
        count++) {
      try {
        String happened = Simulation.run(seed);
        if (SEEDS == 1) {
          System.out.println(happened);
        }
      } catch (AssertionError e) {
        System.out.println(e.getMessage());
        failures.add(e.getMessage());
        if (failures.size() == 1) {
          e.printStackTrace(System.out);
        }
      }
      seed++;
    }
    System.out.printf("simulated seeds %d to %d: %d failed%n", FIRST, seed - 1, failures.size());
    assertThat(failures).isEmpty();
  }

  @Test
  void aSeedDecidesEverything() {
    for (long seed = FIRST; seed < FIRST + REPLAYED; seed++) {
      assertThat(Simulation.run(seed)).isEqualTo(Simulation.run(seed));
    }
  }
}
