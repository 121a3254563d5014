package io.adhocfs.cli.process;

import io.adhocfs.protocol.control.Dataset;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has what is in directories taken into their datasets, a few side by side and each by one walk at
 * a time. Thread-safe.
 */
final class BackgroundWalks implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BackgroundWalks.class);

  private static final int AT_ONCE_MAX = 4;
  private static final int IDLE_SECONDS = 10;
  private static final int LEAVE_SECONDS = 1;

  /** Takes a directory in, as it is when that begins. */
  @FunctionalInterface
  interface Walk {
    void run(Dataset dataset) throws IOException;
  }

  private final Walk walk;

  /** Those that wait for their walk, or are walked. */
  private final Set<Integer> underWay = ConcurrentHashMap.newKeySet();

  /** Its queue has no bound of its own: each dataset is in it once at most. */
  private final ThreadPoolExecutor walkers =
      new ThreadPoolExecutor(
          AT_ONCE_MAX,
          AT_ONCE_MAX,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          Thread.ofPlatform().daemon().name("adhocfs-walk-", 0).factory());

  BackgroundWalks(Walk walk) {
    this.walk = walk;
    walkers.allowCoreThreadTimeOut(true);
  }

  /** Starts a walk, unless the dataset is complete or on its way to be. */
  void start(Dataset dataset) {
    if (dataset.complete() || !underWay.add(dataset.id())) {
      return;
    }
    walkers.execute(() -> {
      try {
        walk.run(dataset);
      } catch (IOException | RuntimeException e) {
        LOG.warn(
            "not all that is in {} has been taken in, so it has not its switches; go on with"
                + " 'adhocfs config walk --path {}': {}",
            dataset.path(),
            dataset.path(),
            e.getMessage());
      } finally {
        underWay.remove(dataset.id());
      }
    });
  }

  /** Ends those that are under way. */
  @Override
  public void close() {
    var _ = walkers.shutdownNow();
    try {
      var _ = walkers.awaitTermination(LEAVE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
