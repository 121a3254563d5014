package io.adhocfs.daemon.simulation;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Delayed;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** A thread of one process in simulated time: its tasks are events, in the order they came. */
public final class SimulatedExecutor extends AbstractExecutorService
    implements ScheduledExecutorService {
  private static final long SWITCH_NANOS = 1_000;

  private final SimulatedTime time;
  private final SimulatedTime.Life life;

  private boolean running;
  private boolean shutDown;

  public SimulatedExecutor(SimulatedTime time, SimulatedTime.Life life) {
    this.time = time;
    this.life = life;
  }

  @Override
  public void execute(Runnable command) {
    if (isShutdown()) {
      throw new RejectedExecutionException("this thread has ended");
    }
    time.after(SWITCH_NANOS, life, () -> run(command));
  }

  private void run(Runnable command) {
    running = true;
    try {
      command.run();
    } finally {
      running = false;
    }
  }

  /** Whether a task of it runs at this moment. */
  public boolean isRunning() {
    return running;
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
    if (isShutdown()) {
      throw new RejectedExecutionException("this thread has ended");
    }
    return new Scheduled(time.after(unit.toNanos(delay), life, () -> run(command)));
  }

  private static final class Scheduled extends CompletableFuture<Object>
      implements ScheduledFuture<Object> {
    private final SimulatedTime.Event event;

    Scheduled(SimulatedTime.Event event) {
      this.event = event;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      return event.cancel();
    }

    @Override
    public long getDelay(TimeUnit unit) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int compareTo(Delayed other) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> callable, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable command, long initialDelay, long period, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable command, long initialDelay, long delay, TimeUnit unit) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void shutdown() {
    shutDown = true;
  }

  @Override
  public List<Runnable> shutdownNow() {
    shutDown = true;
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return shutDown || life.ended;
  }

  @Override
  public boolean isTerminated() {
    return isShutdown();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return isShutdown();
  }
}
