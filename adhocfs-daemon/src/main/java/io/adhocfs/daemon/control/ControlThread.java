package io.adhocfs.daemon.control;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that owns what changes in a control plane. Nothing that runs on it may block.
 * Thread-safe.
 */
final class ControlThread {
  private static final Logger LOG = LoggerFactory.getLogger(ControlThread.class);
  private static final long END_SECONDS = 10;
  private static final int FEW = 3;
  private static final int WAITING_MAX = 256;

  private final ScheduledThreadPoolExecutor executor =
      new ScheduledThreadPoolExecutor(1, named("adhocfs-control"));

  ControlThread() {
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /** Makes threads of this name that do not keep the process. */
  static ThreadFactory named(String name) {
    return work -> {
      var thread = new Thread(work, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  /**
   * A few threads for what may block, which end when there is nothing to do. More than so many that
   * wait are rejected.
   */
  static ThreadPoolExecutor few(String name) {
    var threads =
        new ThreadPoolExecutor(
            FEW, FEW, 5, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_MAX), named(name));
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** Runs something on this thread; false when it has ended. */
  @CanIgnoreReturnValue
  boolean execute(Runnable action) {
    try {
      executor.execute(guarded(action));
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Runs something later, unless this thread ends or the result is cancelled before. */
  @CanIgnoreReturnValue
  @Nullable Future<?> after(long millis, Runnable action) {
    try {
      return executor.schedule(guarded(action), millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }

  /** The action, whose defects are logged: an executor would swallow them. */
  static Runnable guarded(Runnable action) {
    return () -> {
      try {
        action.run();
      } catch (RuntimeException | Error e) {
        LOG.error("a task of the control plane failed", e);
      }
    };
  }

  /** Runs what has been given to it, and ends. */
  void end() {
    end(executor, "control");
  }

  /** Ends some threads of the control plane; waits for a while. */
  static void end(ExecutorService threads, String what) {
    threads.shutdown();
    try {
      if (!threads.awaitTermination(END_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn("the control plane's {} threads do not end", what);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What is answered once this daemon stops. */
  static FsException stopping() {
    return new FsException(FsError.CLOSED, "this daemon is stopping");
  }
}
