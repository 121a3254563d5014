package io.adhocfs.daemon.control;

import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps what is known and what is undecided in files, on a thread of its own. Thread-safe. */
final class StateKeeper {
  private static final Logger LOG = LoggerFactory.getLogger(StateKeeper.class);
  private static final long RETRY_MILLIS = 1000;

  /** States follow each other quickly while slots move, and each is some hundred KiB. */
  private static final long PAUSE_MILLIS = 100;

  private final ControlThread thread;
  private final ControlFiles files;
  private final KnownState known;
  private final ExecutorService disk;

  /** Changed on the control thread. */
  private boolean keeping;

  /** Moves whose outcome is known and which are still remembered. Changed on the control thread. */
  private final Set<ControlCommand.Move> decided = new HashSet<>();

  StateKeeper(Threads threads, ControlThread thread, ControlFiles files, KnownState known) {
    this.thread = thread;
    this.files = files;
    this.known = known;
    // What is queued is bounded by the moves that are proposed at once.
    disk = threads.single("adhocfs-control-disk");
  }

  /** Has the newest state kept soon; states in between need not be. On the control thread. */
  void keepSoon() {
    if (!keeping && !known.standIn()) {
      keeping = true;
      thread.after(PAUSE_MILLIS, this::keepNow);
    }
  }

  private void keepNow() {
    // What is known now has the outcome of all of them.
    List<ControlCommand.Move> forgotten = List.copyOf(decided);
    ControlState newest = known.state();
    var _ =
        onDisk(
                () -> {
                  files.keep(newest);
                  files.forget(forgotten);
                })
            .whenComplete((_, error) ->
                thread.execute(() -> {
                  if (error == null) {
                    forgotten.forEach(decided::remove);
                  }
                  if (error == null && decided.isEmpty() && known.state().equals(newest)) {
                    keeping = false;
                  } else {
                    thread.after(error == null ? PAUSE_MILLIS : RETRY_MILLIS, this::keepNow);
                  }
                }));
  }

  /** Completes once the newest state is kept, or fails with what the disk says. */
  CompletableFuture<Void> kept() {
    ControlState newest = known.state();
    return onDisk(() -> files.keep(newest));
  }

  /** Remembers that a move is about to be proposed. Fails with what the disk says. */
  CompletableFuture<Void> proposing(ControlCommand.Move move) {
    return onDisk(() -> files.proposing(move));
  }

  /** Has a move forgotten as soon as a state is kept that has its outcome. */
  void decided(ControlCommand.Move move) {
    thread.execute(() -> {
      decided.add(move);
      keepSoon();
    });
  }

  private interface DiskWork {
    void run() throws FsException;
  }

  private CompletableFuture<Void> onDisk(DiskWork work) {
    var done = new CompletableFuture<Void>();
    try {
      disk.execute(() -> {
        try {
          work.run();
          done.complete(null);
        } catch (FsException e) {
          LOG.warn("the control plane's state is not kept: {}", e.getMessage());
          done.completeExceptionally(e.asCompletion());
        } catch (RuntimeException e) {
          LOG.error("a task of the control plane failed", e);
          done.completeExceptionally(e);
        }
      });
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(ControlThread.stopping().asCompletion());
    }
    return done;
  }

  /** Writes what it was given, and ends. */
  void end() {
    ControlThread.end(disk, "disk");
  }
}
