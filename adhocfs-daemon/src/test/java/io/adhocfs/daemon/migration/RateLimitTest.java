package io.adhocfs.daemon.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RateLimitTest {
  private final RateLimit limit = new RateLimit();
  private final AtomicBoolean failed = new AtomicBoolean();

  /** Completes when the bytes have passed, or need not any more. */
  private CompletableFuture<Void> passing(int bytes) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            limit.pass(bytes, failed::get);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        work -> new Thread(work, "passing").start());
  }

  private static void expectWaiting(CompletableFuture<Void> passing) throws Exception {
    TimeUnit.MILLISECONDS.sleep(100);
    assertThat(passing).isNotDone();
  }

  @Test
  void whatHasFailedEndsInAPauseAndNotAfterIt() throws Exception {
    limit.set(0, true);
    CompletableFuture<Void> passing = passing(1);
    expectWaiting(passing);
    failed.set(true);
    limit.wake();
    passing.get();
  }

  @Test
  void whatHasFailedDoesNotWaitForItsTurn() throws Exception {
    limit.set(1, false);
    passing(1_000_000).get();
    CompletableFuture<Void> passing = passing(1);
    expectWaiting(passing);
    failed.set(true);
    limit.wake();
    passing.get();
  }

  @Test
  void whatWaitsInAPauseGoesOnAfterIt() throws Exception {
    limit.set(0, true);
    CompletableFuture<Void> passing = passing(1);
    limit.wake();
    expectWaiting(passing);
    limit.set(0, false);
    passing.get();
  }
}
