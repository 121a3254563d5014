package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.KnownFiles;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The attributes of inodes, with the sizes and times that this client's writes through open handles
 * have led to and their owners have not been told. Thread-safe.
 */
public final class InodeAttributes {
  private final Namespace namespace;
  private final KnownFiles files;

  InodeAttributes(Namespace namespace, KnownFiles files) {
    this.namespace = namespace;
    this.files = files;
  }

  /** What is behind a name: NOT_FOUND, NOT_DIRECTORY. */
  public CompletableFuture<FileAttributes> lookup(
      Operation operation, InodeId directory, EntryName name) {
    return namespace
        .lookup(operation, directory, name)
        .thenCompose(found -> withOwnTimes(operation, found));
  }

  private CompletableFuture<FileAttributes> withOwnTimes(
      Operation operation, FileAttributes attributes) {
    KnownFile file = files.get(attributes.id());
    if (file == null) {
      return CompletableFuture.completedFuture(attributes);
    }
    file.learn(attributes);
    return unlessLost(
        file,
        file.holdsBytes()
            ? file.current(operation)
            : file.tellTimes(operation).thenApply(told -> told == null ? attributes : told),
        () -> CompletableFuture.completedFuture(attributes));
  }

  /** What an inode is now; its owner is told first of the times of this client's writes. */
  public CompletableFuture<FileAttributes> get(Operation operation, InodeId inode) {
    KnownFile file = files.get(inode);
    return file == null
        ? namespace.getAttributes(operation, inode)
        : unlessLost(
            file, file.current(operation), () -> namespace.getAttributes(operation, inode));
  }

  /** Sets attributes, all of the change or nothing; answers the inode as it is then. */
  public CompletableFuture<FileAttributes> set(
      Operation operation, InodeId inode, AttributeChange change) {
    if (change.isEmpty()) {
      return get(operation, inode);
    }
    KnownFile file = files.get(inode);
    // Times that this client owes for earlier writes must not come after the ones that are set.
    CompletableFuture<Void> before =
        file == null
            ? Completion.done()
            : unlessLost(file, Completion.done(file.tellTimes(operation)), Completion::done);
    return before
        .thenCompose(_ -> namespace.setAttributes(operation, inode, change))
        .thenApply(told -> {
          if (file != null) {
            file.learn(told);
          }
          return told;
        });
  }

  /** Completes when the owner of an inode knows how far this client's finished writes reach. */
  public CompletableFuture<Void> settle(Operation operation, InodeId inode) {
    KnownFile file = files.get(inode);
    return file == null
        ? Completion.done()
        : unlessLost(file, file.settle(operation), Completion::done);
  }

  /** Takes in what an owner has told of an inode, which may be open here; answers the same. */
  public FileAttributes learned(FileAttributes told) {
    KnownFile file = files.get(told.id());
    if (file != null) {
      file.learn(told);
    }
    return told;
  }

  /**
   * What comes of a file that is open here; when that turns out to be lost meanwhile, what comes of
   * one that is not.
   */
  private static <T extends @Nullable Object> CompletableFuture<T> unlessLost(
      KnownFile file, CompletableFuture<T> open, Supplier<CompletableFuture<T>> otherwise) {
    return Completion.compose(
        open,
        (value, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(value);
          }
          return failure.error() == FsError.SESSION_EXPIRED && !file.isAlive()
              ? otherwise.get()
              : CompletableFuture.<T>failedFuture(failure.asCompletion());
        });
  }
}
