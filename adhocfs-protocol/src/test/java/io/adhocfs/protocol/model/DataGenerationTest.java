package io.adhocfs.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DataGenerationTest {
  @Test
  void cutsAndClearedRangesAreCountedApartAndAllRaiseIt() {
    long generation = 0;
    for (int cut = 0; cut < 100; cut++) {
      long first = generation;
      for (int i = 0; i < cut; i++) {
        long cleared = DataGeneration.afterClearing(generation);
        assertThat(cleared).isGreaterThan(generation);
        assertThat(DataGeneration.isSameCut(first, cleared)).isTrue();
        assertThat(DataGeneration.justBefore(cleared)).isEqualTo(generation);
        generation = cleared;
      }
      long after = DataGeneration.afterCut(generation);
      assertThat(DataGeneration.isSameCut(generation, after)).isFalse();
      assertThat(DataGeneration.justBefore(after)).isBetween(generation, after - 1);
      assertThat(DataGeneration.isSameCut(generation, DataGeneration.justBefore(after))).isTrue();
      generation = after;
    }
  }
}
