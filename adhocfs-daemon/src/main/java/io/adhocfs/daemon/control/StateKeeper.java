package io.adhocfs.daemon.control;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps what is known and what is undecided in files, on a thread of its own. Thread-safe. */
final class StateKeeper {
  private static final Logger LOG = LoggerFactory.getLogger(StateKeeper.class);
  private static final long RETRY_MILLIS = 1000;

  private final ControlThread thread;
  private final ControlFiles files;
  private final KnownState known;
  private final ClusterState cluster;
  private final ThreadPoolExecutor disk;

  /** Changed on the control thread. */
  private boolean keeping;

  StateKeeper(ControlThread thread, ControlFiles files, KnownState known, ClusterState cluster) {
    this.thread = thread;
    this.files = files;
    this.known = known;
    this.cluster = cluster;
    // What is queued is bounded by the moves that are proposed at once.
    disk =
        new ThreadPoolExecutor(
            1,
            1,
            5,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            ControlThread.named("adhocfs-control-disk"));
    disk.allowCoreThreadTimeOut(true);
  }

  /** Has the newest state kept soon; states in between need not be. On the control thread. */
  void keepSoon() {
    if (keeping || known.standIn()) {
      return;
    }
    keeping = true;
    var _ =
        onDisk(this::keep)
            .whenComplete((_, error) ->
                thread.execute(() -> {
                  keeping = false;
                  ControlState kept = files.state();
                  if (kept == null || kept.version() < known.state().version()) {
                    thread.after(error == null ? 0 : RETRY_MILLIS, this::keepSoon);
                  }
                }));
  }

  /** On the disk's thread. */
  private void keep() throws FsException {
    files.keep(known.state());
    cluster.persist();
  }

  /** Remembers that a move is about to be proposed. Fails with what the disk says. */
  CompletableFuture<Void> proposing(ControlCommand.Move move) {
    return onDisk(() -> files.proposing(move));
  }

  /** Keeps the newest state, which has the move's outcome, and then forgets the move. */
  CompletableFuture<Void> decided(ControlCommand.Move move) {
    return onDisk(() -> {
      keep();
      files.decided(move);
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
      done.completeExceptionally(
          new FsException(FsError.CLOSED, "this daemon is stopping").asCompletion());
    }
    return done;
  }

  /** Writes what it was given, and ends. */
  void end() {
    ControlThread.end(disk, "disk");
  }
}
