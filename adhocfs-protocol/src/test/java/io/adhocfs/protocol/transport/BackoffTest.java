package io.adhocfs.protocol.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private final SplittableRandom random = new SplittableRandom(1);

  @Test
  void pausesDoubleUpToTheLongest() {
    Backoff.Pauses pauses = new Backoff(100, 1_000).pauses(random);
    long[] longest = {100, 200, 400, 800, 1_000, 1_000};
    for (long most : longest) {
      assertThat(pauses.nextNanos()).isBetween(most / 2, most);
    }
  }

  @Test
  void manyFailuresDoNotOverflow() {
    assertThat(Backoff.STANDARD.delayNanos(Integer.MAX_VALUE, random))
        .isBetween(500_000_000L, 1_000_000_000L);
  }

  @Test
  void refusesWhatIsNoPause() {
    assertThatThrownBy(() -> new Backoff(1, 10)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Backoff(10, 9)).isInstanceOf(IllegalArgumentException.class);
  }
}
