package io.adhocfs.daemon.threads;

import io.adhocfs.protocol.model.WallClock;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.time.InstantSource;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Daemon threads of the process, and the clocks of the system. */
final class SystemThreads implements Threads {
  private static final Logger LOG = LoggerFactory.getLogger(SystemThreads.class);
  private static final int FEW = 3;

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  @Override
  public long wallNanos() {
    return WallClock.nanos(InstantSource.system());
  }

  @Override
  public ScheduledExecutorService single(String name) {
    var executor = new Single(name);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    executor.setRemoveOnCancelPolicy(true);
    return executor;
  }

  @Override
  public ExecutorService bounded(String name, int waitingMax) {
    return new ThreadPoolExecutor(
        1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(waitingMax), named(name));
  }

  @Override
  public ExecutorService few(String name, int waitingMax) {
    return new Few(name, waitingMax);
  }

  @Override
  public ExecutorService many(String name) {
    return Executors.newCachedThreadPool(named(name));
  }

  /** Says which tasks have failed: their futures, which nobody looks at, would keep it. */
  private static final class Single extends ScheduledThreadPoolExecutor {
    private final String name;

    Single(String name) {
      super(1, named(name));
      this.name = name;
    }

    @Override
    protected void afterExecute(Runnable task, @Nullable Throwable failure) {
      if (task instanceof Future<?> future && future.state() == Future.State.FAILED) {
        LOG.error("a task of {} failed", name, future.exceptionNow());
      }
    }
  }

  /** Says which tasks have failed. */
  private static final class Few extends ThreadPoolExecutor {
    private final String name;

    Few(String name, int waitingMax) {
      super(FEW, FEW, 5, TimeUnit.SECONDS, new ArrayBlockingQueue<>(waitingMax), named(name));
      this.name = name;
      allowCoreThreadTimeOut(true);
    }

    @Override
    protected void afterExecute(Runnable task, @Nullable Throwable failure) {
      if (failure != null) {
        LOG.error("a task of {} failed", name, failure);
      }
    }
  }

  /** Netty's own thread class lets pooled buffers use a cache per thread. */
  private static ThreadFactory named(String name) {
    return work -> {
      var thread = new FastThreadLocalThread(work, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  @Override
  public <T extends @Nullable Object> T await(CompletableFuture<T> future)
      throws ExecutionException, InterruptedException {
    return future.get();
  }

  @Override
  public CompletableFuture<@Nullable Void> after(long delayNanos) {
    return new CompletableFuture<@Nullable Void>()
        .completeOnTimeout(null, delayNanos, TimeUnit.NANOSECONDS);
  }
}
