package io.adhocfs.fuse;

import io.adhocfs.client.OpenFile;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A file that the kernel has open. Thread-safe.
 *
 * @param appends whether writes go to the end of the file, wherever the kernel thinks that is
 * @param direct whether the kernel bypasses its page cache, so that reads ask the owner for the
 *     size
 * @param writesThrough whether each write has to be stored before it returns, whatever the switches
 *     say
 * @param access moves the access time when the file is read; null = reading does not move it
 * @param capability removes the file's capability when the file is written; null = the kernel does
 *     so
 */
record FileHandle(
    OpenFile file,
    boolean appends,
    boolean direct,
    boolean writesThrough,
    CachedVersions.Pages pages,
    @Nullable AccessTime access,
    @Nullable WrittenCapability capability) {

  /** Sends the access time to the owner if reading has moved it. Never fails. */
  CompletableFuture<Void> tellAccess() {
    return access == null
        ? CompletableFuture.completedFuture(null)
        : access.tell(file.lastKnownAttributes());
  }
}
