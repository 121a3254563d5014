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
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * The datasets of an instance: directories that have limits or switches of their own. Makes
 * directories datasets, and adds their existing files. Threads and errors are those of the {@link
 * Controller}.
 */
public final class Datasets {
  /** How often the instance is told the progress of a walk. */
  private static final long TELL_MILLIS = 1000;

  private final Instance instance;
  private final Agreement agreement;

  Datasets(Instance instance, Agreement agreement) {
    this.instance = instance;
    this.agreement = agreement;
  }

  /** All datasets, with the progress of their walks. */
  public List<Dataset> list() {
    return agreement.state().datasets();
  }

  /**
   * The dataset of a directory, made if the directory is not a dataset yet: limits with its {@link
   * Dataset#scope()} and its switches hold for everything below the directory. Files made there
   * from now on belong to the dataset at once, existing files when the directory has been
   * {@linkplain #walk walked}.
   *
   * @param path absolute, of a directory below the root: NOT_FOUND, NOT_DIRECTORY
   */
  public Dataset of(String path) throws FsException {
    Dataset.requirePath(path);
    InodeId directory;
    try (AdhocFileSystem files = AdhocFileSystem.open(instance)) {
      FileAttributes attributes = files.stat(AdhocPath.ofText(path));
      if (!attributes.isDirectory()) {
        throw new FsException(FsError.NOT_DIRECTORY, path + " is not a directory");
      }
      directory = attributes.id();
    }
    return of(directory, path);
  }

  /**
   * As {@link #of(String)}, if the caller knows the inode of the directory at this path.
   *
   * @param path absolute and below the root
   */
  public Dataset of(InodeId directory, String path) throws FsException {
    agreement.propose(new ControlCommand.AddDataset(directory, path));
    agreement.refresh();
    Dataset made = agreement.state().dataset(path);
    if (made == null) {
      throw new FsException(FsError.INTERNAL, "the dataset " + path + " was not made");
    }
    return made;
  }

  /**
   * Adds the existing files of a directory to its dataset, and tells the instance the progress,
   * about once a second and at the end. Blocks until the whole tree has been walked. A walk may be
   * repeated at any time, for example after an interruption.
   *
   * @param progress told how many inodes have been seen, whenever the instance is told
   * @throws FsException INTERRUPTED if the thread is interrupted
   */
  public void walk(Dataset dataset, LongConsumer progress) throws FsException {
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
          // The walk goes on.
        } catch (ExecutionException e) {
          throw FsException.of(e);
        } catch (InterruptedException e) {
          walk.cancel(true);
          Thread.currentThread().interrupt();
          throw new FsException(
              FsError.INTERRUPTED, "interrupted: the walk of " + dataset.path(), e);
        }
        agreement.propose(new ControlCommand.WalkDataset(dataset.id(), seen.get(), complete));
        progress.accept(seen.get());
        // A dataset within this one may have been made meanwhile.
        agreement.refresh();
        addThoseWithin(dataset, within);
      }
    }
  }

  private void addThoseWithin(Dataset dataset, Set<Integer> within) {
    for (Dataset other : list()) {
      if (other.id() != dataset.id() && other.isWithin(dataset)) {
        within.add(other.id());
      }
    }
  }
}
