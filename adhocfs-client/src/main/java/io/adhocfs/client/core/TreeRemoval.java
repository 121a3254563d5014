package io.adhocfs.client.core;

import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Removes a directory with all below it, in memory bounded by its depth. */
public final class TreeRemoval {
  private final ClientCore core;
  private final PathWalk walk;
  private final TreeSteps steps;

  /**
   * @param whole ends the removal when it is cancelled
   */
  public TreeRemoval(ClientCore core, PathWalk walk, Operation whole) {
    this.core = core;
    this.walk = walk;
    this.steps = new TreeSteps(core, whole);
  }

  /** Removes what a path names; of the root, what is below it. NOT_FOUND. */
  public CompletableFuture<Void> remove(List<Optional<EntryName>> path) {
    return steps
        .step(operation -> walk.locate(operation, path, false))
        .thenCompose(place -> {
          EntryName name = place.name();
          if (place.found() == null) {
            return CompletableFuture.<Void>failedFuture(
                new FsException(FsError.NOT_FOUND, "there is nothing of this name"));
          }
          if (name == null) {
            return removeContents(place.directory(), TreeSteps.DIRECTORIES_AT_ONCE_MAX);
          }
          return place.found().type() == FileType.DIRECTORY
              ? removeDirectory(
                  place.directory(), name, place.found().inode(), TreeSteps.DIRECTORIES_AT_ONCE_MAX)
              : steps.step(operation -> core.namespace.unlink(operation, place.directory(), name));
        });
  }

  private CompletableFuture<Void> removeDirectory(
      InodeId parent, EntryName name, InodeId directory, int atOnce) {
    return removeContents(directory, atOnce)
        .thenCompose(_ ->
            TreeSteps.unlessGone(
                steps.step(operation -> core.namespace.removeDirectory(operation, parent, name))));
  }

  private CompletableFuture<Void> removeContents(InodeId directory, int atOnce) {
    return TreeSteps.unlessGone(
        steps.forEach(
            directory,
            false,
            atOnce,
            item ->
                item.type() == FileType.DIRECTORY
                    ? removeDirectory(directory, item.name(), item.inode(), 1)
                    : TreeSteps.unlessGone(
                        steps.step(operation ->
                            core.namespace.unlink(operation, directory, item.name())))));
  }
}
