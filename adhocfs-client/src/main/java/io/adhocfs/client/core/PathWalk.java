package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Found;
import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Finds what a path names, component by component. Thread-safe; keeps nothing between walks. */
public final class PathWalk {
  /** Symbolic links followed in one walk; as Linux has it. */
  private static final int SYMLINKS_MAX = 40;

  private static final Found ROOT = new Found(InodeId.ROOT, FileType.DIRECTORY, null);

  /**
   * Where a path ends.
   *
   * @param directory that the last name is in; of a path without one, the inode itself
   * @param name the last name; null of the root and of what ".." leads to
   * @param found what has the name; null = nothing
   */
  public record Place(InodeId directory, @Nullable EntryName name, @Nullable Found found) {}

  private final Namespace namespace;

  public PathWalk(Namespace namespace) {
    this.namespace = namespace;
  }

  /**
   * Where a path ends.
   *
   * @param path its components, as {@link PathSteps} has them
   * @param followLast whether a symbolic link at its end is followed
   */
  public CompletableFuture<Place> locate(
      Operation operation, List<Optional<EntryName>> path, boolean followLast) {
    return locate(operation, path, followLast, false);
  }

  private CompletableFuture<Place> locate(
      Operation operation,
      List<Optional<EntryName>> path,
      boolean followLast,
      boolean asksForLast) {
    var walk = new Walk(operation, path, followLast, asksForLast);
    walk.step();
    return walk.result;
  }

  /** What a path names; NOT_FOUND if nothing. */
  public CompletableFuture<Found> find(
      Operation operation, List<Optional<EntryName>> path, boolean followLast) {
    return found(locate(operation, path, followLast, false));
  }

  /** As {@link #find}, where that is all that is wanted and not a part of something else. */
  public CompletableFuture<Found> lookUp(
      Operation operation, List<Optional<EntryName>> path, boolean followLast) {
    return found(locate(operation, path, followLast, true));
  }

  private static CompletableFuture<Found> found(CompletableFuture<Place> located) {
    return located.thenCompose(place ->
        place.found() != null
            ? CompletableFuture.completedFuture(place.found())
            : CompletableFuture.failedFuture(notFound(place)));
  }

  private static FsException notFound(Place place) {
    return new FsException(
        FsError.NOT_FOUND, "there is no '" + place.name() + "' in inode " + place.directory());
  }

  /** One walk; one request is under way at a time. */
  private final class Walk {
    private final Operation operation;
    private final boolean followLast;
    private final boolean asksForLast;
    private final Deque<Optional<EntryName>> ahead;
    final CompletableFuture<Place> result = new CompletableFuture<>();
    private Place here = new Place(InodeId.ROOT, null, ROOT);
    private Found current = ROOT;
    private int symlinks;

    Walk(
        Operation operation,
        List<Optional<EntryName>> path,
        boolean followLast,
        boolean asksForLast) {
      this.operation = operation;
      this.followLast = followLast;
      this.asksForLast = asksForLast;
      this.ahead = new ArrayDeque<>(path);
    }

    void step() {
      Optional<EntryName> next = ahead.poll();
      if (next == null) {
        result.complete(here);
        return;
      }
      if (current.type() != FileType.DIRECTORY) {
        fail(
            FsError.NOT_DIRECTORY, "'" + here.name() + "' is no directory but a " + current.type());
        return;
      }
      if (next.isPresent()) {
        enter(next.get());
      } else {
        leave();
      }
    }

    private void enter(EntryName name) {
      InodeId directory = current.inode();
      Completion.then(
          namespace.find(operation, directory, name, !(asksForLast && ahead.isEmpty())),
          (found, failure) -> {
            if (failure != null) {
              FsException answer = Failures.of(failure);
              if (answer.error() == FsError.NOT_FOUND && ahead.isEmpty()) {
                result.complete(new Place(directory, name, null));
              } else {
                result.completeExceptionally(answer);
              }
            } else if (found.type() == FileType.SYMLINK && (followLast || !ahead.isEmpty())) {
              follow(found);
            } else {
              here = new Place(directory, name, found);
              current = found;
              step();
            }
          });
    }

    private void leave() {
      Completion.then(
          namespace.fetchAttributes(operation, current.inode()),
          (attributes, failure) -> {
            if (failure != null) {
              result.completeExceptionally(Failures.of(failure));
            } else {
              current = new Found(attributes.parent(), FileType.DIRECTORY, null);
              here = new Place(attributes.parent(), null, current);
              step();
            }
          });
    }

    private void follow(Found symlink) {
      if (++symlinks > SYMLINKS_MAX) {
        fail(FsError.TOO_MANY_SYMLINKS, "more than " + SYMLINKS_MAX + " symbolic links");
        return;
      }
      Completion.then(
          namespace.readSymlink(operation, symlink.inode()),
          (target, failure) -> {
            if (failure != null) {
              result.completeExceptionally(Failures.of(failure));
              return;
            }
            List<Optional<EntryName>> steps;
            try {
              steps = PathSteps.of(target);
            } catch (FsException e) {
              result.completeExceptionally(e);
              return;
            }
            for (int i = steps.size() - 1; i >= 0; i--) {
              ahead.push(steps.get(i));
            }
            if (target.length > 0 && target[0] == '/') {
              current = ROOT;
              here = new Place(InodeId.ROOT, null, ROOT);
            }
            step();
          });
    }

    private void fail(FsError error, String message) {
      result.completeExceptionally(new FsException(error, message));
    }
  }
}
