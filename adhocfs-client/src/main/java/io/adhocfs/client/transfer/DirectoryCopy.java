package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Copies one directory: a walker lists it while its copy is being made, and what is found is copied
 * into the copy as soon as that is there. When everything in it is done, the copy gets the source's
 * attributes and both sides are closed.
 */
final class DirectoryCopy implements Runnable {
  /** Deeper trees cannot be reached by a path, and each level holds a descriptor. */
  private static final int DEPTH_MAX = 4096;

  private final TreeCopy tree;
  private final SourceOpener opener;
  private final String path;
  private final CompletableFuture<TargetDirectory> target;
  private final Runnable whenDone;
  private final int depth;

  /** The listing, and everything found in it that is not done yet. */
  private final AtomicInteger unfinished = new AtomicInteger(1);

  /** Written by the walker before anything in it is copied. */
  private volatile @Nullable SourceDirectory source;

  /** Whether the listing came to its end. */
  private volatile boolean listed;

  /** Opens the source; waits. */
  interface SourceOpener {
    SourceDirectory open() throws FsException;
  }

  /**
   * A copy that is to be made.
   *
   * @param path of the source, for people
   * @param target the copy, being made; closed when done
   * @param whenDone called once, when nothing of it is under way any more, from any thread
   */
  DirectoryCopy(
      TreeCopy tree,
      SourceOpener opener,
      String path,
      CompletableFuture<TargetDirectory> target,
      Runnable whenDone,
      int depth) {
    this.tree = tree;
    this.opener = opener;
    this.path = path;
    this.target = target;
    this.whenDone = whenDone;
    this.depth = depth;
    var unused =
        target.whenComplete((made, failure) -> {
          if (failure != null) {
            tree.failed(path, failure);
          }
        });
  }

  /** Lists the directory; for a walker, which waits here for listings and for room. */
  @Override
  public void run() {
    try {
      list();
    } catch (FsException failure) {
      tree.failed(path, failure);
    } catch (RuntimeException | Error failure) {
      tree.failed(path, failure);
      tree.stop();
    } finally {
      release();
    }
  }

  private void list() throws FsException {
    if (tree.stopped()) {
      return;
    }
    SourceDirectory opened = opener.open();
    source = opened;
    if (tree.isTopTarget(opened.facts())) {
      throw new FsException(FsError.INVALID, path + ": cannot be copied into itself");
    }
    CompletableFuture<TargetDirectory> into =
        target.exceptionallyCompose(failure -> CompletableFuture.failedFuture(TreeCopy.NO_TARGET));
    while (!tree.stopped() && !target.isCompletedExceptionally()) {
      List<SourceDirectory.Entry> entries = opened.nextEntries();
      if (entries.isEmpty()) {
        listed = true;
        return;
      }
      for (SourceDirectory.Entry entry : entries) {
        if (tree.stopped()) {
          return;
        }
        unfinished.incrementAndGet();
        if (entry.type() == FileType.DIRECTORY) {
          copyDirectory(opened, entry, into);
        } else {
          tree.copyEntry(new EntryCopy(tree, opened, entry, into, entry.name()), this::release);
        }
      }
    }
  }

  private void copyDirectory(
      SourceDirectory opened,
      SourceDirectory.Entry entry,
      CompletableFuture<TargetDirectory> into) {
    String innerPath = opened.display(entry.name());
    if (depth >= DEPTH_MAX) {
      tree.failed(
          innerPath,
          new FsException(
              FsError.NAME_TOO_LONG, innerPath + ": more than " + DEPTH_MAX + " levels deep"));
      release();
      return;
    }
    tree.walk(
        new DirectoryCopy(
            tree,
            () -> opened.openDirectory(entry),
            innerPath,
            into.thenCompose(directory -> directory.makeDirectory(entry.name())),
            this::release,
            depth + 1));
  }

  /** One thing less to do; the last one finishes the directory. */
  private void release() {
    if (unfinished.decrementAndGet() > 0) {
      return;
    }
    SourceDirectory opened = source;
    boolean complete = listed && opened != null && !tree.stopped();
    CompletableFuture<Void> finished =
        target.thenCompose(made ->
            complete && opened != null
                ? made.finish(opened.facts()).thenRun(() -> tree.tally().directories.increment())
                : CompletableFuture.completedFuture(null));
    var unused =
        finished.whenComplete((nothing, failure) -> {
          if (failure != null && !target.isCompletedExceptionally()) {
            tree.failed(path, failure);
          }
          if (opened != null) {
            opened.close();
          }
          if (!target.isCompletedExceptionally()) {
            target.join().close();
          }
          whenDone.run();
        });
  }
}
