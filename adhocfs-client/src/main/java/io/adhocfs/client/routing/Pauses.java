package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.FsException;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Where operations wait before their next try, until this client ends. Thread-safe; pauses complete
 * on timer threads, or on the thread that ends them early.
 */
final class Pauses {
  private final Timers timers;

  /** The oldest first. */
  private final Set<CompletableFuture<Void>> underWay =
      Collections.synchronizedSet(new LinkedHashSet<>());

  private volatile @Nullable FsException ended;

  Pauses(Timers timers) {
    this.timers = timers;
  }

  /**
   * A wait that ends early with the operation's deadline or by {@link #hurry}, and fails with the
   * operation's cancellation or by {@link #end}.
   */
  @SuppressWarnings("CollectionUndefinedEquality") // futures are nothing but themselves
  CompletableFuture<Void> pause(Operation operation, long delayNanos) {
    var pause = new CompletableFuture<Void>();
    underWay.add(pause);
    operation.waitFor(pause);
    Timers.Timer timer =
        timers.after(Math.min(delayNanos, operation.remainingNanos()), () -> pause.complete(null));
    Completion.then(
        pause,
        (_, _) -> {
          timer.cancel();
          underWay.remove(pause);
          operation.waitedFor(pause);
        });
    FsException end = ended;
    if (end != null) {
      pause.completeExceptionally(end);
    }
    return pause;
  }

  /** Ends all pauses at once, so that whoever waits looks whether it may go on. */
  void hurry() {
    all().forEach(pause -> pause.complete(null));
  }

  /** Fails all pauses, and all that come later. The first reason counts. */
  void end(FsException reason) {
    synchronized (underWay) {
      if (ended != null) {
        return;
      }
      ended = reason;
    }
    all().forEach(pause -> pause.completeExceptionally(reason));
  }

  private List<CompletableFuture<Void>> all() {
    synchronized (underWay) {
      return List.copyOf(underWay);
    }
  }

  /** Why this client sends nothing more; null while it does. */
  @Nullable FsException ended() {
    return ended;
  }

  /** Why an operation sends nothing more, by this client's end or its own; null if it may. */
  @Nullable FsException endOf(Operation operation) {
    FsException end = ended;
    return end != null ? end : operation.isCancelled() ? operation.interruption() : null;
  }
}
