package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The parts of something that is done to a whole tree, in memory bounded by its depth: each has a
 * deadline of its own, and none begins once the whole is cancelled.
 */
record TreeSteps(ClientCore core, Operation whole) {
  /** Directories side by side, near the top only: below, one after the other. */
  static final int DIRECTORIES_AT_ONCE_MAX = 8;

  private static final int PAGE_BYTES = 64 << 10;
  private static final int ITEMS_AT_ONCE_MAX = 32;

  <T extends @Nullable Object> CompletableFuture<T> step(
      Function<Operation, CompletableFuture<T>> part) {
    if (whole.isCancelled()) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INTERRUPTED, whole.description() + ": interrupted"));
    }
    return part.apply(core.begin(whole::description));
  }

  /**
   * Does something with all that is in a directory, page by page: in each the directories last.
   *
   * @param directoriesAtOnce so many of them are under way side by side
   */
  CompletableFuture<Void> forEach(
      InodeId directory,
      boolean withAttributes,
      int directoriesAtOnce,
      Function<Entry, CompletableFuture<Void>> work) {
    var done = new CompletableFuture<Void>();
    forEachFrom(directory, 0, withAttributes, directoriesAtOnce, work, done);
    return done;
  }

  private void forEachFrom(
      InodeId directory,
      long cookie,
      boolean withAttributes,
      int directoriesAtOnce,
      Function<Entry, CompletableFuture<Void>> work,
      CompletableFuture<Void> done) {
    Completion.then(
        step(operation ->
            core.namespace.readDirectory(
                operation, directory, cookie, PAGE_BYTES, withAttributes, Entry::new)),
        (page, failure) -> {
          if (failure != null) {
            done.completeExceptionally(Failures.of(failure));
            return;
          }
          Completion.then(
              forEachOf(page, directoriesAtOnce, work),
              (_, failed) -> {
                if (failed != null) {
                  done.completeExceptionally(Failures.of(failed));
                } else if (page.last()) {
                  done.complete(null);
                } else {
                  forEachFrom(
                      directory, page.nextCookie(), withAttributes, directoriesAtOnce, work, done);
                }
              });
        });
  }

  private static CompletableFuture<Void> forEachOf(
      Namespace.Page<Entry> page,
      int directoriesAtOnce,
      Function<Entry, CompletableFuture<Void>> work) {
    List<Entry> others =
        page.items().stream().filter(item -> item.type() != FileType.DIRECTORY).toList();
    List<Entry> directories =
        page.items().stream().filter(item -> item.type() == FileType.DIRECTORY).toList();
    return Parallel.run(others.size(), ITEMS_AT_ONCE_MAX, i -> work.apply(others.get(i)))
        .thenCompose(_ ->
            Parallel.run(
                directories.size(), directoriesAtOnce, i -> work.apply(directories.get(i))));
  }

  /** The same step, but done as well when what it is about has gone meanwhile. */
  static CompletableFuture<Void> unlessGone(CompletableFuture<Void> step) {
    return Completion.done(
        Completion.compose(
            step,
            (_, failure) ->
                failure == null || failure.error() == FsError.NOT_FOUND
                    ? CompletableFuture.completedFuture(true)
                    : CompletableFuture.<Boolean>failedFuture(failure)));
  }
}
