package io.adhocfs.daemon.control;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
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

  private final Threads threads;
  private final ScheduledExecutorService executor;

  ControlThread(Threads threads) {
    this.threads = threads;
    executor = threads.single("adhocfs-control");
  }

  /** As {@link Threads#nanoTime}. Any thread. */
  long nanoTime() {
    return threads.nanoTime();
  }

  /** Runs something on this thread; false when it has ended. */
  @CanIgnoreReturnValue
  boolean execute(Runnable action) {
    try {
      executor.execute(action);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Runs something later, unless this thread ends or the result is cancelled before. */
  @CanIgnoreReturnValue
  @Nullable Future<?> after(long millis, Runnable action) {
    try {
      return executor.schedule(action, millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      return null;
    }
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
