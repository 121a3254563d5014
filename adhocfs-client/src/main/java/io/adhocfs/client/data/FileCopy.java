package io.adhocfs.client.data;

import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Copies a range from one known file to another, or within one, piece after piece through this
 * process. What has been copied when something fails stays.
 */
public final class FileCopy {
  private static final int PIECE_BYTES = 4 << 20;

  /** Of one call: its caller asks again for the rest, and may be interrupted in between. */
  public static final long COPIED_BYTES_MAX = 64 << 20;

  private final FileData data;
  private final Operation reading;
  private final KnownFile source;
  private final Operation writing;
  private final KnownFile target;
  private final CompletableFuture<Long> result = new CompletableFuture<>();
  private long from;
  private long to;
  private long left;
  private long copied;

  FileCopy(
      FileData data, Operation reading, KnownFile source, Operation writing, KnownFile target) {
    this.data = data;
    this.reading = reading;
    this.source = source;
    this.writing = writing;
    this.target = target;
  }

  /**
   * How many bytes were copied: fewer than asked for at the source's end, or for a very long range.
   */
  CompletableFuture<Long> run(long fromByte, long toByte, long lengthBytes) {
    if (fromByte < 0 || toByte < 0 || lengthBytes < 0) {
      return CompletableFuture.failedFuture(
          new FsException(
              FsError.INVALID, "copy of " + lengthBytes + " from " + fromByte + " to " + toByte));
    }
    from = fromByte;
    to = toByte;
    left = Math.min(lengthBytes, COPIED_BYTES_MAX);
    if (source.inode().equals(target.inode()) && Math.abs(from - to) < left) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INVALID, "a copy of overlapping ranges of one file"));
    }
    next();
    return result;
  }

  private void next() {
    if (left == 0) {
      result.complete(copied);
      return;
    }
    Completion.then(
        data.read(reading, source, from, (int) Math.min(left, PIECE_BYTES), null),
        result,
        (bytes, failure) -> {
          if (failure != null) {
            failed(failure);
          } else {
            write(bytes);
          }
        });
  }

  private void write(ByteBuf bytes) {
    int length = bytes.readableBytes();
    if (length == 0) {
      bytes.release();
      result.complete(copied);
      return;
    }
    Completion.then(
        data.write(writing, target, List.of(new WritePiece(to, bytes))),
        result,
        (_, failure) -> {
          bytes.release();
          if (failure != null) {
            failed(failure);
            return;
          }
          from += length;
          to += length;
          left -= length;
          copied += length;
          next();
        });
  }

  private void failed(FsException failure) {
    if (copied > 0) {
      result.complete(copied);
    } else {
      result.completeExceptionally(failure);
    }
  }
}
