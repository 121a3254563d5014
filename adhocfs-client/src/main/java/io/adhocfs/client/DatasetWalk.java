package io.adhocfs.client;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Puts a directory and all below it into a dataset, in memory bounded by its depth. A directory
 * comes in before it is listed, so what is made in it meanwhile is in as well. Datasets within stay
 * as they are.
 */
final class DatasetWalk {
  private static final int PAGE_BYTES = 64 << 10;
  private static final int AT_ONCE_MAX = 32;

  /** Directories side by side, near the top only: below, one after the other. */
  private static final int DIRECTORIES_AT_ONCE_MAX = 8;

  private final ClientCore core;
  private final Steps steps;
  private final int dataset;
  private final Set<Integer> within;
  private final AtomicLong seen;

  /**
   * @param whole ends the walk when it is cancelled
   * @param within the datasets that lie below the directory
   * @param seen is raised by each inode
   */
  DatasetWalk(ClientCore core, Operation whole, int dataset, Set<Integer> within, AtomicLong seen) {
    this.core = core;
    this.steps = new Steps(core, whole);
    this.dataset = dataset;
    this.within = within;
    this.seen = seen;
  }

  CompletableFuture<Void> run(InodeId directory) {
    return steps
        .step(operation -> core.namespace.fetchAttributes(operation, directory))
        .thenCompose(attributes -> takeIn(attributes, DIRECTORIES_AT_ONCE_MAX));
  }

  private CompletableFuture<Void> takeIn(FileAttributes inode, int atOnce) {
    int now = inode.layout().policyId();
    if (within.contains(now)) {
      return CompletableFuture.completedFuture(null);
    }
    seen.incrementAndGet();
    CompletableFuture<FileAttributes> set =
        now == dataset
            ? CompletableFuture.completedFuture(inode)
            : steps.step(operation -> core.namespace.setPolicy(operation, inode.id(), dataset));
    return unlessGone(
        inode.isDirectory()
            ? set.thenCompose(_ -> contents(inode.id(), atOnce))
            : Completion.done(set));
  }

  private CompletableFuture<Void> contents(InodeId directory, int atOnce) {
    var done = new CompletableFuture<Void>();
    listFrom(directory, 0, atOnce, done);
    return done;
  }

  private void listFrom(InodeId directory, long cookie, int atOnce, CompletableFuture<Void> done) {
    Completion.then(
        steps.step(operation ->
            core.namespace.readDirectory(
                operation, directory, cookie, PAGE_BYTES, true, DirectoryItem::new)),
        (page, failure) -> {
          if (failure != null) {
            done.completeExceptionally(Failures.of(failure));
            return;
          }
          Completion.then(
              takeInPage(page, atOnce),
              (_, failed) -> {
                if (failed != null) {
                  done.completeExceptionally(Failures.of(failed));
                } else if (page.last()) {
                  done.complete(null);
                } else {
                  listFrom(directory, page.nextCookie(), atOnce, done);
                }
              });
        });
  }

  private CompletableFuture<Void> takeInPage(
      Namespace.Page<DirectoryItem> page, int directoriesAtOnce) {
    List<FileAttributes> all =
        page.items().stream().map(DirectoryItem::attributes).filter(a -> a != null).toList();
    List<FileAttributes> files = all.stream().filter(inode -> !inode.isDirectory()).toList();
    List<FileAttributes> directories = all.stream().filter(FileAttributes::isDirectory).toList();
    return Parallel.run(files.size(), AT_ONCE_MAX, i -> takeIn(files.get(i), 1))
        .thenCompose(_ ->
            Parallel.run(
                directories.size(), directoriesAtOnce, i -> takeIn(directories.get(i), 1)));
  }

  private static CompletableFuture<Void> unlessGone(CompletableFuture<Void> step) {
    return Completion.done(
        Completion.compose(
            step,
            (_, failure) ->
                failure == null || failure.error() == FsError.NOT_FOUND
                    ? CompletableFuture.completedFuture(true)
                    : CompletableFuture.<Boolean>failedFuture(failure)));
  }
}
