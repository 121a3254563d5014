package io.adhocfs.daemon.threads;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * Where the code of a daemon gets its threads, the time of day and the time that passes, and how a
 * thread of it waits. Whoever has executors from here closes them. Thread-safe.
 */
public interface Threads {
  /** The threads and the clock of the system. */
  Threads SYSTEM = new SystemThreads();

  /** Nanoseconds since some moment; only differences mean anything. */
  long nanoTime();

  /** Nanoseconds since 1970. */
  long wallNanos();

  /** One thread, which runs tasks in the order in which they came. */
  ScheduledExecutorService single(String name);

  /** As {@link #single}; refuses tasks while so many wait, and has no timer. */
  ExecutorService bounded(String name, int waitingMax);

  /**
   * A few threads for what may block, which end while there is nothing to do; refuses tasks while
   * so many wait.
   */
  ExecutorService few(String name, int waitingMax);

  /** As many threads as there are tasks; tasks may {@link #await}. */
  ExecutorService many(String name);

  /**
   * Waits for a future. Only tasks of {@link #many} may call this: other threads have to go on.
   *
   * @throws ExecutionException as {@link CompletableFuture#get()}
   */
  <T extends @Nullable Object> T await(CompletableFuture<T> future)
      throws ExecutionException, InterruptedException;

  /** Completes a future later. */
  CompletableFuture<@Nullable Void> after(long delayNanos);
}
