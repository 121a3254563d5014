package io.adhocfs.daemon.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers discards when they are on the disk: all that have come by then share a sync, on a thread
 * of its own, so that removing many files keeps no data thread. How many wait is bounded by those
 * who ask: each node has a few discards under way. Thread-safe.
 */
final class DiscardSync implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DiscardSync.class);

  private record Waiting(ChunkStore.Dropped file, Exchange exchange) {}

  private static final long CLOSE_SECONDS = 60;

  private final ChunkStore store;
  private final ExecutorService thread;

  @GuardedBy("this")
  private List<Waiting> waiting = new ArrayList<>();

  /** Starts the thread. */
  DiscardSync(Threads threads, ChunkStore store) {
    this.store = store;
    this.thread = threads.single("adhocfs-discard-sync");
  }

  /** Answers after a sync that begins later than now. */
  void then(ChunkStore.Dropped file, Exchange exchange) {
    boolean first;
    synchronized (this) {
      first = waiting.isEmpty();
      waiting.add(new Waiting(file, exchange));
    }
    if (!first) {
      return;
    }
    try {
      thread.execute(() -> sync(take()));
    } catch (RejectedExecutionException e) {
      take().forEach(discard -> discard.exchange().fail(FsError.CLOSED, "this daemon is stopping"));
    }
  }

  private synchronized List<Waiting> take() {
    List<Waiting> taken = waiting;
    waiting = new ArrayList<>();
    return taken;
  }

  private void sync(List<Waiting> served) {
    Set<ChunkStore.Dropped> files = new LinkedHashSet<>();
    served.forEach(discard -> files.add(discard.file()));
    FsException failure = null;
    try {
      store.syncDiscards(files);
    } catch (FsException e) {
      failure = e;
    } catch (RuntimeException e) {
      LOG.error("discards of {} files can't be synced", files.size(), e);
      failure = new FsException(FsError.INTERNAL, String.valueOf(e));
    }
    for (Waiting discard : served) {
      if (failure == null) {
        discard.exchange().reply(new Reply.Done());
      } else {
        discard.exchange().fail(failure.error(), "syncing discards: " + failure.getMessage());
      }
    }
  }

  /** Answers those that wait, and ends. Waits for the thread. */
  @Override
  public void close() {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn("discards are still being synced");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
