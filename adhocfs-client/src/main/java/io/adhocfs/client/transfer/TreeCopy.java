package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsException;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One copy under way: its walkers, its bounds and its counters.
 *
 * <p>Walkers are the only threads that wait (for listings, and for room among the files in flight);
 * everything else is driven by completions. A walker that finds more directories than the queue
 * takes walks them itself, so that a tree of any size needs no more memory.
 */
final class TreeCopy implements AutoCloseable {
  private static final int WALKERS = 4;
  private static final int DIRECTORIES_WAITING_MAX = 256;

  /** A walker may walk as deep as a tree goes. */
  static final long WALKER_STACK_BYTES = 16 << 20;

  private final TransferOptions options;
  private final Tally tally = new Tally();
  private final HardLinks hardLinks = new HardLinks();
  private final ByteBudget budget;
  private final Semaphore filesInFlight;
  private final ThreadPoolExecutor walkers;
  private volatile boolean stopped;

  /** The copies of the sources themselves: copying one of these would never end. */
  private final Set<FileKey> topTargets = ConcurrentHashMap.newKeySet();

  /** Walks begun or waiting; at 0 everything has been found. */
  private final AtomicInteger walks = new AtomicInteger();

  private record FileKey(long device, long inode) {
    static FileKey of(Facts facts) {
      return new FileKey(facts.device(), facts.inode());
    }
  }

  TreeCopy(TransferOptions options) {
    this.options = options;
    budget = new ByteBudget(options.bytesInFlightMax());
    filesInFlight = new Semaphore(options.filesInFlightMax());
    var number = new AtomicInteger();
    walkers =
        new ThreadPoolExecutor(
            WALKERS,
            WALKERS,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(DIRECTORIES_WAITING_MAX),
            task -> {
              var thread =
                  new Thread(
                      null,
                      task,
                      "transfer-walker-" + number.incrementAndGet(),
                      WALKER_STACK_BYTES);
              thread.setDaemon(true);
              return thread;
            },
            new ThreadPoolExecutor.CallerRunsPolicy());
  }

  TransferOptions options() {
    return options;
  }

  Tally tally() {
    return tally;
  }

  HardLinks hardLinks() {
    return hardLinks;
  }

  ByteBudget budget() {
    return budget;
  }

  /** Begins nothing any more; what is under way ends at its next step. */
  void stop() {
    stopped = true;
  }

  boolean stopped() {
    return stopped;
  }

  /** This directory is the copy of a source, or what the content of a source is copied into. */
  void addTopTarget(Facts facts) {
    topTargets.add(FileKey.of(facts));
  }

  boolean isTopTarget(Facts facts) {
    return topTargets.contains(FileKey.of(facts));
  }

  boolean everythingFound() {
    return walks.get() == 0;
  }

  /** Has a walker run this soon, or runs it before returning. */
  void walk(Runnable walk) {
    walks.incrementAndGet();
    walkers.execute(() -> {
      try {
        walk.run();
      } finally {
        walks.decrementAndGet();
      }
    });
  }

  /** Begins to copy as soon as there is room, for which it waits. */
  void copyEntry(EntryCopy copy, Runnable whenDone) {
    filesInFlight.acquireUninterruptibly();
    tally.filesFound.increment();
    var _ =
        start(copy)
            .whenComplete((nothing, failure) -> {
              if (failure != null) {
                failed(copy.path(), failure);
              }
              tally.filesDone.increment();
              filesInFlight.release();
              whenDone.run();
            });
  }

  private CompletableFuture<Void> start(EntryCopy copy) {
    if (stopped) {
      return CompletableFuture.failedFuture(new NotAttempted());
    }
    try {
      return copy.start();
    } catch (RuntimeException defect) {
      // Its directory waits for this file whatever happens.
      return CompletableFuture.failedFuture(defect);
    }
  }

  /** Something could not be copied. */
  void failed(String path, Throwable failure) {
    Throwable cause = FsException.unwrapped(failure);
    if (cause instanceof NotAttempted) {
      return;
    }
    tally.failed(path, cause);
    if (options.failFast()) {
      stop();
    }
  }

  /** To be called when nothing is under way any more. */
  @Override
  public void close() {
    walkers.shutdown();
  }
}
