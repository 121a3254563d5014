package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import java.util.concurrent.CompletableFuture;

/**
 * The set-user-id and set-group-id bits, which a file loses when a program without privileges
 * writes or cuts it. The kernel says in the request whether it does so. Thread-safe.
 */
final class SetIdBits {
  private final InodeOperations inodes;

  SetIdBits(InodeOperations inodes) {
    this.inodes = inodes;
  }

  /** Whether a request takes away bits that the file has. */
  static boolean go(Request request, FileAttributes attributes) {
    return request.clearsSetId() && attributes.modeWithoutSetId() != attributes.mode();
  }

  /** Clears the bits if they {@link #go}; completes with the attributes that the file has then. */
  CompletableFuture<FileAttributes> cleared(Request request, FileAttributes attributes) {
    return go(request, attributes)
        ? inodes.setAttributes(attributes.id(), AttributeChange.NONE.withSetIdCleared())
        : CompletableFuture.completedFuture(attributes);
  }
}
