package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;

/**
 * Takes the file capability away before a write that passes the kernel's cache; before others the
 * kernel does so itself. One for each such handle. Thread-safe.
 */
final class WrittenCapability {
  private static final CompletableFuture<Void> NOTHING_TO_DO =
      CompletableFuture.completedFuture(null);

  private final InodeOperations inodes;

  /** The change time of the file when it was last found to have none; setting one moves that. */
  private volatile long absentAtNanos = Long.MIN_VALUE;

  WrittenCapability(InodeOperations inodes) {
    this.inodes = inodes;
  }

  /**
   * Whether there may be one.
   *
   * @param known what the client heard of the file last
   */
  boolean mayBeThere(FileAttributes known) {
    return known.hasExtendedAttributes() && known.ctimeNanos() != absentAtNanos;
  }

  /** Completes when there is none any more. */
  CompletableFuture<Void> clear(FileAttributes known) {
    CompletableFuture<Void> cleared =
        inodes
            .getExtendedAttribute(known.id(), ExtendedAttributeNames.capability())
            .thenCompose(_ ->
                inodes.removeExtendedAttribute(known.id(), ExtendedAttributeNames.capability()))
            .thenAccept(_ -> {});
    return cleared
        .exceptionallyCompose(failure -> isAbsent(failure) ? NOTHING_TO_DO : cleared)
        .thenAccept(_ -> absentAtNanos = known.ctimeNanos());
  }

  private static boolean isAbsent(Throwable failure) {
    return FsException.unwrapped(failure) instanceof FsException answer
        && answer.error() == FsError.NO_ATTRIBUTE;
  }
}
