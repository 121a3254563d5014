package io.adhocfs.fuse.switches;

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
 * Adds the existing files of directories to their datasets, several directories at a time and each
 * by one walk at a time. Thread-safe.
 */
final class BackgroundWalks implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BackgroundWalks.class);

  private static final int AT_ONCE_MAX = 4;
  private static final int IDLE_SECONDS = 10;
  private static final int LEAVE_SECONDS = 1;

  /** Adds the files that a directory has when the walk begins. */
  @FunctionalInterface
  interface Walk {
    void run(Dataset dataset) throws IOException;
  }

  private final Walk walk;

  /** The datasets that wait for their walk, or are being walked. */
  private final Set<Integer> underWay = ConcurrentHashMap.newKeySet();

  /** The queue has no bound of its own, since it holds each dataset at most once. */
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

  /** Starts a walk, unless the dataset is complete or already being walked. */
  void start(Dataset dataset) {
    if (dataset.complete() || !underWay.add(dataset.id())) {
      return;
    }
    walkers.execute(() -> {
      try {
        walk.run(dataset);
      } catch (IOException | RuntimeException e) {
        LOG.warn(
            "not all existing files of {} have its switches yet; go on with 'adhocfs config walk --path {}': {}",
            dataset.path(),
            dataset.path(),
            e.getMessage());
      } finally {
        underWay.remove(dataset.id());
      }
    });
  }

  /** Ends the running walks. */
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
