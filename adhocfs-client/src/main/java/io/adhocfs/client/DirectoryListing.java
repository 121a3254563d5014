package io.adhocfs.client;

import io.adhocfs.client.core.Await;
import io.adhocfs.client.core.ClientCore;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The entries of one directory, page by page, in bounded memory. "." and ".." are not among them.
 * Not thread-safe: one reader.
 */
public final class DirectoryListing {
  private static final int PAGE_BYTES = 256 << 10;

  private final ClientCore core;
  private final AdhocPath path;
  private final InodeId directory;
  private final boolean withAttributes;
  private final Deque<DirectoryItem> items = new ArrayDeque<>();
  private long cookie;
  private boolean last;

  DirectoryListing(ClientCore core, AdhocPath path, InodeId directory, boolean withAttributes) {
    this.core = core;
    this.path = path;
    this.directory = directory;
    this.withAttributes = withAttributes;
  }

  public InodeId directory() {
    return directory;
  }

  /** The next entry, or null at the end; waits for the next page where needed. */
  public @Nullable DirectoryItem next() throws FsException {
    while (items.isEmpty() && !last) {
      items.addAll(Await.result(nextPage()).items());
    }
    return items.poll();
  }

  /**
   * The next page; empty and {@code last} at the end. Not to be mixed with {@link #next}, and one
   * at a time.
   */
  public CompletableFuture<DirectoryPage> nextPage() {
    Operation operation = core.begin(() -> "listing of " + path);
    return operation.answer(
        core.pages
            .read(operation, directory, cookie, PAGE_BYTES, withAttributes, DirectoryItem::new)
            .thenApply(page -> {
              cookie = page.nextCookie();
              last = page.last();
              return DirectoryPage.of(page);
            }));
  }
}
