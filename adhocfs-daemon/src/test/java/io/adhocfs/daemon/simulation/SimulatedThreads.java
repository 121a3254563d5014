package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.simulation.SimulatedTime.Death;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.daemon.threads.Threads;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one process in simulated time. Code that waits has a real thread, which runs only
 * while the thread of the simulation waits for it to go on waiting or to end.
 */
public final class SimulatedThreads implements Threads {
  private static final long SWITCH_NANOS = 1_000;
  private static final long WALL_NANOS = 1_700_000_000_000_000_000L;

  private final SimulatedTime time;
  private final Life life;
  private final List<Waiter> waiters = new ArrayList<>();
  private final Map<String, SimulatedExecutor> singles = new HashMap<>();

  public SimulatedThreads(SimulatedTime time, Life life) {
    this.time = time;
    this.life = life;
  }

  @Override
  public long nanoTime() {
    return time.nanoTime();
  }

  @Override
  public long wallNanos() {
    return WALL_NANOS + time.nanoTime();
  }

  @Override
  public ScheduledExecutorService single(String name) {
    var executor = new SimulatedExecutor(time, life);
    singles.put(name, executor);
    return executor;
  }

  /** Whether a task of {@link #single} of this name runs at this moment. */
  boolean isRunning(String name) {
    SimulatedExecutor executor = singles.get(name);
    return executor != null && executor.isRunning();
  }

  @Override
  public ExecutorService bounded(String name, int waitingMax) {
    return new SimulatedExecutor(time, life);
  }

  @Override
  public ExecutorService few(String name, int waitingMax) {
    return new SimulatedExecutor(time, life);
  }

  @Override
  public ExecutorService many(String name) {
    return new Many();
  }

  /** Begins code that may wait, soon. */
  public void begin(Runnable code) {
    waiters.removeIf(earlier -> earlier.over);
    var waiter = new Waiter(code);
    waiters.add(waiter);
    time.after(SWITCH_NANOS, life, waiter::goOn);
  }

  @Override
  public <T extends @Nullable Object> T await(CompletableFuture<T> future)
      throws ExecutionException, InterruptedException {
    Waiter waiter = Waiter.CURRENT.get();
    if (waiter == null) {
      throw new IllegalStateException("only code that was begun as such may wait");
    }
    if (life.ended) {
      throw new Death(life, "in the middle");
    }
    if (!future.isDone()) {
      var _ = future.whenComplete((_, _) -> time.after(SWITCH_NANOS, life, waiter::goOn));
      waiter.rest();
      if (life.ended) {
        throw new Death(life, "while it waited");
      }
    }
    return future.get();
  }

  @Override
  public CompletableFuture<@Nullable Void> after(long delayNanos) {
    var future = new CompletableFuture<@Nullable Void>();
    time.after(delayNanos, life, () -> future.complete(null));
    return future;
  }

  /** Ends all code that waits, once the life has ended. */
  public void bury() {
    if (!life.ended) {
      throw new IllegalStateException("it lives");
    }
    for (Waiter waiter : waiters) {
      waiter.die();
    }
    waiters.clear();
  }

  /** Code that waits. */
  private static final class Waiter {
    static final ThreadLocal<@Nullable Waiter> CURRENT = new ThreadLocal<>();

    private final Semaphore runs = new Semaphore(0);
    private final Semaphore rests = new Semaphore(0);
    private final Thread thread;
    private @Nullable Throwable failure;
    private boolean begun;
    private boolean over;

    Waiter(Runnable code) {
      thread =
          Thread.ofVirtual()
              .unstarted(() -> {
                runs.acquireUninterruptibly();
                CURRENT.set(this);
                try {
                  code.run();
                } catch (Throwable e) {
                  failure = e;
                } finally {
                  over = true;
                  rests.release();
                }
              });
    }

    /** On the thread of the simulation. */
    void goOn() {
      if (!begun) {
        begun = true;
        thread.start();
      }
      runs.release();
      rests.acquireUninterruptibly();
      Throwable failed = failure;
      failure = null;
      switch (failed) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException(failed);
      }
    }

    /** On its own thread. */
    void rest() {
      rests.release();
      runs.acquireUninterruptibly();
    }

    void die() {
      if (begun && !over) {
        try {
          goOn();
        } catch (Death e) {
          // As it should.
        }
      }
    }
  }

  private final class Many extends AbstractExecutorService {
    private boolean shutDown;

    @Override
    public void execute(Runnable command) {
      if (isShutdown()) {
        throw new RejectedExecutionException("these threads have ended");
      }
      begin(command);
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
}
