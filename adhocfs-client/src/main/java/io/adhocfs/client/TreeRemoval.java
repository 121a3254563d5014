package io.adhocfs.client;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Removes a directory with all below it, in memory bounded by its depth. */
final class TreeRemoval {
  private static final int PAGE_BYTES = 64 << 10;
  private static final int NAMES_AT_ONCE_MAX = 32;

  /** Directories side by side, near the top only: below, one after the other. */
  private static final int DIRECTORIES_AT_ONCE_MAX = 8;

  private final ClientCore core;
  private final PathWalk walk;
  private final Steps steps;

  /**
   * @param whole ends the removal when it is cancelled
   */
  TreeRemoval(ClientCore core, PathWalk walk, Operation whole) {
    this.core = core;
    this.walk = walk;
    this.steps = new Steps(core, whole);
  }

  CompletableFuture<Void> remove(AdhocPath path) {
    return step(operation -> walk.locate(operation, path, false))
        .thenCompose(place -> {
          EntryName name = place.name();
          if (place.found() == null) {
            return CompletableFuture.<Void>failedFuture(
                new FsException(FsError.NOT_FOUND, "there is nothing of this name"));
          }
          if (name == null) {
            return removeContents(place.directory(), DIRECTORIES_AT_ONCE_MAX);
          }
          return place.found().type() == FileType.DIRECTORY
              ? removeDirectory(
                  place.directory(), name, place.found().inode(), DIRECTORIES_AT_ONCE_MAX)
              : step(operation -> core.namespace.unlink(operation, place.directory(), name));
        });
  }

  private <T extends @Nullable Object> CompletableFuture<T> step(
      Function<Operation, CompletableFuture<T>> part) {
    return steps.step(part);
  }

  private CompletableFuture<Void> removeDirectory(
      InodeId parent, EntryName name, InodeId directory, int atOnce) {
    return removeContents(directory, atOnce)
        .thenCompose(
            _ -> gone(step(operation -> core.namespace.removeDirectory(operation, parent, name))));
  }

  private CompletableFuture<Void> removeContents(InodeId directory, int atOnce) {
    var done = new CompletableFuture<Void>();
    removeFrom(directory, 0, atOnce, done);
    return done;
  }

  private void removeFrom(
      InodeId directory, long cookie, int atOnce, CompletableFuture<Void> done) {
    Completion.then(
        step(operation ->
            core.namespace.readDirectory(
                operation, directory, cookie, PAGE_BYTES, false, DirectoryItem::new)),
        (page, failure) -> {
          if (failure != null) {
            FsException answer = Failures.of(failure);
            if (answer.error() == FsError.NOT_FOUND) {
              done.complete(null);
            } else {
              done.completeExceptionally(answer);
            }
            return;
          }
          Completion.then(
              removePage(directory, page, atOnce),
              (_, failed) -> {
                if (failed != null) {
                  done.completeExceptionally(Failures.of(failed));
                } else if (page.last()) {
                  done.complete(null);
                } else {
                  removeFrom(directory, page.nextCookie(), atOnce, done);
                }
              });
        });
  }

  private CompletableFuture<Void> removePage(
      InodeId directory, Namespace.Page<DirectoryItem> page, int atOnce) {
    List<DirectoryItem> names =
        page.items().stream().filter(item -> item.type() != FileType.DIRECTORY).toList();
    List<DirectoryItem> directories =
        page.items().stream().filter(item -> item.type() == FileType.DIRECTORY).toList();
    return Parallel.run(
            names.size(),
            NAMES_AT_ONCE_MAX,
            i ->
                gone(
                    step(operation ->
                        core.namespace.unlink(operation, directory, names.get(i).name()))))
        .thenCompose(_ ->
            Parallel.run(
                directories.size(),
                atOnce,
                i ->
                    removeDirectory(
                        directory, directories.get(i).name(), directories.get(i).inode(), 1)));
  }

  /** What has gone already is as good as removed. */
  private static CompletableFuture<Void> gone(CompletableFuture<Void> removal) {
    return Completion.done(
        Completion.compose(
            removal,
            (_, failure) ->
                failure == null || failure.error() == FsError.NOT_FOUND
                    ? CompletableFuture.completedFuture(true)
                    : CompletableFuture.<Boolean>failedFuture(failure)));
  }
}
