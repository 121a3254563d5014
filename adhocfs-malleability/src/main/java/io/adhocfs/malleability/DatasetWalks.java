package io.adhocfs.malleability;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** Makes directories datasets, and takes what is in them in. One thread. */
final class DatasetWalks {
  /** How often the instance is told how far a walk is. */
  private static final long TELL_MILLIS = 1000;

  private final Instance instance;
  private final Agreement agreement;

  DatasetWalks(Instance instance, Agreement agreement) {
    this.instance = instance;
    this.agreement = agreement;
  }

  /**
   * The dataset of a directory, which becomes one unless it is: what rules and switches say of it
   * is about all that is below it. What is made there from now on belongs to it; what is there
   * already when it has been {@linkplain #walk walked}.
   *
   * @param path absolute, of a directory below the root: NOT_FOUND, NOT_DIRECTORY
   */
  Dataset of(String path) throws FsException {
    Dataset.requirePath(path);
    InodeId directory;
    try (AdhocFileSystem files = AdhocFileSystem.open(instance)) {
      FileAttributes attributes = files.stat(AdhocPath.ofText(path));
      if (!attributes.isDirectory()) {
        throw new FsException(FsError.NOT_DIRECTORY, path + " is no directory");
      }
      directory = attributes.id();
    }
    return of(directory, path);
  }

  /**
   * As the other, where it is known which directory has the path.
   *
   * @param path absolute and below the root
   */
  Dataset of(InodeId directory, String path) throws FsException {
    agreement.propose(new ControlCommand.AddDataset(directory, path));
    agreement.refresh();
    Dataset made = agreement.state().dataset(path);
    if (made == null) {
      throw new FsException(FsError.INTERNAL, "the dataset " + path + " is not there");
    }
    return made;
  }

  /**
   * Takes what is in a directory into its dataset, and says so to the instance, about once a second
   * and at the end. Blocks for as long as the tree is large. May be done again at any time, after
   * it was interrupted for one.
   *
   * @param progress hears how many inodes have been seen, when the instance does
   * @throws FsException INTERRUPTED where the thread is
   */
  void walk(Dataset dataset, LongConsumer progress) throws FsException {
    Set<Integer> within = ConcurrentHashMap.newKeySet();
    addThoseWithin(dataset, within);
    var seen = new AtomicLong();
    try (AdhocFileSystem files = AdhocFileSystem.open(instance)) {
      CompletableFuture<Void> walk =
          files.inodes().takeIntoDataset(dataset.directory(), dataset.id(), within, seen);
      boolean complete = false;
      while (!complete) {
        try {
          walk.get(TELL_MILLIS, TimeUnit.MILLISECONDS);
          complete = true;
        } catch (TimeoutException e) {
          // Not yet.
        } catch (ExecutionException e) {
          throw e.getCause() instanceof FsException failure
              ? failure
              : new FsException(FsError.INTERNAL, "the walk of " + dataset.path() + ": " + e, e);
        } catch (InterruptedException e) {
          walk.cancel(true);
          Thread.currentThread().interrupt();
          throw new FsException(FsError.INTERRUPTED, "the walk of " + dataset.path(), e);
        }
        agreement.propose(new ControlCommand.WalkDataset(dataset.id(), seen.get(), complete));
        progress.accept(seen.get());
        // One may have been made meanwhile.
        agreement.refresh();
        addThoseWithin(dataset, within);
      }
    }
  }

  private void addThoseWithin(Dataset dataset, Set<Integer> within) {
    for (Dataset other : agreement.state().datasets()) {
      if (other.id() != dataset.id() && other.isWithin(dataset)) {
        within.add(other.id());
      }
    }
  }
}
