package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What is copied to where, as cp -r names it: into the destination if that is a directory, else as
 * the destination; the last component of a source names its copy, and a source without one ("/",
 * "dir/.", "..") stands for what is in it.
 */
final class CopyPlan {
  /** How the copies of the sources are named. */
  private record Destination(TransferPath path, boolean isDirectory, boolean exists) {}

  private final TreeCopy tree;
  private final CopyPlace sourcePlace;
  private final CopyPlace targetPlace;
  private final List<TransferPath> sources;
  private final Destination destination;

  /** Whether a directory was copied as the destination, which was not there. */
  private volatile boolean becameDestination;

  /** The walker's own: whether the directory that sources are copied into has been tidied. */
  private boolean tidied;

  /**
   * Looks at the destination; waits.
   *
   * @throws FsException NOT_DIRECTORY where several sources need one; what cannot be looked at
   */
  CopyPlan(
      TreeCopy tree,
      CopyPlace sourcePlace,
      CopyPlace targetPlace,
      List<TransferPath> sources,
      TransferPath target)
      throws FsException {
    this.tree = tree;
    this.sourcePlace = sourcePlace;
    this.targetPlace = targetPlace;
    this.sources = List.copyOf(sources);
    Facts facts = targetPlace.facts(target.path(), true);
    boolean isDirectory = facts != null && facts.isDirectory();
    if (sources.size() > 1 && !isDirectory) {
      throw new FsException(
          FsError.NOT_DIRECTORY,
          target + ": several things can only be copied into an existing directory");
    }
    if (facts == null && target.lastName() == null) {
      throw new FsException(FsError.NOT_FOUND, target + ": no such directory");
    }
    destination = new Destination(target, isDirectory, facts != null);
  }

  /** Counts what will be copied, when it is run. */
  TreeCount count() {
    return new TreeCount(tree, sourcePlace, sources);
  }

  boolean becameDestination() {
    return becameDestination;
  }

  /** Begins to copy all sources; for a walker, which waits. Ends with the last of them. */
  void run(CompletableFuture<Void> done) {
    boolean oneByOne = mayMeet();
    var all = CompletableFuture.<Void>completedFuture(null);
    for (TransferPath source : sources) {
      if (tree.stopped()) {
        break;
      }
      var copied = new CompletableFuture<Void>();
      try {
        begin(source, () -> copied.complete(null));
      } catch (FsException | RuntimeException failure) {
        tree.failed(source.toString(), failure);
        copied.complete(null);
      }
      if (oneByOne) {
        copied.join();
      } else {
        all = all.thenCombine(copied, (first, second) -> null);
      }
    }
    var _ = all.whenComplete((_, _) -> done.complete(null));
  }

  /** Whether two sources may be copied to the same names: the later one then comes later. */
  private boolean mayMeet() {
    if (sources.size() == 1) {
      return false;
    }
    var names = new HashSet<ByteBuffer>();
    for (TransferPath source : sources) {
      byte[] name = source.lastName();
      if (name == null || !names.add(ByteBuffer.wrap(name))) {
        return true;
      }
    }
    return false;
  }

  private void begin(TransferPath source, Runnable whenDone) throws FsException {
    byte[] name = source.lastName();
    boolean throughLink = name == null || source.endsWithSlash();
    Facts facts = sourcePlace.facts(source.path(), throughLink);
    if (facts == null) {
      throw new FsException(FsError.NOT_FOUND, source + ": no such file or directory");
    }
    if (throughLink && !facts.isDirectory()) {
      throw new FsException(FsError.NOT_DIRECTORY, source + ": not a directory");
    }
    if (facts.isDirectory()) {
      beginDirectory(source, name, whenDone);
    } else {
      beginEntry(source, new SourceDirectory.Entry(require(name), facts.type(), facts), whenDone);
    }
  }

  private void beginDirectory(TransferPath source, byte @Nullable [] name, Runnable whenDone)
      throws FsException {
    if (destination.exists && !destination.isDirectory) {
      throw new FsException(
          FsError.EXISTS,
          destination.path + ": is no directory, and " + source + " is to be copied there");
    }
    TargetDirectory made;
    if (destination.isDirectory && name == null) {
      made = targetPlace.openTarget(destination.path.path());
    } else {
      byte[] inside = destination.isDirectory ? destination.path.path() : destination.path.parent();
      byte[] as = destination.isDirectory ? require(name) : require(destination.path.lastName());
      try (TargetDirectory parent = targetPlace.openTarget(inside)) {
        made = Futures.await(parent.makeDirectory(as));
        becameDestination = !destination.isDirectory;
      }
    }
    tree.addTopTarget(made.facts());
    // Through a link only where the path says so: what is opened here has been looked at before.
    tree.walk(
        DirectoryCopy.ofSource(
            tree, () -> sourcePlace.openSource(source.path()), source.toString(), made, whenDone));
  }

  private void beginEntry(TransferPath source, SourceDirectory.Entry entry, Runnable whenDone)
      throws FsException {
    if (!destination.isDirectory && destination.path.endsWithSlash()) {
      throw new FsException(
          FsError.NOT_DIRECTORY, destination.path + ": there is no such directory");
    }
    byte[] inside = destination.isDirectory ? destination.path.path() : destination.path.parent();
    byte[] as = destination.isDirectory ? entry.name() : require(destination.path.lastName());
    SourceDirectory from = sourcePlace.openSource(source.parent());
    TargetDirectory into;
    try {
      into = openTidied(inside);
    } catch (FsException failure) {
      from.close();
      throw failure;
    }
    tree.copyEntry(
        new EntryCopy(tree, from, entry, CompletableFuture.completedFuture(into), as),
        () -> {
          from.close();
          into.close();
          whenDone.run();
        });
  }

  private TargetDirectory openTidied(byte[] directory) throws FsException {
    TargetDirectory opened = targetPlace.openTarget(directory);
    if (!tidied) {
      tidied = true;
      try {
        Futures.await(opened.removeAbandoned());
      } catch (FsException failure) {
        opened.close();
        throw failure;
      }
    }
    return opened;
  }

  private static byte[] require(byte @Nullable [] name) {
    if (name == null) {
      throw new IllegalStateException("a copy without a name");
    }
    return name;
  }
}
