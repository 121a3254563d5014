package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;

/**
 * Copies the data of one file up to where the file ends. That only reading tells: a size may be
 * made up, or not be true any more. So what the size covers is copied first, in pieces; then the
 * source is looked at again, until it has not grown, and of a source that does not tell its end,
 * what follows is read one piece after the other.
 */
final class ContentCopy {
  /** A piece of what no size tells of. */
  private static final int UNTOLD_PIECE_BYTES_MAX = 64 << 10;

  /**
   * How the copy ended.
   *
   * @param bytes where the source ended
   * @param sourceThen what the source was after its last byte was read
   */
  record End(long bytes, Facts sourceThen) {}

  private final TreeCopy tree;
  private final SourceFile source;
  private final TargetFile target;
  private final String path;
  private final long toldBytes;
  private final CompletableFuture<End> done = new CompletableFuture<>();

  /** Bytes of what the size covers that have been copied. */
  private final AtomicLong toldBytesDone = new AtomicLong();

  ContentCopy(TreeCopy tree, SourceFile source, TargetFile target, String path) {
    this.tree = tree;
    this.source = source;
    this.target = target;
    this.path = path;
    toldBytes = source.facts().sizeBytes();
  }

  /** Ends when nothing of it is under way any more, also when it fails. */
  CompletableFuture<End> start() {
    CompletableFuture<Long> copied =
        new StretchCopy(tree, source, this::copyPiece, 0, toldBytes).start();
    tell(
        // Holes, and what will not be copied any more: nothing of this is left to do.
        copied.whenComplete((_, _) -> tree.tally().bytesDone.add(toldBytes - toldBytesDone.get())),
        end -> afterStretch(end, toldBytes));
    return done;
  }

  private interface Next<T> {
    void then(T result);
  }

  /** Goes on with the result, or ends with the failure. */
  private <T> void tell(CompletableFuture<T> step, Next<T> next) {
    var _ =
        step.whenComplete((result, failure) -> {
          if (failure != null) {
            done.completeExceptionally(FsException.unwrapped(failure));
            return;
          }
          try {
            next.then(result);
          } catch (RuntimeException defect) {
            // Its directory waits for this file whatever happens.
            done.completeExceptionally(defect);
          }
        });
  }

  private void afterStretch(long end, long told) {
    if (end == told && !source.tellsItsEnd()) {
      readOn(end);
      return;
    }
    tell(
        source.factsNow(),
        now -> {
          if (end < told || now.sizeBytes() <= end) {
            finish(end, now);
            return;
          }
          long grown = now.sizeBytes();
          tell(
              new StretchCopy(tree, source, this::copyPiece, end, grown).start(),
              newEnd -> afterStretch(newEnd, grown));
        });
  }

  /** Reads what no size tells of: in order, since what is made up may not be read otherwise. */
  private void readOn(long offset) {
    int pieceBytes = Math.min(UNTOLD_PIECE_BYTES_MAX, tree.options().pieceBytes());
    tree.budget()
        .acquire(
            pieceBytes,
            () -> {
              CompletableFuture<Integer> piece = copyPiece(offset, pieceBytes);
              tell(
                  piece.whenComplete((_, _) -> tree.budget().release(pieceBytes)),
                  got -> {
                    if (got == pieceBytes) {
                      readOn(offset + got);
                    } else {
                      tell(source.factsNow(), now -> finish(offset + got, now));
                    }
                  });
            });
  }

  private void finish(long end, Facts now) {
    if (source.tellsItsEnd() && end != toldBytes && now.hasContentOf(source.facts())) {
      done.completeExceptionally(
          new FsException(
              FsError.CORRUPT,
              "%s: reading ended after %d of %d bytes".formatted(path, end, now.sizeBytes())));
      return;
    }
    done.complete(new End(end, now));
  }

  /** Copies so many bytes, or fewer where the source ends; answers how many. */
  private CompletableFuture<Integer> copyPiece(long offset, int length) {
    return tree.stopped()
        ? CompletableFuture.failedFuture(new NotAttempted())
        : source
            .read(offset, length)
            .thenCompose(data -> write(offset, data))
            .thenApply(got -> counted(offset, got));
  }

  private int counted(long offset, int got) {
    tree.tally().bytesMoved.add(got);
    if (offset < toldBytes) {
      toldBytesDone.addAndGet(got);
      tree.tally().bytesDone.add(got);
    }
    return got;
  }

  private CompletableFuture<Integer> write(long offset, ByteBuf data) {
    int length = data.readableBytes();
    if (length == 0) {
      data.release();
      return CompletableFuture.completedFuture(0);
    }
    if (tree.options().verification() == TransferOptions.Verification.SIZE) {
      return target.write(offset, data).thenApply(_ -> length);
    }
    long checksum = checksumOf(data);
    return target
        .write(offset, data)
        .thenCompose(_ -> target.read(offset, length))
        .thenCompose(copy -> compare(offset, length, checksum, copy));
  }

  /** Compares what was read back, and releases it. */
  private CompletableFuture<Integer> compare(long offset, int length, long checksum, ByteBuf copy) {
    try {
      if (copy.readableBytes() == length && checksumOf(copy) == checksum) {
        return CompletableFuture.completedFuture(length);
      }
      return CompletableFuture.failedFuture(
          new FsException(
              FsError.CORRUPT,
              path + ": the copy reads differently, in " + length + " bytes at " + offset));
    } finally {
      copy.release();
    }
  }

  private static long checksumOf(ByteBuf data) {
    var checksum = new CRC32C();
    for (ByteBuffer part : data.nioBuffers()) {
      checksum.update(part);
    }
    return checksum.getValue();
  }
}
