package io.adhocfs.client.core;

import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Puts a directory and all below it into a dataset, in memory bounded by its depth. A directory
 * comes in before it is listed, so what is made in it meanwhile is in as well. Datasets within stay
 * as they are.
 */
public final class DatasetWalk {
  private final ClientCore core;
  private final TreeSteps steps;
  private final int dataset;
  private final Set<Integer> within;
  private final AtomicLong seen;

  /**
   * @param whole ends the walk when it is cancelled
   * @param within the datasets that lie below the directory
   * @param seen is raised by each inode
   */
  public DatasetWalk(
      ClientCore core, Operation whole, int dataset, Set<Integer> within, AtomicLong seen) {
    this.core = core;
    this.steps = new TreeSteps(core, whole);
    this.dataset = dataset;
    this.within = within;
    this.seen = seen;
  }

  /** Completes when the walk is over. */
  public CompletableFuture<Void> run(InodeId directory) {
    return steps
        .step(operation -> core.namespace.fetchAttributes(operation, directory))
        .thenCompose(attributes -> takeIn(attributes, TreeSteps.DIRECTORIES_AT_ONCE_MAX));
  }

  private CompletableFuture<Void> takeIn(@Nullable FileAttributes inode, int atOnce) {
    if (inode == null || within.contains(inode.layout().dataset())) {
      return CompletableFuture.completedFuture(null);
    }
    seen.incrementAndGet();
    CompletableFuture<FileAttributes> set =
        inode.layout().dataset() == dataset
            ? CompletableFuture.completedFuture(inode)
            : steps.step(operation ->
                core.namespace.setAttributes(
                    operation, inode.id(), AttributeChange.NONE.withDataset(dataset)));
    return TreeSteps.unlessGone(
        inode.isDirectory()
            ? set.thenCompose(
                _ -> steps.forEach(inode.id(), true, atOnce, item -> takeIn(item.attributes(), 1)))
            : Completion.done(set));
  }
}
