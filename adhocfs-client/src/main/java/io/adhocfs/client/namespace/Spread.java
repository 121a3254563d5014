package io.adhocfs.client.namespace;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest.GetShares;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Into how many partitions each directory is spread, as far as this client has learned. A wrong
 * belief does no harm: whoever is asked by it answers SPREAD_CHANGED. Thread-safe.
 */
final class Spread {
  /** Only spread directories are kept; should there be more of them, all are learned anew. */
  private static final int KEPT_MAX = 16 << 10;

  /** The directory's home alone knows: the other partitions need not be asked. */
  private static final List<Integer> HOME = List.of(0);

  private final Router router;
  private final Map<InodeId, Integer> exponents = new ConcurrentHashMap<>();

  Spread(Router router) {
    this.router = router;
  }

  /** k of a directory: 0 for one that is not known to be spread. */
  int exponent(InodeId directory) {
    Integer known = exponents.get(directory);
    return known == null ? 0 : known;
  }

  EntryKey key(InodeId directory, EntryName name) {
    return new EntryKey(directory, exponent(directory), name);
  }

  /** Takes in what a directory is. */
  void learn(FileAttributes directory) {
    if (!directory.isDirectory() || directory.partitionExponent() == exponent(directory.id())) {
      return;
    }
    if (exponents.size() >= KEPT_MAX) {
      exponents.clear();
    }
    exponents.put(directory.id(), directory.partitionExponent());
  }

  /**
   * Runs what depends on the spread of directories; on SPREAD_CHANGED learns it anew and runs it
   * again, as a request of its own: the one that was refused did nothing.
   */
  <T> CompletableFuture<T> following(
      Operation operation, List<InodeId> directories, Supplier<CompletableFuture<T>> attempt) {
    var result = new CompletableFuture<T>();
    follow(operation, directories, attempt, 0, result);
    return result;
  }

  private <T> void follow(
      Operation operation,
      List<InodeId> directories,
      Supplier<CompletableFuture<T>> attempt,
      int failures,
      CompletableFuture<T> result) {
    Completion.then(
        attempt.get(),
        (value, failure) -> {
          if (failure == null) {
            result.complete(value);
            return;
          }
          FsException answer = Failures.of(failure);
          if (answer.error() != FsError.SPREAD_CHANGED) {
            result.completeExceptionally(answer.asCompletion());
            return;
          }
          Completion.then(
              learnAnew(operation, directories, answer, failures),
              (_, stop) -> {
                if (stop == null) {
                  follow(operation, directories, attempt, failures + 1, result);
                } else {
                  result.completeExceptionally(Failures.of(stop));
                }
              });
        });
  }

  private CompletableFuture<Void> learnAnew(
      Operation operation, List<InodeId> directories, FsException changed, int failures) {
    CompletableFuture<Void> done =
        failures == 0
            ? CompletableFuture.completedFuture(null)
            : router.pauseBeforeReplanning(operation, changed, failures);
    for (InodeId directory : directories) {
      done =
          Completion.done(
              done.thenCompose(_ -> router.send(operation, new GetShares(directory, HOME)))
                  .thenAccept(response -> learn(Answers.attributes(response))));
    }
    return done;
  }
}
