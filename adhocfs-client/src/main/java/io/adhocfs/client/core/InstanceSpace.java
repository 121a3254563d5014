package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Space;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;

/** How much space the instance has, and whether that is enough. Thread-safe. */
public final class InstanceSpace {
  private final Space space;
  private final OperationSource operations;

  InstanceSpace(Router router, OperationSource operations) {
    this.space = new Space(router);
    this.operations = operations;
  }

  /** Space and inodes, asked from all nodes at once. */
  public CompletableFuture<Space.Totals> totals(Operation operation) {
    return space.totals(
        operation,
        nanos ->
            new Operation(
                operation::description,
                operation.trafficClass(),
                operations.timers(),
                Math.max(1, Math.min(nanos, operation.remainingNanos()))));
  }

  /** Fails with NO_SPACE unless there is room for so much more by now; sets nothing aside. */
  public CompletableFuture<Void> require(Operation operation, long growthBytes) {
    return totals(operation)
        .thenCompose(now -> {
          long availableBytes = now.space().availableBytes();
          return growthBytes <= availableBytes
              ? Completion.done()
              : CompletableFuture.failedFuture(
                  new FsException(
                      FsError.NO_SPACE, growthBytes + " bytes, with " + availableBytes + " left"));
        });
  }
}
