package io.adhocfs.client.transfer;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.Owner;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Copies files and trees between this host and an instance, or within an instance: recursively,
 * many files at a time, with modes, times, symbolic and hard links, holes, and owners where asked;
 * each copied file's size is compared.
 *
 * <p>What cannot be copied is reported, and the rest is copied. Directories are merged. Everything
 * else is made under a temporary name in its directory and gets its own name when it is whole, in
 * one step; what had that name is replaced, whatever it was (save a directory). So a reader sees
 * the old file or the new one, programs that have the old file open keep it, and so do its other
 * names; a symbolic link at the target is never followed (save the destination itself). A replaced
 * file's owner stays where this process may say so; everything else is the source's.
 *
 * <p>A copy that ends early leaves whole files and, where its process was killed, files under
 * temporary names; the next copy into that directory removes these. It can tell them from those of
 * a copy that is still running: the names say which process of which host they belong to, and what
 * other hosts' processes have left goes a day after it was last written.
 *
 * <p>A file is read to its end, whatever size it has told. One that changes meanwhile is reported;
 * the copy has what was read.
 *
 * <p>All requests travel in the traffic class of the given client: give it one that was opened with
 * {@code TrafficClass.STAGING}. Thread-safe; several copies may run at a time, each with its own
 * threads and bounds. Never to be run in a process that serves a mount it reads or writes.
 */
public final class Transfer implements AutoCloseable {
  private static final long PROGRESS_INTERVAL_MILLIS = 100;

  private final AdhocFileSystem fileSystem;
  private final TransferOptions options;
  private final Set<TreeCopy> running = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /** The client stays its owner's: {@link #close} does not close it. */
  public Transfer(AdhocFileSystem fileSystem, TransferOptions options) {
    this.fileSystem = fileSystem;
    this.options = options;
  }

  /**
   * Copies sources to a destination, named as cp -r does: into it if it is a directory, else as it.
   * Waits until everything is done; {@link #close} and an interrupt of this thread (whose flag
   * stays set) end it early, which takes as long as the requests under way.
   *
   * @param sources at least one; all on this host or all in the instance
   * @param listener called by this thread; what it throws ends the copy and is thrown here
   * @return what was done and what went wrong: ask it for {@link TransferReport#complete}
   * @throws FsException INVALID where nothing of it lies in the instance; NOT_DIRECTORY where
   *     several sources are to become one; what looking at the destination fails with; CLOSED
   */
  public TransferReport copy(
      List<TransferPath> sources, TransferPath destination, TransferListener listener)
      throws FsException {
    TransferPath.Place from = placeOf(sources);
    if (from == TransferPath.Place.HOST && destination.place() == TransferPath.Place.HOST) {
      throw new FsException(
          FsError.INVALID,
          sources.getFirst()
              + " and "
              + destination
              + " both lie on this host: use cp, or write the one in the instance as adhoc:/path");
    }
    try (var threads = new HostThreads(options.localThreads());
        var tree = new TreeCopy(options)) {
      var names = new TemporaryNames(new SecureRandom());
      var host = new HostPlace(options, threads, HostMounts.current(), names);
      var self = new Owner(LocalFiles.effectiveUserId(), LocalFiles.effectiveGroupId());
      var instance = new InstancePlace(fileSystem, options, self, names);
      var plan =
          new CopyPlan(
              tree,
              from == TransferPath.Place.HOST ? host : instance,
              destination.place() == TransferPath.Place.HOST ? host : instance,
              sources,
              destination);
      return run(tree, plan, listener);
    }
  }

  /** Ends the copies under way and refuses new ones. Returns at once. */
  @Override
  public void close() {
    closed = true;
    running.forEach(TreeCopy::stop);
  }

  private static TransferPath.Place placeOf(List<TransferPath> sources) throws FsException {
    if (sources.isEmpty()) {
      throw new FsException(FsError.INVALID, "nothing to copy");
    }
    TransferPath.Place place = sources.getFirst().place();
    for (TransferPath source : sources) {
      if (source.place() != place) {
        throw new FsException(
            FsError.INVALID,
            sources.getFirst()
                + " and "
                + source
                + " lie in different file systems: copy them one after the other");
      }
    }
    return place;
  }

  private TransferReport run(TreeCopy tree, CopyPlan plan, TransferListener listener)
      throws FsException {
    running.add(tree);
    try {
      if (closed) {
        throw new FsException(FsError.CLOSED, "this transfer has been closed");
      }
      return follow(tree, plan, listener);
    } finally {
      running.remove(tree);
    }
  }

  /** Waits for the end and tells how it goes meanwhile. */
  static TransferReport follow(TreeCopy tree, CopyPlan plan, TransferListener listener) {
    var speed = new Speed(System.nanoTime());
    var done = new CompletableFuture<Void>();
    boolean interrupted = false;
    RuntimeException thrown = null;
    try (TreeCount count = plan.count()) {
      if (tree.options().countAhead()) {
        count.start();
      }
      tree.walk(() -> plan.run(done));
      boolean over = false;
      while (!over) {
        try {
          done.get(PROGRESS_INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
          over = true;
        } catch (TimeoutException notYet) {
          // Time to tell how far it is.
        } catch (InterruptedException end) {
          interrupted = true;
          tree.stop();
        } catch (ExecutionException defect) {
          throw new IllegalStateException(defect);
        }
        if (thrown == null) {
          thrown = tell(tree, count, speed, listener);
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (thrown != null) {
      throw thrown;
    }
    return tree.tally().report(tree.stopped(), plan.becameDestination(), speed.elapsedNanos());
  }

  /** Returns what the listener threw, after which there is no use in going on. */
  private static @Nullable RuntimeException tell(
      TreeCopy tree, TreeCount count, Speed speed, TransferListener listener) {
    try {
      tree.tally().takeUnheard().forEach(listener::failed);
      listener.progress(speed.progress(tree, count));
      return null;
    } catch (RuntimeException failure) {
      tree.stop();
      return failure;
    }
  }

  /** How fast bytes have been copied lately. One thread's. */
  private static final class Speed {
    private static final int SAMPLES = 10;

    private final long startNanoTime;
    private final long[] sampleNanoTimes = new long[SAMPLES];
    private final long[] sampleBytes = new long[SAMPLES];
    private int samples;

    Speed(long startNanoTime) {
      this.startNanoTime = startNanoTime;
    }

    long elapsedNanos() {
      return System.nanoTime() - startNanoTime;
    }

    TransferProgress progress(TreeCopy tree, TreeCount count) {
      long now = System.nanoTime();
      long bytes = tree.tally().bytesMoved.sum();
      int slot = samples % SAMPLES;
      long sinceNanos = now - (samples < SAMPLES ? startNanoTime : sampleNanoTimes[slot]);
      long sinceBytes = bytes - (samples < SAMPLES ? 0 : sampleBytes[slot]);
      sampleNanoTimes[slot] = now;
      sampleBytes[slot] = bytes;
      samples++;
      double seconds = Math.max(sinceNanos, 1) / 1e9;
      return tree.tally()
          .progress(
              count.files(),
              count.bytes(),
              count.complete() || tree.everythingFound(),
              now - startNanoTime,
              (long) (sinceBytes / seconds));
    }
  }
}
