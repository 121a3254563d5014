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
  private final TargetMaker maker;
  private final Runnable whenDone;
  private final int depth;

  /** The copy, once it is there; fails when it cannot be, which is reported here once. */
  private final CompletableFuture<TargetDirectory> target = new CompletableFuture<>();

  /** The listing, and everything found in it that is not done yet. */
  private final AtomicInteger unfinished = new AtomicInteger(1);

  /** Written by the walker before anything in it is copied. */
  private volatile @Nullable SourceDirectory source;

  /** Whether the copy has been asked for: by who makes this, or else by the walker. */
  private boolean targetWanted;

  /** Whether the listing came to its end. */
  private volatile boolean listed;

  /** Opens the source; waits. */
  interface SourceOpener {
    SourceDirectory open() throws FsException;
  }

  /** Makes the copy, or finds it; does not wait. */
  interface TargetMaker {
    CompletableFuture<TargetDirectory> make();
  }

  private DirectoryCopy(
      TreeCopy tree,
      SourceOpener opener,
      String path,
      TargetMaker maker,
      Runnable whenDone,
      int depth) {
    this.tree = tree;
    this.opener = opener;
    this.path = path;
    this.maker = maker;
    this.whenDone = whenDone;
    this.depth = depth;
  }

  /**
   * The copy of a source itself, whose copy is there.
   *
   * @param path of the source, for people
   * @param made the copy; closed when done
   * @param whenDone called once, when nothing of it is under way any more, from any thread
   */
  static DirectoryCopy ofSource(
      TreeCopy tree, SourceOpener opener, String path, TargetDirectory made, Runnable whenDone) {
    var copy =
        new DirectoryCopy(
            tree, opener, path, () -> CompletableFuture.completedFuture(made), whenDone, 0);
    // At once: whatever becomes of the source, the copy is there and has to be closed.
    copy.makeTarget();
    return copy;
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
      // Where it was not even asked for; else this changes nothing.
      if (!targetWanted) {
        target.completeExceptionally(new NotAttempted());
      }
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
    if (!targetWanted) {
      makeTarget();
    }
    CompletableFuture<TargetDirectory> into =
        target.exceptionallyCompose(failure -> CompletableFuture.failedFuture(new NotAttempted()));
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
        if (TemporaryName.is(entry.name())) {
          continue; // half of a copy: the other run's, or what is left of it
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

  /** Not before it is known that the source is not itself something that is being copied into. */
  private void makeTarget() {
    targetWanted = true;
    var _ =
        maker
            .make()
            .thenCompose(DirectoryCopy::tidied)
            .whenComplete((made, failure) -> {
              if (failure == null) {
                target.complete(made);
              } else {
                // First: what waits for this may end the whole copy.
                tree.failed(path, failure);
                target.completeExceptionally(failure);
              }
            });
  }

  private static CompletableFuture<TargetDirectory> tidied(TargetDirectory made) {
    return made.removeAbandoned()
        .thenApply(_ -> made)
        .whenComplete((_, failure) -> {
          if (failure != null) {
            made.close();
          }
        });
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
            () -> into.thenCompose(directory -> directory.makeDirectory(entry.name())),
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
                ? opened
                    .userAttributes()
                    .thenCompose(attributes ->
                        attributes.isEmpty()
                            ? CompletableFuture.<Void>completedFuture(null)
                            : made.setAttributes(attributes))
                    .thenCompose(_ -> made.finish(opened.facts()))
                    .thenRun(() -> tree.tally().directories.increment())
                : CompletableFuture.completedFuture(null));
    var _ =
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
