package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Between completions and the few threads that wait. */
final class Futures {
  private Futures() {}

  /** Waits for the answer; throws the failure itself. */
  static <T> T await(CompletableFuture<T> future) throws FsException {
    try {
      return future.join();
    } catch (CompletionException failure) {
      if (FsException.unwrapped(failure) instanceof FsException cause) {
        throw cause;
      }
      throw failure;
    }
  }

  /** Fails once the first is over, however that ends. */
  static <T> CompletableFuture<T> failAfter(CompletableFuture<?> first, Throwable failure) {
    var result = new CompletableFuture<T>();
    var _ =
        first.whenComplete((_, _) -> result.completeExceptionally(FsException.unwrapped(failure)));
    return result;
  }
}
