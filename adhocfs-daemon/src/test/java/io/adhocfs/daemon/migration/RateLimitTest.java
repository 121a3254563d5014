package io.adhocfs.daemon.migration;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.threads.Threads;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RateLimitTest {
  private final RateLimit limit = new RateLimit(Threads.SYSTEM);

  private CompletableFuture<?> waitOf(int bytes) {
    CompletableFuture<?> wait = limit.pass(bytes);
    return Objects.requireNonNull(wait);
  }

  @Test
  void whoWaitsInAPauseCanBeToldToLookAgain() {
    limit.set(0, true);
    CompletableFuture<?> wait = waitOf(1);
    assertThat(wait).isNotDone();
    limit.wake();
    assertThat(wait).isDone();
    assertThat(waitOf(1)).isNotDone();
  }

  @Test
  void whoWaitsForItsTurnCanBeToldToLookAgain() {
    limit.set(1, false);
    assertThat(limit.pass(1_000_000)).isNull();
    CompletableFuture<?> wait = waitOf(1);
    assertThat(wait).isNotDone();
    limit.wake();
    assertThat(wait).isDone();
  }

  @Test
  void whatWaitsInAPauseGoesOnAfterIt() {
    limit.set(0, true);
    CompletableFuture<?> wait = waitOf(1);
    limit.set(0, false);
    assertThat(wait).isDone();
    assertThat(limit.pass(1)).isNull();
  }

  @Test
  void whatIsTooMuchForASecondComesInTurn() throws Exception {
    limit.set(1_000_000, false);
    long began = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      for (var wait = limit.pass(100_000); wait != null; wait = limit.pass(100_000)) {
        wait.get();
      }
    }
    assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(200_000_000L);
  }
}
