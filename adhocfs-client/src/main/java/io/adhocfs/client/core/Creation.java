package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import java.util.concurrent.CompletableFuture;

/** Makes inodes that are no directories. Thread-safe. */
public final class Creation {
  private final Namespace namespace;

  Creation(Namespace namespace) {
    this.namespace = namespace;
  }

  /** Makes an inode; EXISTS if the name is taken. */
  public CompletableFuture<FileAttributes> create(
      Operation operation, InodeId directory, EntryName name, NewInode what) {
    return namespace
        .create(operation, directory, name, what, true, 0)
        .thenCompose(made -> {
          FileAttributes attributes = made.found().attributes();
          return attributes != null
              ? CompletableFuture.completedFuture(attributes)
              : namespace.fetchAttributes(operation, made.found().inode());
        });
  }
}
