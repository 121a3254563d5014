package io.adhocfs.cli.process;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** The same work for many nodes or mounts, some at a time. */
public final class InParallel {
  private static final int AT_A_TIME_MAX = 64;

  private InParallel() {}

  /** Work that waits. */
  public interface Work<T, R> {
    R run(T item) throws FsException;
  }

  /**
   * What became of one item: a result or a failure.
   *
   * @param result null where it failed
   * @param failure null where it did not
   */
  public record Outcome<T, R>(T item, @Nullable R result, @Nullable FsException failure) {}

  /** Does the work for each item, to the end also when some fail; outcomes in the items' order. */
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
          outcomes.add(
              new Outcome<>(
                  item,
                  null,
                  e.getCause() instanceof FsException failure
                      ? failure
                      : new FsException(FsError.INTERNAL, String.valueOf(e.getCause()), e)));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
    return outcomes;
  }
}
