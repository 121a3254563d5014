package io.adhocfs.client;

import io.adhocfs.client.namespace.Space;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.SettingChange;
import java.util.concurrent.CompletableFuture;

/** How much space the instance has, and whether that is enough. Thread-safe. */
final class InstanceSpace {
  private final Space space;
  private final OperationSource operations;
  private final Router router;

  InstanceSpace(Router router, OperationSource operations) {
    this.space = new Space(router);
    this.operations = operations;
    this.router = router;
  }

  /** As {@link InodeOperations#statistics}. */
  CompletableFuture<Statistics> statistics(Operation operation) {
    return space
        .totals(
            operation,
            nanos ->
                new Operation(
                    operation::description,
                    operation.trafficClass(),
                    operations.timers(),
                    Math.max(1, Math.min(nanos, operation.remainingNanos()))))
        .thenApply(totals ->
            new Statistics(
                totals.space().totalBytes(),
                totals.space().availableBytes(),
                totals.inodesUsed() + totals.space().inodesAvailable(),
                totals.space().inodesAvailable(),
                router.switches().of(SettingChange.WHOLE_INSTANCE).chunkSizeBytes()));
  }

  /** Fails with NO_SPACE unless there is room for so much more by now; sets nothing aside. */
  CompletableFuture<Void> require(Operation operation, long growthBytes) {
    return statistics(operation)
        .thenCompose(now ->
            growthBytes <= now.availableBytes()
                ? Completion.done()
                : CompletableFuture.failedFuture(
                    new FsException(
                        FsError.NO_SPACE,
                        growthBytes + " bytes, with " + now.availableBytes() + " left")));
  }
}
