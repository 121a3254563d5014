package io.adhocfs.daemon.service;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Delayed;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** The thread of one process in simulated time. */
final class SimulatedExecutor extends AbstractExecutorService implements ScheduledExecutorService {
  private final SimulatedTime time;
  private final SimulatedTime.Life life;

  SimulatedExecutor(SimulatedTime time, SimulatedTime.Life life) {
    this.time = time;
    this.life = life;
  }

  @Override
  public void execute(Runnable command) {
    time.after(1_000, life, command);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
    return new Scheduled(time.after(unit.toNanos(delay), life, command));
  }

  private static final class Scheduled extends CompletableFuture<Object>
      implements ScheduledFuture<Object> {
    private final SimulatedTime.Event event;

    Scheduled(SimulatedTime.Event event) {
      this.event = event;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      event.cancelled = true;
      return !event.ran;
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
    life.ended = true;
  }

  @Override
  public List<Runnable> shutdownNow() {
    life.ended = true;
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return life.ended;
  }

  @Override
  public boolean isTerminated() {
    return life.ended;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return life.ended;
  }
}
