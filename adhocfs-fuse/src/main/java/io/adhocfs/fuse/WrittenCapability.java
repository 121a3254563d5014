package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;

/**
 * Removes the file capability before a write that bypasses the kernel's cache; before other writes
 * the kernel does so itself. One object for each such handle. Thread-safe.
 */
final class WrittenCapability {
  private static final CompletableFuture<Void> NOTHING_TO_DO =
      CompletableFuture.completedFuture(null);

  private final InodeOperations inodes;

  /**
   * The change time of the file when it was last found to have no capability; setting a capability
   * moves the change time.
   */
  private volatile long absentAtNanos = Long.MIN_VALUE;

  WrittenCapability(InodeOperations inodes) {
    this.inodes = inodes;
  }

  /**
   * Whether the file may have a capability.
   *
   * @param known the last attributes of the file that the client has got
   */
  boolean mayBeThere(FileAttributes known) {
    return known.hasExtendedAttributes() && known.ctimeNanos() != absentAtNanos;
  }

  /** Removes the capability; completes when the file has none any more. */
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
