package io.adhocfs.client;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.KnownFiles;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Reads directories page by page; the attributes of files that are open here cover what this client
 * has written to them. Thread-safe.
 */
final class DirectoryPages {
  private final Namespace namespace;
  private final KnownFiles files;

  DirectoryPages(Namespace namespace, KnownFiles files) {
    this.namespace = namespace;
    this.files = files;
  }

  /** As {@link InodeOperations#readDirectory}. */
  CompletableFuture<DirectoryPage> read(
      Operation operation,
      InodeId directory,
      long afterCookie,
      int maxBytes,
      boolean withAttributes) {
    return namespace
        .readDirectory(operation, directory, afterCookie, maxBytes, withAttributes, this::listed)
        .thenApply(page -> new DirectoryPage(page.items(), page.last(), page.nextCookie()));
  }

  private DirectoryItem listed(
      EntryName name, InodeId inode, FileType type, @Nullable FileAttributes told) {
    KnownFile file = told == null ? null : files.get(inode);
    return new DirectoryItem(
        name, inode, type, file == null || told == null ? told : file.withOwnSize(told));
  }
}
