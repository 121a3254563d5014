package io.adhocfs.daemon.service;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
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

  private final ChunkStore store;
  private final Thread thread = new Thread(this::run, "adhocfs-discard-sync");

  @GuardedBy("this")
  private List<Waiting> waiting = new ArrayList<>();

  @GuardedBy("this")
  private boolean closed;

  /** Starts the thread. */
  DiscardSync(ChunkStore store) {
    this.store = store;
    thread.setDaemon(true);
    thread.start();
  }

  /** Answers after a sync that begins later than now. */
  void then(ChunkStore.Dropped file, Exchange exchange) {
    synchronized (this) {
      if (!closed) {
        waiting.add(new Waiting(file, exchange));
        notifyAll();
        return;
      }
    }
    exchange.fail(FsError.CLOSED, "this daemon is stopping");
  }

  /** What waits next; null at the end. */
  private synchronized @Nullable List<Waiting> take() throws InterruptedException {
    while (waiting.isEmpty()) {
      if (closed) {
        return null;
      }
      wait();
    }
    List<Waiting> taken = waiting;
    waiting = new ArrayList<>();
    return taken;
  }

  private void run() {
    try {
      List<Waiting> served = take();
      while (served != null) {
        sync(served);
        served = take();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
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
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
