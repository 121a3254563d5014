package io.adhocfs.fuse.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel's page cache of the files that are open, kept from being older than what the kernel is
 * told.
 *
 * <p><b>When pages go.</b> Each open inode has the stamp of its pages (what {@link
 * io.adhocfs.fuse.InodeFileSystem#pagesStamp} says). Attributes of another stamp mean that somebody
 * else has changed the data: the kernel is told to drop the pages, by a thread that answers no
 * requests, and whoever is to be told these attributes waits until the kernel has done it. An
 * answer to a read never waits: the kernel drops a page that is being read only after that.
 *
 * <p><b>Sizes.</b> An order to drop pages also makes the kernel pass over the attributes that it
 * has asked for until then, so the answer that waited does not raise the inode's size, up to which
 * alone the kernel reads. A size that has grown is therefore raised by storing the file's last byte
 * in the cache. One that has shrunk need not be told: the next read finds the end.
 *
 * <p><b>Modification times</b> drop nothing. The kernel would drop all pages at each new time, also
 * where only this mount has written; so it is told the time that it has, in answers that no program
 * sees, and the true one in those that a program sees ({@link Replies}).
 *
 * <p>Thread-safe. One entry for each open inode, and a table of constant size that forgets at will.
 */
final class CachedPages {
  private static final Logger LOG = LoggerFactory.getLogger(CachedPages.class);

  private static final int TOLD_FILES = 1 << 12;

  /** What is done to the cache of an inode; each call returns when it has been done. */
  interface Kernel {
    /** Drops all pages of an inode, after waiting for those that are being read or written. */
    void dropPages(long node);

    /** Puts bytes into the cache; the inode's size covers them afterwards. */
    void store(long node, long offset, ByteBuf bytes);
  }

  /** Knows of the files. */
  interface Files {
    /** What {@link io.adhocfs.fuse.InodeFileSystem#pagesStamp} says. */
    long stamp(FileAttributes attributes);

    /** The last byte of a file that is not empty; empty where nothing is known of it. */
    CompletableFuture<ByteBuf> lastByte(FileAttributes attributes);
  }

  /** An inode that the kernel has open. */
  private static final class OpenInode {
    /** How many handles there are; changed within the map's entry only. */
    int handles;

    /** Of the pages that the kernel has once the last drop is over. */
    @GuardedBy("this")
    long stamp;

    /** The kernel's size is this or has been changed by writes of this mount. */
    @GuardedBy("this")
    long sizeBytes;

    /** Completes, never failing, when the last drop is over; null = there is none. */
    @GuardedBy("this")
    @Nullable CompletableFuture<Void> drop;
  }

  private final Kernel kernel;
  private final Files files;
  private final Executor notifier;
  private final ConcurrentHashMap<Long, OpenInode> open = new ConcurrentHashMap<>();

  /**
   * What the kernel was told last of a regular file, with the time that it was told.
   *
   * @param mayHavePages whether it has been open here
   */
  private record Told(FileAttributes attributes, long mtimeNanos, boolean mayHavePages) {}

  private final AtomicReferenceArray<@Nullable Told> told = new AtomicReferenceArray<>(TOLD_FILES);

  /**
   * @param notifier runs what waits for the kernel, on threads that answer no requests
   */
  CachedPages(Kernel kernel, Files files, Executor notifier) {
    this.kernel = kernel;
    this.files = files;
    this.notifier = notifier;
  }

  /**
   * A handle is about to be answered: from now on the file may have pages, of what is told here or
   * later.
   *
   * @param sizeIsKnown whether the kernel has the size: from this answer, or with the pages that it
   *     keeps
   * @return what the answer has to wait for; null = nothing
   */
  @Nullable CompletableFuture<Void> opened(FileAttributes attributes, boolean sizeIsKnown) {
    if (attributes.type() != FileType.REGULAR) {
      return null;
    }
    long node = attributes.id().value();
    Told last = find(attributes);
    if (last == null || !last.mayHavePages) {
      Told now = last == null ? new Told(attributes, attributes.mtimeNanos(), false) : last;
      put(new Told(now.attributes, now.mtimeNanos, true));
    }
    var made = new OpenInode();
    OpenInode inode =
        open.compute(
            node,
            (_, known) -> {
              OpenInode now = known == null ? made : known;
              now.handles++;
              return now;
            });
    if (inode != made) {
      return current(attributes);
    }
    synchronized (inode) {
      // Until there is a handle the kernel uses no pages, and it drops those that are too old when
      // it takes the handle, or is not asked to keep them.
      inode.stamp = files.stamp(attributes);
      boolean knowsSize =
          sizeIsKnown
              || attributes.sizeBytes() == 0
              || (last != null
                  && last.attributes.dataVersion() == attributes.dataVersion()
                  && last.attributes.sizeBytes() >= attributes.sizeBytes());
      if (!knowsSize) {
        drop(inode, attributes);
      }
      inode.sizeBytes = attributes.sizeBytes();
      return inode.drop;
    }
  }

  /** A handle that was answered is closed. */
  void closed(long node) {
    open.computeIfPresent(node, (_, inode) -> --inode.handles == 0 ? null : inode);
  }

  /**
   * What has to be waited for before the kernel is told these attributes; null = nothing. The pages
   * of an open file are of these attributes' data then, or of newer, and the kernel's size covers
   * theirs.
   */
  @Nullable CompletableFuture<Void> current(FileAttributes attributes) {
    OpenInode inode = open.get(attributes.id().value());
    if (inode == null) {
      return null;
    }
    synchronized (inode) {
      long stamp = files.stamp(attributes);
      if (inode.stamp != stamp) {
        inode.stamp = stamp;
        drop(inode, attributes);
        inode.sizeBytes = attributes.sizeBytes();
      } else if (attributes.sizeBytes() > inode.sizeBytes) {
        // Of the same stamp: this mount's writes through the kernel have made it larger.
        inode.sizeBytes = attributes.sizeBytes();
      }
      CompletableFuture<Void> last = inode.drop;
      if (last != null && last.isDone()) {
        inode.drop = null;
        return null;
      }
      return last;
    }
  }

  /** As {@link #current}, for whoever answers nothing. */
  CompletableFuture<Void> dropOlder(FileAttributes attributes) {
    CompletableFuture<Void> drop = current(attributes);
    return drop == null ? CompletableFuture.completedFuture(null) : drop;
  }

  /** Begins to drop an inode's pages, after the drop that is under way: it may be half done. */
  private void drop(OpenInode inode, FileAttributes attributes) {
    synchronized (inode) {
      CompletableFuture<Void> before =
          inode.drop == null ? CompletableFuture.completedFuture(null) : inode.drop;
      CompletableFuture<@Nullable ByteBuf> lastByte =
          attributes.sizeBytes() > inode.sizeBytes
              ? files.lastByte(attributes).handle((bytes, failure) -> bytesOf(bytes, failure))
              : CompletableFuture.completedFuture(null);
      inode.drop =
          before
              .thenCombine(lastByte, (_, bytes) -> bytes)
              .thenAcceptAsync(bytes -> drop(attributes, bytes), notifier)
              .exceptionally(failure -> {
                LOG.error("pages of inode {} stay", attributes.id(), failure);
                return null;
              });
    }
  }

  private static @Nullable ByteBuf bytesOf(@Nullable ByteBuf bytes, @Nullable Throwable failure) {
    if (failure != null) {
      // Whoever reads there gets the same error, or asks again.
      LOG.debug("a file's end is not there", failure);
    }
    return bytes;
  }

  private void drop(FileAttributes attributes, @Nullable ByteBuf lastByte) {
    long node = attributes.id().value();
    kernel.dropPages(node);
    if (lastByte != null) {
      try {
        if (lastByte.isReadable()) {
          kernel.store(node, attributes.sizeBytes() - 1, lastByte);
        }
      } finally {
        lastByte.release();
      }
    }
  }

  /**
   * The kernel is about to be told attributes.
   *
   * @param mayMislead whether it asks again before it tells a program
   * @return the modification time to tell
   */
  long tell(FileAttributes attributes, boolean mayMislead) {
    if (attributes.type() != FileType.REGULAR) {
      return attributes.mtimeNanos();
    }
    Told last = find(attributes);
    boolean mayHavePages = last != null && last.mayHavePages;
    long mtimeNanos =
        mayMislead && last != null && mayHavePages ? last.mtimeNanos : attributes.mtimeNanos();
    put(new Told(attributes, mtimeNanos, mayHavePages));
    return mtimeNanos;
  }

  /**
   * As {@link #tell}, in an answer that is for a program, and holds the true time.
   *
   * @return whether it is for the program alone: the kernel would drop pages that may stay
   */
  boolean tellProgram(FileAttributes attributes) {
    if (attributes.type() != FileType.REGULAR) {
      return false;
    }
    Told last = find(attributes);
    boolean mayHavePages = last != null && last.mayHavePages;
    if (last != null
        && mayHavePages
        && last.mtimeNanos != attributes.mtimeNanos()
        && isAsBefore(attributes, last.attributes)) {
      return true;
    }
    put(new Told(attributes, attributes.mtimeNanos(), mayHavePages));
    return false;
  }

  private void put(Told now) {
    told.set(ToldAttributes.hash(now.attributes.id().value(), TOLD_FILES), now);
  }

  private @Nullable Told find(FileAttributes attributes) {
    Told last = told.get(ToldAttributes.hash(attributes.id().value(), TOLD_FILES));
    return last != null && last.attributes.id().equals(attributes.id()) ? last : null;
  }

  /** But for its times. */
  private static boolean isAsBefore(FileAttributes now, FileAttributes before) {
    return now.mode() == before.mode()
        && now.uid() == before.uid()
        && now.gid() == before.gid()
        && now.linkCount() == before.linkCount()
        && now.sizeBytes() == before.sizeBytes();
  }
}
