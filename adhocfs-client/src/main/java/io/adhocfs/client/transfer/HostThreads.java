package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that wait for this host's file systems. What waits for them is bounded by the files
 * in flight and the pieces of each, so their queue needs no bound of its own.
 */
final class HostThreads implements AutoCloseable {

  /** A call that waits. */
  interface Call<T> {
    T run() throws FsException;
  }

  /** A call that answers nothing. */
  interface Action {
    void run() throws FsException;
  }

  private static final class HostThread extends Thread {
    HostThread(Runnable task, String name) {
      super(task, name);
      setDaemon(true);
    }
  }

  private final ThreadPoolExecutor executor;

  HostThreads(int count) {
    var number = new AtomicInteger();
    executor =
        new ThreadPoolExecutor(
            count,
            count,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> new HostThread(task, "transfer-host-" + number.incrementAndGet()));
  }

  /** Runs the call in one of the threads; in this one, before returning, if it is one of them. */
  <T> CompletableFuture<T> call(Call<T> call) {
    if (Thread.currentThread() instanceof HostThread) {
      var result = new CompletableFuture<T>();
      complete(result, call);
      return result;
    }
    return handOver(call);
  }

  /** As {@link #call}. */
  CompletableFuture<Void> run(Action action) {
    return call(
            () -> {
              action.run();
              return true;
            })
        .thenAccept(_ -> {});
  }

  /** Runs the call in one of the threads, and returns at once. */
  <T> CompletableFuture<T> handOver(Call<T> call) {
    var result = new CompletableFuture<T>();
    executor.execute(() -> complete(result, call));
    return result;
  }

  @SuppressWarnings("CatchingUnchecked") // Whatever a call throws belongs to who waits for it.
  private static <T> void complete(CompletableFuture<T> result, Call<T> call) {
    T value;
    try {
      value = call.run();
    } catch (FsException | RuntimeException | Error failure) {
      result.completeExceptionally(failure);
      return;
    }
    result.complete(value);
  }

  @Override
  public void close() {
    executor.shutdown();
  }
}
