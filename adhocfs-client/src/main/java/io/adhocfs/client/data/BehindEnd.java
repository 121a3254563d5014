package io.adhocfs.client.data;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.FileRequest.ChangeRange;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * Clears what a failed write or append has stored behind a file's end: those bytes must not show
 * when the file grows over them some day. Thread-safe.
 */
final class BehindEnd {
  private final Router router;
  private final LongSupplier wallClockNanos;

  BehindEnd(Router router, LongSupplier wallClockNanos) {
    this.router = router;
    this.wallClockNanos = wallClockNanos;
  }

  /** Clears a range where it lies behind the end; answers the attributes afterwards. */
  CompletableFuture<FileAttributes> clear(
      Operation operation, InodeId inode, long offset, long lengthBytes) {
    return router
        .sendStamped(
            operation,
            stamp ->
                new ChangeRange(
                    stamp,
                    inode,
                    offset,
                    lengthBytes,
                    true,
                    false,
                    true,
                    wallClockNanos.getAsLong()))
        .thenApply(Answers::attributes);
  }

  /**
   * Fails a write or append once its range is cleared; at once where its deadline has passed or its
   * program was interrupted.
   *
   * @param cleared when the range is cleared; its failure is added to the one that is told
   */
  static void fail(
      CompletableFuture<?> result,
      KnownFile file,
      FsException failure,
      CompletableFuture<FileAttributes> cleared) {
    if (failure.error() == FsError.TIMED_OUT || failure.error() == FsError.INTERRUPTED) {
      // Nobody is to wait for it any longer.
      result.completeExceptionally(failure);
    }
    Completion.then(
        cleared,
        (told, notCleared) -> {
          if (notCleared == null) {
            file.learn(told);
          } else if (notCleared != failure) {
            // A client that is closed fails both with one and the same.
            failure.addSuppressed(notCleared);
          }
          result.completeExceptionally(failure);
        });
  }
}
