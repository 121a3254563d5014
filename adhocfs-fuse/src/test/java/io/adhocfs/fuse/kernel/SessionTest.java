package io.adhocfs.fuse.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SessionTest {
  /** As many readers as a program has threads on a node, each of a file on a node that is dead. */
  private static final int HANGING = 32;

  @Test
  void inodesThatAreBeingReadDoNotHoldUpOthers() throws Exception {
    Executor notifier = Session.notifier();
    var answered = new CountDownLatch(1);
    try {
      for (int i = 0; i < HANGING; i++) {
        notifier.execute(() -> {
          try {
            answered.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
      }
      var other = new CountDownLatch(1);
      notifier.execute(other::countDown);
      assertThat(other.await(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      answered.countDown();
    }
  }
}
