package io.adhocfs.client.transfer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts what a copy does and keeps what went wrong; written by all of its threads. */
final class Tally {
  private static final Logger log = LoggerFactory.getLogger(Tally.class);

  /** Errors that wait for the listener; it is told ten times a second. */
  private static final int UNHEARD_MAX = 100_000;

  final LongAdder filesFound = new LongAdder();
  final LongAdder filesDone = new LongAdder();
  final LongAdder bytesFound = new LongAdder();
  final LongAdder bytesDone = new LongAdder();
  final LongAdder bytesMoved = new LongAdder();
  final LongAdder regularFiles = new LongAdder();
  final LongAdder hardLinks = new LongAdder();
  final LongAdder directories = new LongAdder();
  final LongAdder symlinks = new LongAdder();
  final LongAdder nodes = new LongAdder();
  final LongAdder skipped = new LongAdder();
  private final LongAdder errorCount = new LongAdder();

  @GuardedBy("this")
  private final List<TransferError> kept = new ArrayList<>();

  @GuardedBy("this")
  private final Queue<TransferError> unheard = new ArrayDeque<>();

  void failed(String path, Throwable failure) {
    TransferError error = errorOf(path, failure);
    errorCount.increment();
    synchronized (this) {
      if (kept.size() < TransferReport.ERRORS_KEPT_MAX) {
        kept.add(error);
      }
      if (unheard.size() < UNHEARD_MAX) {
        unheard.add(error);
      }
    }
  }

  long errors() {
    return errorCount.sum();
  }

  /** Hands over the errors since the last call. */
  synchronized List<TransferError> takeUnheard() {
    List<TransferError> taken = List.copyOf(unheard);
    unheard.clear();
    return taken;
  }

  synchronized TransferReport report(
      boolean interrupted, boolean becameDestination, long elapsedNanos) {
    return new TransferReport(
        regularFiles.sum(),
        hardLinks.sum(),
        directories.sum(),
        symlinks.sum(),
        nodes.sum(),
        bytesMoved.sum(),
        skipped.sum(),
        errorCount.sum(),
        kept,
        interrupted,
        becameDestination,
        elapsedNanos);
  }

  /**
   * Done is summed before found, so that it is never more.
   *
   * @param filesCounted what a count ahead of the copy has found so far, as {@code bytesCounted};
   *     the copy may have found more
   */
  TransferProgress progress(
      long filesCounted,
      long bytesCounted,
      boolean everythingFound,
      long elapsedNanos,
      long bytesPerSecond) {
    long done = filesDone.sum();
    long doneBytes = bytesDone.sum();
    return new TransferProgress(
        Math.max(filesFound.sum(), filesCounted),
        done,
        directories.sum(),
        Math.max(bytesFound.sum(), bytesCounted),
        doneBytes,
        errorCount.sum(),
        everythingFound,
        elapsedNanos,
        bytesPerSecond);
  }

  private static TransferError errorOf(String path, Throwable failure) {
    Throwable cause = FsException.unwrapped(failure);
    if (cause instanceof FsException fs) {
      return new TransferError(path, fs.error(), String.valueOf(fs.getMessage()));
    }
    log.error("copying {} failed in a way it should not", path, cause);
    return new TransferError(path, FsError.INTERNAL, path + ": " + cause);
  }
}
