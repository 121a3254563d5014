package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One call of a program, however many requests it takes: what it is called, when it must be over,
 * and whether it is still wanted. Thread-safe.
 */
public final class Operation {
  private final Supplier<String> description;
  private final TrafficClass trafficClass;
  private final Timers timers;
  private final int party;
  private final boolean waitsForTokens;
  private final long limitNanos;

  /**
   * The session that it runs in; null = not said yet, then the newest when it first sends. One that
   * belongs to a session, as what goes through a handle does, ends with it; any other goes on in a
   * newer one.
   */
  private volatile @Nullable Session session;

  private boolean belongsToSession;

  /** What has to be alive in its session: the inode of a handle. */
  private @Nullable InodeId home;

  /** When the time that it may take began. */
  private volatile long startNanos;

  @GuardedBy("this")
  private final List<CompletableFuture<?>> underWay = new ArrayList<>(2);

  @GuardedBy("this")
  private boolean cancelled;

  /**
   * An operation that starts now.
   *
   * @param description for messages, such as "lookup of 'a' in inode 5"
   * @param limitNanos how long it may take; 0 = for ever
   */
  public Operation(
      Supplier<String> description, TrafficClass trafficClass, Timers timers, long limitNanos) {
    this(description, trafficClass, 0, timers, limitNanos, false);
  }

  /**
   * As the other, on behalf of somebody.
   *
   * @param party his number; 0 = not said
   * @param waitsForTokens whether the time that limits hold it back does not count
   */
  Operation(
      Supplier<String> description,
      TrafficClass trafficClass,
      int party,
      Timers timers,
      long limitNanos,
      boolean waitsForTokens) {
    this.party = party;
    this.waitsForTokens = waitsForTokens;
    this.description = description;
    this.trafficClass = trafficClass;
    this.timers = timers;
    this.startNanos = timers.nanoTime();
    this.limitNanos = limitNanos;
  }

  /** Has it run in a session alone, and end where that has ended; before it is used. */
  Operation of(Session its) {
    session = its;
    belongsToSession = true;
    return this;
  }

  /**
   * Has it run for what a session has open or locked of an inode, and end when that is lost; before
   * it is used. What it does at other nodes than the inode's goes on in a newer session where its
   * own has ended.
   */
  public Operation of(Session its, InodeId inode) {
    home = inode;
    return of(its);
  }

  /** Has it begin in a session, if there is one to prefer; before it is used. */
  Operation beginningIn(@Nullable Session preferred) {
    session = preferred;
    return this;
  }

  /** As another one. */
  Operation as(Operation other) {
    session = other.session;
    belongsToSession = other.belongsToSession;
    home = other.home;
    return this;
  }

  /** The session that it runs in; null if it has not sent anything yet. */
  public @Nullable Session session() {
    return session;
  }

  /** It goes on in another session. */
  void goOnIn(Session other) {
    if (belongsToSession) {
      throw new IllegalStateException(description() + " belongs to its session");
    }
    session = other;
  }

  /** Whether it ends with its session. */
  public boolean belongsToSession() {
    return belongsToSession;
  }

  @Nullable InodeId home() {
    return home;
  }

  /** Why it can't go on: what it is for is lost; null if it can. */
  @Nullable FsException loss() {
    Session its = session;
    InodeId inode = home;
    return its == null || inode == null ? null : its.lossOf(inode);
  }

  /** Cancels another one when this one is cancelled. */
  public void cancelsToo(Operation part) {
    var link = new CompletableFuture<Void>();
    Completion.then(link, (_, _) -> part.cancel());
    waitFor(link);
  }

  /** The number of whom it is on behalf of; 0 = not said. */
  int party() {
    return party;
  }

  /** A limit has held it back: the daemon is there, so the time begins anew. */
  void heldBack() {
    if (waitsForTokens) {
      startNanos = timers.nanoTime();
    }
  }

  public TrafficClass trafficClass() {
    return trafficClass;
  }

  /** For messages. */
  public String description() {
    return description.get();
  }

  /** Nanoseconds left, at least 0; {@link Long#MAX_VALUE} without a bound. */
  public long remainingNanos() {
    return limitNanos == 0
        ? Long.MAX_VALUE
        : Math.max(0, limitNanos - (timers.nanoTime() - startNanos));
  }

  Duration limit() {
    return Duration.ofNanos(limitNanos);
  }

  /** What is left, for one request. */
  Deadline deadline() {
    return limitNanos == 0
        ? Deadline.NEVER
        : Deadline.after(Duration.ofNanos(Math.max(1, remainingNanos())));
  }

  public synchronized boolean isCancelled() {
    return cancelled;
  }

  /** Ends it: whatever it waits for is cancelled, and it sends nothing more. */
  public void cancel() {
    List<CompletableFuture<?>> toCancel;
    synchronized (this) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      toCancel = List.copyOf(underWay);
    }
    toCancel.forEach(future -> future.cancel(true));
  }

  /** Notes something that this operation waits for, to be cancelled with it. */
  void waitFor(CompletableFuture<?> future) {
    boolean late;
    synchronized (this) {
      late = cancelled;
      if (!late) {
        underWay.add(future);
      }
    }
    if (late) {
      future.cancel(true);
    }
  }

  @SuppressWarnings("ReferenceEquality") // futures are nothing but themselves
  synchronized void waitedFor(CompletableFuture<?> future) {
    for (int i = underWay.size() - 1; i >= 0; i--) {
      if (underWay.get(i) == future) {
        underWay.remove(i);
        return;
      }
    }
  }

  /** That it is no longer wanted. */
  FsException interruption() {
    return new FsException(FsError.INTERRUPTED, description() + ": interrupted");
  }

  /**
   * The result as its program sees it: cancelling that ends the operation, and failures say what
   * was being done.
   */
  public <T extends @Nullable Object> CompletableFuture<T> answer(CompletableFuture<T> result) {
    return answer(result, _ -> {});
  }

  /**
   * As {@link #answer(CompletableFuture)}.
   *
   * @param unwanted gets a result that nobody takes any more, to give it back
   */
  public <T extends @Nullable Object> CompletableFuture<T> answer(
      CompletableFuture<T> result, Consumer<? super T> unwanted) {
    var answer = new Answer<T>();
    Completion.then(
        result,
        (value, failure) -> {
          if (failure == null) {
            if (!answer.complete(value)) {
              unwanted.accept(value);
            }
          } else {
            answer.completeExceptionally(named(Failures.of(failure)));
          }
        });
    return answer;
  }

  private FsException named(FsException failure) {
    String name = description();
    String message = failure.getMessage();
    return message != null && message.startsWith(name) ? failure : Failures.during(name, failure);
  }

  /**
   * Waits, for this operation alone, for something that others may wait for too: cancelling this
   * operation ends its waiting, not the work.
   */
  public <T extends @Nullable Object> CompletableFuture<T> share(CompletableFuture<T> common) {
    if (common.isDone()) {
      return common;
    }
    var mine = new CompletableFuture<T>();
    waitFor(mine);
    Completion.then(
        common,
        (value, failure) -> {
          waitedFor(mine);
          if (failure == null) {
            mine.complete(value);
          } else {
            mine.completeExceptionally(failure);
          }
        });
    return mine;
  }

  private final class Answer<T extends @Nullable Object> extends CompletableFuture<T> {
    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      boolean first = super.cancel(mayInterruptIfRunning);
      if (first) {
        Operation.this.cancel();
      }
      return first;
    }

    @Override
    public <U extends @Nullable Object> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>();
    }
  }
}
