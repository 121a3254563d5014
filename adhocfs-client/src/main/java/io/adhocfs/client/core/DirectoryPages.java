package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.KnownFiles;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Reads directories page by page; the attributes of files that are open here cover what this client
 * has written to them. Thread-safe.
 */
public final class DirectoryPages {
  private final Namespace namespace;
  private final KnownFiles files;

  DirectoryPages(Namespace namespace, KnownFiles files) {
    this.namespace = namespace;
    this.files = files;
  }

  /**
   * Entries after a cookie (0 = from the start).
   *
   * @param form makes the caller's form of an entry
   */
  public <T> CompletableFuture<Namespace.Page<T>> read(
      Operation operation,
      InodeId directory,
      long afterCookie,
      int maxBytes,
      boolean withAttributes,
      Namespace.ItemForm<T> form) {
    return namespace.readDirectory(
        operation,
        directory,
        afterCookie,
        maxBytes,
        withAttributes,
        (name, inode, type, told) -> form.item(name, inode, type, withOwnSize(told)));
  }

  private @Nullable FileAttributes withOwnSize(@Nullable FileAttributes told) {
    KnownFile file = told == null ? null : files.get(told.id());
    return file == null || told == null ? told : file.withOwnSize(told);
  }
}
