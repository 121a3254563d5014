package io.adhocfs.client;

import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The parts of something that takes as long as it takes: each has a deadline of its own, and none
 * begins once the whole is cancelled.
 */
record Steps(ClientCore core, Operation whole) {
  <T extends @Nullable Object> CompletableFuture<T> step(
      Function<Operation, CompletableFuture<T>> part) {
    if (whole.isCancelled()) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INTERRUPTED, whole.description() + ": interrupted"));
    }
    return part.apply(core.begin(whole::description));
  }
}
