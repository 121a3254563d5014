package io.adhocfs.client.simulation;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.protocol.model.FsException;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Virtual time: events run one after the other on the thread that waits for something. */
public final class Simulation implements Timers {
  /** Longer than any retry may take: whoever waits so long hangs. */
  private static final Duration HANGS_AFTER = Duration.ofHours(2);

  private record Event(long atNanos, long number, Runnable action) {}

  @GuardedBy("this")
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          Comparator.comparingLong(Event::atNanos).thenComparingLong(Event::number));

  @GuardedBy("this")
  private long lastNumber;

  @GuardedBy("this")
  private long nowNanos = 1_000_000;

  public final long seed;
  public final Random random;

  public Simulation(long seed) {
    this.seed = seed;
    this.random = new Random(seed);
  }

  @Override
  public synchronized long nanoTime() {
    return nowNanos;
  }

  /** Lets time pass in which nothing happens: whatever runs here is stopped meanwhile. */
  public synchronized void stopFor(Duration duration) {
    nowNanos += duration.toNanos();
  }

  @Override
  public synchronized Timer after(long delayNanos, Runnable action) {
    var event = new Event(nowNanos + delayNanos, ++lastNumber, action);
    events.add(event);
    return () -> {
      synchronized (this) {
        events.remove(event);
      }
    };
  }

  private synchronized @Nullable Event poll(long latestNanos) {
    Event next = events.peek();
    if (next == null || next.atNanos > latestNanos) {
      return null;
    }
    Event event = events.remove();
    nowNanos = Math.max(nowNanos, event.atNanos);
    return event;
  }

  /** Runs events until the future is done, and answers its value. */
  public <T extends @Nullable Object> T await(CompletableFuture<T> future) throws FsException {
    long latest = nanoTime() + HANGS_AFTER.toNanos();
    while (!future.isDone()) {
      Event event = poll(latest);
      if (event == null) {
        throw new AssertionError("nothing more happens, and it is not done; seed " + seed);
      }
      event.action.run();
    }
    try {
      return future.join();
    } catch (RuntimeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * Runs what waits on another thread, and the events that it waits for on this one. Time passes
   * only while that thread waits: else it would find its deadlines past.
   */
  public <T> T awaitBlocking(Supplier<T> blocking) throws FsException {
    var future = new CompletableFuture<T>();
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              try {
                future.complete(blocking.get());
              } catch (Throwable e) {
                future.completeExceptionally(e);
              }
            });
    long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!future.isDone()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("it hangs; seed " + seed);
      }
      Thread.State state = thread.getState();
      boolean waits = state == Thread.State.WAITING || state == Thread.State.TIMED_WAITING;
      Event event = waits ? poll(Long.MAX_VALUE) : null;
      if (event != null) {
        event.action.run();
      } else {
        Thread.onSpinWait();
      }
    }
    return await(future);
  }

  /** Runs everything that happens within this time. */
  public void pass(Duration time) {
    long end = nanoTime() + time.toNanos();
    for (Event event = poll(end); event != null; event = poll(end)) {
      event.action.run();
    }
    synchronized (this) {
      nowNanos = end;
    }
  }
}
