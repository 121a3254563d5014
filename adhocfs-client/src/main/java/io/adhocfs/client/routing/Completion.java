package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What comes after a future, with its failure as the FsException it is. A defect in what comes
 * after is never lost: it is logged, and where there is a result to fail, fails it.
 */
public final class Completion {
  private static final Logger log = LoggerFactory.getLogger(Completion.class);

  /** Takes a value, or a failure and null. */
  @FunctionalInterface
  public interface Action<T extends @Nullable Object> {
    // The value is not marked as nullable: where there is no failure, it is what the future says.
    void accept(T value, @Nullable FsException failure);
  }

  /** Goes on from a value, or from a failure and null. */
  @FunctionalInterface
  public interface Step<T extends @Nullable Object, U extends @Nullable Object> {
    CompletableFuture<U> apply(T value, @Nullable FsException failure);
  }

  private Completion() {}

  /** Success without a value. */
  public static CompletableFuture<Void> done() {
    return CompletableFuture.completedFuture(null);
  }

  /** The same future without its value. */
  public static CompletableFuture<Void> done(CompletableFuture<?> future) {
    return future.thenApply(_ -> null);
  }

  /** Runs an action when the future is done, by whichever thread does it. */
  public static <T extends @Nullable Object> void then(
      CompletableFuture<T> future, Action<? super T> action) {
    CompletableFuture<Boolean> _ =
        future.handle((value, failure) -> {
          try {
            action.accept(value, failure == null ? null : Failures.of(failure));
          } catch (RuntimeException | Error e) {
            log.error("a defect: what was to follow an answer failed", e);
            throw e;
          }
          return true;
        });
  }

  /**
   * As {@link #then(CompletableFuture, Action)}; a defect in the action is the result's failure.
   */
  public static <T extends @Nullable Object> void then(
      CompletableFuture<T> future, CompletableFuture<?> result, Action<? super T> action) {
    then(
        future,
        (value, failure) -> {
          try {
            action.accept(value, failure);
          } catch (RuntimeException | Error e) {
            result.completeExceptionally(Failures.of(e));
            throw e;
          }
        });
  }

  /** Goes on with another future, after success and failure alike. */
  public static <T extends @Nullable Object, U extends @Nullable Object>
      CompletableFuture<U> compose(CompletableFuture<T> future, Step<? super T, U> step) {
    var result = new CompletableFuture<U>();
    then(future, result, (value, failure) -> relay(step.apply(value, failure), result));
    return result;
  }

  /** Makes a result that of a future. */
  public static <T extends @Nullable Object> void relay(
      CompletableFuture<? extends T> future, CompletableFuture<T> result) {
    then(
        future,
        (value, failure) -> {
          if (failure == null) {
            result.complete(value);
          } else {
            result.completeExceptionally(failure.asCompletion());
          }
        });
  }
}
