package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that owns all metadata state of a daemon, and its clock. Nothing that runs on it
 * may block. Thread-safe.
 */
public final class MetadataThread implements Executor {
  private static final Logger LOG = LoggerFactory.getLogger(MetadataThread.class);

  /** Takes a result or an error, never both. */
  @FunctionalInterface
  public interface Completion<T> {
    void completed(@Nullable T result, @Nullable FsException error);
  }

  private final ScheduledExecutorService executor;
  private final BooleanSupplier current;
  private final LongSupplier nanoClock;

  /**
   * @param executor of one thread
   * @param current whether the caller is on that thread
   * @param nanoClock as {@link System#nanoTime}
   */
  public MetadataThread(
      ScheduledExecutorService executor, BooleanSupplier current, LongSupplier nanoClock) {
    this.executor = executor;
    this.current = current;
    this.nanoClock = nanoClock;
  }

  /** Nanoseconds of a clock that only tells differences. */
  public long nanoTime() {
    return nanoClock.getAsLong();
  }

  /** Whether this is called on it. */
  public boolean isCurrent() {
    return current.getAsBoolean();
  }

  /** Runs the action later on this thread. */
  @Override
  public void execute(Runnable action) {
    executor.execute(guarded(action));
  }

  /** Runs the action on this thread after a delay; the result can cancel it. */
  public Future<?> schedule(Runnable action, long delayNanos) {
    return executor.schedule(guarded(action), delayNanos, TimeUnit.NANOSECONDS);
  }

  /** Brings the outcome of something that waits back to this thread. */
  public <T> void whenDone(CompletableFuture<T> future, Completion<T> action) {
    var _ =
        future.whenComplete((result, error) ->
            execute(() -> action.completed(result, error == null ? null : FsException.of(error))));
  }

  private static Runnable guarded(Runnable action) {
    return () -> {
      try {
        action.run();
      } catch (RuntimeException e) {
        // An executor would swallow it, and whoever waits would wait for ever without a trace.
        LOG.error("a task of the metadata thread failed", e);
      }
    };
  }
}
