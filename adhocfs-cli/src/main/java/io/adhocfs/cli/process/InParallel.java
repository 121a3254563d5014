package io.adhocfs.cli.process;

import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Does the same work for many nodes or mounts, several at a time. */
public final class InParallel {
  private static final int AT_A_TIME_MAX = 64;

  private InParallel() {}

  /** Work that waits. */
  public interface Work<T, R> {
    R run(T item) throws FsException;
  }

  /**
   * The outcome for one item: a result or a failure.
   *
   * @param result null if the work failed
   * @param failure null if the work did not fail
   */
  public record Outcome<T, R>(T item, @Nullable R result, @Nullable FsException failure) {}

  /**
   * Does the work for each item, even if some fail; returns the outcomes in the order of the items.
   */
  public static <T, R> List<Outcome<T, R>> run(List<T> items, Work<T, R> work) {
    if (items.isEmpty()) {
      return List.of();
    }
    List<Outcome<T, R>> outcomes = new ArrayList<>();
    try (ExecutorService executor =
        Executors.newFixedThreadPool(Math.min(items.size(), AT_A_TIME_MAX))) {
      List<Future<R>> futures = new ArrayList<>();
      for (T item : items) {
        futures.add(executor.submit(() -> work.run(item)));
      }
      for (int i = 0; i < futures.size(); i++) {
        T item = items.get(i);
        try {
          outcomes.add(new Outcome<>(item, futures.get(i).get(), null));
        } catch (ExecutionException e) {
          outcomes.add(new Outcome<>(item, null, FsException.of(e)));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
    return outcomes;
  }
}
