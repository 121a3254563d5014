package io.adhocfs.client.core;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Turns the asynchronous form of an operation into the one that waits. */
public final class Await {
  private Await() {}

  /**
   * Waits for the answer. An interrupted thread cancels the operation, stays interrupted and gets
   * INTERRUPTED.
   */
  public static <T extends @Nullable Object> T result(CompletableFuture<T> future)
      throws FsException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "the waiting thread was interrupted", e);
    } catch (CancellationException e) {
      throw new FsException(FsError.INTERRUPTED, "cancelled", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof FsException failure) {
        throw failure;
      }
      throw new IllegalStateException("an operation failed by a defect", e.getCause());
    }
  }
}
