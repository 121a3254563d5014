package io.adhocfs.daemon.service;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One thread and one clock for a whole cluster: events run in order of their times, and those of
 * one time in the order they were made, so that a seed decides everything.
 */
final class SimulatedTime {
  /** The life of a process: events of one that has ended do not happen. */
  static final class Life {
    boolean ended;
  }

  /** A process dies at the point where this is thrown. */
  static final class Death extends Error {
    private static final long serialVersionUID = 1L;
    final transient Life life;

    Death(Life life, String where) {
      super(where, null, false, false);
      this.life = life;
    }
  }

  /** Something that will happen. */
  static final class Event {
    private final long timeNanos;
    private final long order;
    private final @Nullable Life life;
    private final Runnable action;
    boolean cancelled;
    boolean ran;

    Event(long timeNanos, long order, @Nullable Life life, Runnable action) {
      this.timeNanos = timeNanos;
      this.order = order;
      this.life = life;
      this.action = action;
    }
  }

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          Comparator.<Event>comparingLong(event -> event.timeNanos)
              .thenComparingLong(event -> event.order));
  private long nowNanos = 1_000_000_000L;
  private long order;
  private java.util.function.Consumer<Death> mourner = death -> {};

  void onDeath(java.util.function.Consumer<Death> action) {
    mourner = action;
  }

  long nanoTime() {
    return nowNanos;
  }

  Event after(long delayNanos, @Nullable Life life, Runnable action) {
    var event = new Event(nowNanos + Math.max(0, delayNanos), order++, life, action);
    events.add(event);
    return event;
  }

  /** Lets things happen until the condition holds; fails when that takes too long. */
  void until(BooleanSupplier condition, String what) {
    long limitNanos = nowNanos + 600_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (!step() || nowNanos > limitNanos) {
        throw new AssertionError("not within ten minutes of simulated time: " + what);
      }
    }
  }

  /** Lets everything happen that lies within a duration. */
  void pass(long durationNanos) {
    long end = nowNanos + durationNanos;
    for (Event next = events.peek(); next != null && next.timeNanos <= end; next = events.peek()) {
      step();
    }
    nowNanos = end;
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
