package io.adhocfs.client.core;

import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Sets the sizes of regular files, in order with this client's own writes to them. Thread-safe. */
public final class Truncation {
  private final ClientCore core;

  Truncation(ClientCore core) {
    this.core = core;
  }

  /** Sets a size, up or down; done when no reader sees what was cut any more. */
  public CompletableFuture<FileAttributes> truncate(
      Operation operation, InodeId inode, long sizeBytes) {
    KnownFile known = core.files.get(inode);
    if (known == null || operation.belongsToSession()) {
      return truncate(operation, known, inode, sizeBytes);
    }
    // A cut of what is open here is a write: it must not come late either, when a lock that stands
    // behind it is lost.
    Operation ofHandle = core.begin(known, operation::description);
    operation.cancelsToo(ofHandle);
    return truncate(ofHandle, known, inode, sizeBytes);
  }

  private CompletableFuture<FileAttributes> truncate(
      Operation operation, @Nullable KnownFile known, InodeId inode, long sizeBytes) {
    core.files.beginCut(inode);
    CompletableFuture<Void> settled = known == null ? Completion.done() : known.settle(operation);
    return settled
        .thenCompose(_ -> core.namespace.truncate(operation, inode, sizeBytes))
        .thenApply(core.attributes::learned)
        .whenComplete((_, failure) -> core.files.endCut(inode, isCertain(failure)))
        .thenCompose(now -> core.recalls.tellOthers(operation, now.id()).thenApply(_ -> now));
  }

  /** Whether an operation that ended so has happened, or never will. */
  private static boolean isCertain(@Nullable Throwable failure) {
    if (failure == null) {
      return true;
    }
    FsError error = Failures.of(failure).error();
    return error != FsError.TIMED_OUT
        && error != FsError.INTERRUPTED
        && error != FsError.SESSION_EXPIRED;
  }
}
