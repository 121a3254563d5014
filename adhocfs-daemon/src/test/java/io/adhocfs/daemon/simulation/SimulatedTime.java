package io.adhocfs.daemon.simulation;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One clock for a whole instance, and one thing at a time: events run in order of their times, and
 * those of one time in the order they were made, so that a seed decides everything.
 */
public final class SimulatedTime {
  private static final boolean TRACES = Boolean.getBoolean("adhocfs.trace");
  private static final long HANGS_AFTER_NANOS = 600_000_000_000L;

  /** The life of a process: events of one that has ended do not happen. */
  public static final class Life {
    public boolean ended;
  }

  /** A process dies at the point where this is thrown. */
  public static final class Death extends Error {
    private static final long serialVersionUID = 1L;
    public final transient Life life;

    public Death(Life life, String where) {
      super(where, null, false, false);
      this.life = life;
    }
  }

  /** Something that will happen. */
  public static final class Event {
    private final long timeNanos;
    private final long order;
    private final @Nullable Life life;
    private final Runnable action;
    private boolean cancelled;
    private boolean ran;

    private Event(long timeNanos, long order, @Nullable Life life, Runnable action) {
      this.timeNanos = timeNanos;
      this.order = order;
      this.life = life;
      this.action = action;
    }

    /** Has it not happen; answers whether it has not happened before. */
    public boolean cancel() {
      cancelled = true;
      return !ran;
    }
  }

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          Comparator.<Event>comparingLong(event -> event.timeNanos)
              .thenComparingLong(event -> event.order));
  private long nowNanos = 1_000_000_000L;
  private long order;
  private Consumer<Death> mourner = death -> {};

  public void onDeath(Consumer<Death> action) {
    mourner = action;
  }

  public long nanoTime() {
    return nowNanos;
  }

  /** Says what happens, when the property {@code adhocfs.trace} is set. */
  public void trace(Supplier<String> text) {
    if (TRACES) {
      System.out.printf("%,15d %s%n", nowNanos, text.get());
    }
  }

  /** How many things were to happen so far: the same for the same seed. */
  public long events() {
    return order;
  }

  /**
   * Has something happen later.
   *
   * @param life of the process that it happens in; null = of none
   */
  public Event after(long delayNanos, @Nullable Life life, Runnable action) {
    var event = new Event(nowNanos + Math.max(0, delayNanos), order++, life, action);
    events.add(event);
    return event;
  }

  /** Has something not happen, and forgets it. */
  void cancel(Event event) {
    event.cancelled = true;
    events.remove(event);
  }

  /** Forgets what was to happen in a life that has ended. */
  void forget(Life ended) {
    events.removeIf(event -> event.life == ended);
  }

  /** Lets things happen until the condition holds; fails when that takes too long. */
  public void until(BooleanSupplier condition, String what) {
    long limitNanos = nowNanos + HANGS_AFTER_NANOS;
    while (!condition.getAsBoolean()) {
      if (!step() || nowNanos > limitNanos) {
        throw new AssertionError("not within ten minutes of simulated time: " + what);
      }
    }
  }

  /** Lets everything happen that lies within a duration. */
  public void pass(long durationNanos) {
    long end = nowNanos + durationNanos;
    for (Event next = events.peek(); next != null && next.timeNanos <= end; next = events.peek()) {
      step();
    }
    nowNanos = end;
  }

  /** Lets a duration pass in which a process is stopped: what was to happen in it comes after. */
  public void passWithout(Life stopped, long durationNanos) {
    long end = nowNanos + durationNanos;
    List<Event> held = new ArrayList<>();
    for (Event next = events.peek(); next != null && next.timeNanos <= end; next = events.peek()) {
      if (next.life == stopped) {
        held.add(events.remove());
      } else {
        step();
      }
    }
    nowNanos = end;
    events.addAll(held);
  }

  private boolean step() {
    Event event = events.poll();
    if (event == null) {
      return false;
    }
    nowNanos = Math.max(nowNanos, event.timeNanos);
    if (!event.cancelled && (event.life == null || !event.life.ended)) {
      event.ran = true;
      try {
        event.action.run();
      } catch (Death death) {
        mourner.accept(death);
      }
    }
    return true;
  }
}
