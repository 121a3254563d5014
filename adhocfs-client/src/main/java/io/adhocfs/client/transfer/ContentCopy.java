package io.adhocfs.client.transfer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Copies the data of one file in pieces, several at a time; holes are passed over. A piece holds
 * its bytes of the budget from before it is read until it is written (and, where checksums are
 * wanted, read back and compared).
 */
final class ContentCopy {
  /** Pieces of one file under way; the budget bounds them over all files. */
  private static final int PIECES_MAX = 16;

  /** The smallest hole that is looked for where a source cannot tell where its holes are. */
  private static final int HOLE_BYTES = 64 << 10;

  private static final ByteBuf ZEROES =
      Unpooled.unreleasableBuffer(Unpooled.directBuffer(HOLE_BYTES).writeZero(HOLE_BYTES));

  private final TreeCopy tree;
  private final SourceFile source;
  private final TargetFile target;
  private final String path;
  private final long sizeBytes;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  @GuardedBy("this")
  private long next;

  /** Up to where data is known to be from {@code next} on. */
  @GuardedBy("this")
  private long dataEnd;

  @GuardedBy("this")
  private int underWay;

  @GuardedBy("this")
  private long bytesDone;

  @GuardedBy("this")
  private boolean seeking;

  /** Whether the end has been told. */
  @GuardedBy("this")
  private boolean counted;

  /** Whether a thread is in {@link #pump}, and whether it must look once more before it leaves. */
  @GuardedBy("this")
  private boolean pumping;

  @GuardedBy("this")
  private boolean pumpAgain;

  @GuardedBy("this")
  private @Nullable Throwable failure;

  ContentCopy(TreeCopy tree, SourceFile source, TargetFile target, String path) {
    this.tree = tree;
    this.source = source;
    this.target = target;
    this.path = path;
    this.sizeBytes = source.facts().sizeBytes();
  }

  /** Ends when nothing of it is under way any more, also when it fails. */
  CompletableFuture<Void> start() {
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
    if (failure != null || seeking || underWay >= PIECES_MAX || next >= sizeBytes) {
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
    synchronized (this) {
      boolean over = failure != null || next >= sizeBytes;
      if (!over || underWay > 0 || seeking || counted) {
        return;
      }
      counted = true;
      failed = failure;
      // Holes, and what will not be copied any more: nothing of this file is left to do.
      tree.tally().bytesDone.add(sizeBytes - bytesDone);
    }
    if (failed == null) {
      done.complete(null);
    } else {
      done.completeExceptionally(failed);
    }
  }

  private void seek(long from) {
    var _ =
        source
            .nextData(from)
            .whenComplete((extent, problem) -> {
              synchronized (this) {
                seeking = false;
                if (problem != null) {
                  failure = problem;
                } else if (extent.start() >= extent.end()) {
                  next = sizeBytes;
                } else {
                  next = extent.start();
                  dataEnd = extent.end();
                }
              }
              pump();
            });
  }

  private void copyPiece(long offset, int length) {
    CompletableFuture<Void> piece =
        tree.stopped()
            ? CompletableFuture.failedFuture(new NotAttempted())
            : source.read(offset, length).thenCompose(data -> write(offset, length, data));
    var _ =
        piece.whenComplete((nothing, problem) -> {
          tree.budget().release(length);
          synchronized (this) {
            underWay--;
            if (problem == null) {
              bytesDone += length;
              tree.tally().bytesMoved.add(length);
              tree.tally().bytesDone.add(length);
            } else if (failure == null) {
              failure = problem;
            }
          }
          pump();
        });
  }

  private CompletableFuture<Void> write(long offset, int length, ByteBuf data) {
    if (data.readableBytes() != length) {
      int got = data.readableBytes();
      data.release();
      return CompletableFuture.failedFuture(
          new FsException(
              FsError.CHANGED,
              path
                  + ": became shorter while it was copied: "
                  + got
                  + " of "
                  + length
                  + " bytes at "
                  + offset));
    }
    if (tree.options().verification() == TransferOptions.Verification.SIZE) {
      return writeData(offset, data);
    }
    long checksum = checksumOf(data, 0);
    return writeData(offset, data)
        .thenCompose(written -> target.read(offset, length))
        .thenCompose(copy -> compare(offset, length, checksum, copy));
  }

  /**
   * Writes the buffer and releases it. Of a file that may have holes nobody knows of, only what is
   * not zero: the copy was empty, so the rest reads the same.
   */
  private CompletableFuture<Void> writeData(long offset, ByteBuf data) {
    if (!source.hidesHoles()) {
      return target.write(offset, data);
    }
    try {
      var written = CompletableFuture.<Void>completedFuture(null);
      int start = data.readerIndex();
      int at = start;
      while (at < data.writerIndex()) {
        int from = at;
        while (at < data.writerIndex() && !isZeroAt(data, start, at)) {
          at = blockEnd(data, start, at);
        }
        if (at > from) {
          CompletableFuture<Void> run =
              target.write(offset + from - start, data.retainedSlice(from, at - from));
          written = written.thenCombine(run, (first, second) -> null);
        } else {
          at = blockEnd(data, start, at);
        }
      }
      return written;
    } finally {
      data.release();
    }
  }

  private static int blockEnd(ByteBuf data, int start, int at) {
    int next = start + (at - start) / HOLE_BYTES * HOLE_BYTES + HOLE_BYTES;
    return Math.min(next, data.writerIndex());
  }

  private static boolean isZeroAt(ByteBuf data, int start, int at) {
    return ByteBufUtil.equals(data, at, ZEROES, 0, blockEnd(data, start, at) - at);
  }

  /**
   * Compares what was read back, and releases it. Where holes are looked for, zeroes at the end may
   * not be there yet: the size comes last.
   */
  private CompletableFuture<Void> compare(long offset, int length, long checksum, ByteBuf copy) {
    try {
      int missing = length - copy.readableBytes();
      if ((missing == 0 || source.hidesHoles()) && checksumOf(copy, missing) == checksum) {
        return CompletableFuture.completedFuture(null);
      }
      return CompletableFuture.failedFuture(
          new FsException(
              FsError.CORRUPT,
              path + ": the copy reads differently, in " + length + " bytes at " + offset));
    } finally {
      copy.release();
    }
  }

  /** Of the readable bytes and so many zeroes after them. */
  private static long checksumOf(ByteBuf data, int zeroes) {
    var checksum = new CRC32C();
    for (ByteBuffer part : data.nioBuffers()) {
      checksum.update(part);
    }
    for (int left = zeroes; left > 0; left -= HOLE_BYTES) {
      checksum.update(ZEROES.nioBuffer(0, Math.min(left, HOLE_BYTES)));
    }
    return checksum.getValue();
  }
}
