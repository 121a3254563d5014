package io.adhocfs.client.transfer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Copies a stretch of a file in pieces, several at a time; holes are passed over. A piece holds its
 * bytes of the budget from before it is read until it is written and, where that is wanted, read
 * back.
 */
final class StretchCopy {
  /** Pieces of one file under way; the budget bounds them over all files. */
  private static final int PIECES_MAX = 16;

  /** Copies one piece: so many bytes, or fewer where the source ends; answers how many. */
  interface PieceCopy {
    CompletableFuture<Integer> copy(long offset, int lengthBytes);
  }

  private final TreeCopy tree;
  private final SourceFile source;
  private final PieceCopy pieces;
  private final long told;
  private final CompletableFuture<Long> done = new CompletableFuture<>();

  @GuardedBy("this")
  private long next;

  /** Where the stretch ends: earlier than it was told once a piece has met the source's end. */
  @GuardedBy("this")
  private long end;

  /** Up to where data is known to be from {@code next} on. */
  @GuardedBy("this")
  private long dataEnd;

  @GuardedBy("this")
  private int underWay;

  @GuardedBy("this")
  private boolean seeking;

  /** Whether the end has been told. */
  @GuardedBy("this")
  private boolean over;

  /** Whether a thread is in {@link #pump}, and whether it must look once more before it leaves. */
  @GuardedBy("this")
  private boolean pumping;

  @GuardedBy("this")
  private boolean pumpAgain;

  @GuardedBy("this")
  private @Nullable Throwable failure;

  /** The stretch from {@code from} to {@code told}. */
  StretchCopy(TreeCopy tree, SourceFile source, PieceCopy pieces, long from, long told) {
    this.tree = tree;
    this.source = source;
    this.pieces = pieces;
    this.told = told;
    next = from;
    end = told;
  }

  /**
   * Ends when nothing of it is under way any more, also when it fails.
   *
   * @return where the source ended, if that was before the end of the stretch; else that
   */
  CompletableFuture<Long> start() {
    pump();
    return done;
  }

  /**
   * Starts what may be started. Completions call it too, possibly while it runs and in its own
   * thread, so it is a loop instead of a recursion.
   */
  private void pump() {
    synchronized (this) {
      if (pumping) {
        pumpAgain = true;
        return;
      }
      pumping = true;
    }
    while (true) {
      Runnable step = nextStep();
      if (step != null) {
        step.run();
        continue;
      }
      synchronized (this) {
        if (!pumpAgain) {
          pumping = false;
          break;
        }
        pumpAgain = false;
      }
    }
    completeIfOver();
  }

  private synchronized @Nullable Runnable nextStep() {
    if (failure != null || seeking || underWay >= PIECES_MAX || next >= end) {
      return null;
    }
    if (next >= dataEnd) {
      seeking = true;
      long from = next;
      return () -> seek(from);
    }
    int pieceBytes = tree.options().pieceBytes();
    long offset = next;
    // Pieces end at multiples of their size, so that they meet the ends of chunks.
    int length = (int) Math.min(dataEnd - offset, pieceBytes - offset % pieceBytes);
    next += length;
    underWay++;
    return () -> tree.budget().acquire(length, () -> copyPiece(offset, length));
  }

  private void completeIfOver() {
    Throwable failed;
    long reached;
    synchronized (this) {
      boolean mayEnd = failure != null || next >= end;
      if (!mayEnd || underWay > 0 || seeking || over) {
        return;
      }
      over = true;
      failed = failure;
      reached = end;
    }
    if (failed == null) {
      done.complete(reached);
    } else {
      done.completeExceptionally(failed);
    }
  }

  private void seek(long from) {
    var _ =
        source
            .nextData(from, told)
            .whenComplete((extent, problem) -> {
              synchronized (this) {
                seeking = false;
                if (problem != null) {
                  failure = problem;
                } else if (extent.start() >= extent.end()) {
                  next = told;
                } else {
                  next = extent.start();
                  dataEnd = extent.end();
                }
              }
              pump();
            });
  }

  private void copyPiece(long offset, int length) {
    var _ =
        pieces
            .copy(offset, length)
            .whenComplete((got, problem) -> {
              tree.budget().release(length);
              synchronized (this) {
                underWay--;
                if (problem == null && got < length) {
                  end = Math.min(end, offset + got);
                } else if (problem != null && failure == null) {
                  failure = problem;
                }
              }
              pump();
            });
  }
}
