package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives chunks their checksums once nobody has written them for a while: one thread, which also
 * looks through the index for chunks that were left open by the last process or that were too many
 * to remember. It rests while slots go to other nodes, for a record that changes sends its whole
 * chunk again.
 */
final class ChunkSealer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ChunkSealer.class);
  private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long LOOK_EVERY_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final int FOUND_MAX = 10_000;
  private static final int SEALED_AT_ONCE_MAX = 100;

  /** Seals one chunk. */
  interface Sealing {
    void seal(OpenChunks.Place place) throws FsException;
  }

  /** Whether to leave everything as it is for now. */
  interface Rest {
    boolean now();
  }

  private final OpenChunks open;
  private final ChunkIndex index;
  private final Sealing sealing;
  private final Rest rest;
  private final long idleNanos;
  private final Threads threads;
  private final ScheduledExecutorService thread;

  /** Where to go on looking through the index, unless it has been looked through. */
  private byte[] cursor = new byte[0];

  private boolean looked;
  private long lookedNanos;
  private long loggedNanos;
  private volatile boolean closing;
  private volatile boolean leaving;

  /** Starts the thread. */
  ChunkSealer(
      Threads threads,
      OpenChunks open,
      ChunkIndex index,
      Sealing sealing,
      Rest rest,
      long idleNanos) {
    this.threads = threads;
    this.open = open;
    this.index = index;
    this.sealing = sealing;
    this.rest = rest;
    this.idleNanos = idleNanos;
    lookedNanos = threads.nanoTime();
    loggedNanos = lookedNanos - LOG_EVERY_NANOS;
    thread = threads.single("adhocfs-seal");
    thread.execute(this::step);
  }

  private void step() {
    boolean more = false;
    if (!rest.now()) {
      try {
        look();
        more = sealIdle(threads.nanoTime() - idleNanos) > 0;
      } catch (FsException e) {
        log(e);
      } catch (RuntimeException e) {
        LOG.error("chunks can't be sealed", e);
      }
    }
    try {
      var _ = thread.schedule(this::step, more ? 0 : STEP_NANOS, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("this daemon ends: {}", e.getMessage());
    }
  }

  /** Looks through a part of the index, if there is anything to be found. */
  private void look() throws FsException {
    if (looked && threads.nanoTime() - lookedNanos >= LOOK_EVERY_NANOS && open.takeOverflowed()) {
      looked = false;
      cursor = new byte[0];
    }
    if (looked) {
      return;
    }
    var found = new int[1];
    byte[] from = cursor;
    looked = true;
    index.forAll(
        from,
        (key, record) -> {
          if (closing || found[0] == FOUND_MAX) {
            cursor = key;
            looked = false;
            return false;
          }
          if (record.anyOpen()) {
            found[0]++;
            var place =
                new OpenChunks.Place(Keys.number(key, 0), Keys.number(key, 1), Keys.slot(key));
            // What is noted already keeps its time.
            if (open.lastChange(place) == OpenChunks.NONE) {
              open.touch(place);
            }
          }
          return true;
        });
    lookedNanos = threads.nanoTime();
  }

  /** Seals chunks that have not been written since a moment; answers how many it has tried. */
  private int sealIdle(long sinceNanos) {
    List<OpenChunks.Place> idle = open.idle(sinceNanos, SEALED_AT_ONCE_MAX);
    for (OpenChunks.Place place : idle) {
      try {
        sealing.seal(place);
      } catch (FsException e) {
        // Whoever reads it will hear of it, and so does the next process.
        open.forget(place);
        log(e);
      }
    }
    return idle.size();
  }

  private void log(FsException e) {
    if (threads.nanoTime() - loggedNanos >= LOG_EVERY_NANOS) {
      loggedNanos = threads.nanoTime();
      LOG.warn("chunks not sealed error={} reason=\"{}\"", e.error(), e.getMessage());
    }
  }

  /** Has close seal nothing more: what is open is about to be removed. */
  void leaveOpen() {
    leaving = true;
  }

  /** Ends the thread, then seals what is open for some seconds; the rest stays open. */
  @Override
  public void close() {
    closing = true;
    thread.shutdown();
    boolean interrupted = false;
    boolean ended = false;
    while (!ended) {
      try {
        ended = thread.awaitTermination(CLOSE_NANOS, TimeUnit.NANOSECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    long end = threads.nanoTime() + CLOSE_NANOS;
    while (!leaving && threads.nanoTime() - end < 0 && sealIdle(threads.nanoTime()) > 0) {}
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
