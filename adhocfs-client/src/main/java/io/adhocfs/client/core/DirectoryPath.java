package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Finds the path of a directory: climbs by its parents, and looks in each for the name that leads
 * down. Then it walks the path, so that what it has put together while somebody renamed directories
 * is not taken for one that there is.
 */
public final class DirectoryPath {
  /** Directories that move all the time are not followed for ever. */
  private static final int TRIES_MAX = 10;

  private static final int PAGE_BYTES = 64 << 10;

  private final Namespace namespace;
  private final Operation operation;
  private final InodeId directory;

  public DirectoryPath(Namespace namespace, Operation operation, InodeId directory) {
    this.namespace = namespace;
    this.operation = operation;
    this.directory = directory;
  }

  /**
   * The names that lead to it, from the root on. NOT_FOUND, NOT_DIRECTORY; BUSY where it or those
   * above it are moved again and again.
   */
  public CompletableFuture<List<EntryName>> find() {
    return find(1);
  }

  private CompletableFuture<List<EntryName>> find(int tries) {
    return namespace
        .fetchAttributes(operation, directory)
        .thenCompose(attributes -> {
          if (!attributes.isDirectory()) {
            return failed(FsError.NOT_DIRECTORY, "it is a " + attributes.type());
          }
          return Completion.compose(
              climb(attributes, new ArrayDeque<>()).thenCompose(this::walked),
              (path, failure) -> {
                if (failure == null) {
                  return CompletableFuture.completedFuture(path);
                }
                if (failure.error() != FsError.NOT_FOUND
                    && failure.error() != FsError.NOT_DIRECTORY) {
                  return CompletableFuture.failedFuture(failure);
                }
                return tries < TRIES_MAX
                    ? find(tries + 1)
                    : failed(FsError.BUSY, "it, or a directory above it, is being moved");
              });
        });
  }

  /**
   * The names that lead to a directory, with more behind them.
   *
   * @param names is changed
   */
  private CompletableFuture<List<EntryName>> climb(FileAttributes from, Deque<EntryName> names) {
    if (from.id().equals(InodeId.ROOT)) {
      return CompletableFuture.completedFuture(List.copyOf(names));
    }
    return nameIn(from.parent(), from.id(), 0)
        .thenCompose(name -> {
          if (name == null) {
            return failed(FsError.NOT_FOUND, "it has just left inode " + from.parent());
          }
          names.addFirst(name);
          return namespace
              .fetchAttributes(operation, from.parent())
              .thenCompose(parent -> climb(parent, names));
        });
  }

  /** The name of a directory in another, by the entries after a cookie; null if it has none. */
  private CompletableFuture<@Nullable EntryName> nameIn(
      InodeId parent, InodeId child, long cookie) {
    return namespace
        .readDirectory(operation, parent, cookie, PAGE_BYTES, false, Entry::new)
        .thenCompose(page -> {
          for (Entry item : page.items()) {
            if (item.inode().equals(child)) {
              return CompletableFuture.completedFuture(item.name());
            }
          }
          return page.last()
              ? CompletableFuture.completedFuture(null)
              : nameIn(parent, child, page.nextCookie());
        });
  }

  /** The names, if they lead here. */
  private CompletableFuture<List<EntryName>> walked(List<EntryName> path) {
    return new PathWalk(namespace)
        .find(operation, path.stream().map(Optional::of).toList(), false)
        .thenCompose(found ->
            found.inode().equals(directory)
                ? CompletableFuture.completedFuture(path)
                : failed(FsError.NOT_FOUND, "its path leads to inode " + found.inode()));
  }

  private static <T> CompletableFuture<T> failed(FsError error, String message) {
    return CompletableFuture.failedFuture(new FsException(error, message));
  }
}
