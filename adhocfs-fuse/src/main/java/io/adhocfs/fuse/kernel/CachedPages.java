package io.adhocfs.fuse.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel's page cache of the open files: keeps pages from being older than the attributes that
 * the kernel is told.
 *
 * <p><b>When pages go.</b> Each open inode has the stamp of its pages (what {@link
 * io.adhocfs.fuse.InodeFileSystem#pagesStamp} says). Attributes of another stamp mean that another
 * mount or client has changed the data: a thread that answers no requests tells the kernel to drop
 * the pages, and an answer with these attributes waits until the kernel has dropped them. An answer
 * to a read never waits: the kernel drops a page that is being read only after the read.
 *
 * <p><b>Sizes.</b> An order to drop pages also makes the kernel ignore the attributes that it has
 * asked for until then, so the answer that waited does not raise the inode's size, and the kernel
 * reads only up to this size. So if the size has grown, this class raises it by storing the file's
 * last byte in the cache. A size that has shrunk need not be told: the next read finds the end.
 *
 * <p><b>Writes beside a drop.</b> The kernel puts the bytes of a write into its cache, then sends
 * them here. If the kernel drops the page in between, and reads it again before the write has been
 * stored, the cache has bytes from before the write, and the write, being this mount's own, drops
 * nothing. So if a write may have begun before a drop was over, and pages were read since the drop
 * began, the pages of the write are dropped again once it has been stored. A write cannot have
 * begun before the last request that its thread waited for.
 *
 * <p><b>Modification times</b> drop nothing. The kernel would drop all pages at each new time, even
 * if only this mount has written. So the kernel is told the time that it has already, in answers
 * that no program sees, and the true time in answers that a program sees ({@link Replies}).
 *
 * <p>Thread-safe. Has one entry for each open inode, and tables of constant size that may forget
 * entries.
 */
final class CachedPages {
  private static final Logger LOG = LoggerFactory.getLogger(CachedPages.class);

  private static final int TOLD_FILES = 1 << 12;

  /** The number of threads whose last waits are remembered. */
  private static final int THREADS = 1 << 12;

  /** The number of a thread has 22 bits at most (PID_MAX_LIMIT); moments take the other bits. */
  private static final int MOMENT_BITS = 42;

  /** The moment of a thread of which nothing is known: its calls may have begun long ago. */
  static final long UNKNOWN = 0;

  /**
   * The size, as a power of two, of the largest folios: the kernel keeps pages in folios, and drops
   * and reads a folio as a whole.
   */
  private static final int FOLIO_SHIFT_MAX = 21;

  private static final int DROPS_REMEMBERED = 8;

  /** Changes to the cache of an inode; each call returns when the kernel has made the change. */
  interface Kernel {
    /**
     * Drops pages of an inode, after waiting for pages that are being read or written.
     *
     * @param lengthBytes 0 = to the end
     */
    void dropPages(long node, long offset, long lengthBytes);

    /** Puts bytes into the cache; the inode's size covers them afterwards. */
    void store(long node, long offset, ByteBuf bytes);
  }

  /** What has to be known of the files. */
  interface Files {
    /** The stamp by {@link io.adhocfs.fuse.InodeFileSystem#pagesStamp}. */
    long stamp(FileAttributes attributes);

    /** The last byte of a file that is not empty; an empty buffer if the byte is not known. */
    CompletableFuture<ByteBuf> lastByte(FileAttributes attributes);
  }

  /**
   * The answer for a file that was opened.
   *
   * @param drop the drop that the answer has to wait for; null = none
   */
  record Opening(@Nullable CompletableFuture<Void> drop, OpenMode mode) {}

  /**
   * Pages that are or were being dropped.
   *
   * @param begin a moment
   * @param end a moment; the end of time while they are being dropped
   * @param firstFolio the lowest folio that may be concerned, if folios are as large as they can be
   */
  private record Dropped(long begin, long end, long firstFolio, long lastFolio) {
    static final long NOT_OVER = Long.MAX_VALUE;

    static Dropped beginning(long moment, long offset, long lengthBytes) {
      return new Dropped(
          moment,
          NOT_OVER,
          offset >> FOLIO_SHIFT_MAX,
          lengthBytes == 0 ? Long.MAX_VALUE : (offset + lengthBytes - 1) >> FOLIO_SHIFT_MAX);
    }

    boolean isAll() {
      return firstFolio == 0 && lastFolio == Long.MAX_VALUE;
    }

    Dropped over(long moment) {
      return new Dropped(begin, moment, firstFolio, lastFolio);
    }

    Dropped and(Dropped other) {
      return new Dropped(
          Math.min(begin, other.begin),
          Math.max(end, other.end),
          Math.min(firstFolio, other.firstFolio),
          Math.max(lastFolio, other.lastFolio));
    }

    /** Whether a page of a range may have been dropped after a moment and then read again. */
    boolean mayHaveReadAgain(long since, long lastRead, long offset, long lengthBytes) {
      return end > since
          && lastRead >= begin
          && offset >> FOLIO_SHIFT_MAX <= lastFolio
          && (offset + lengthBytes - 1) >> FOLIO_SHIFT_MAX >= firstFolio;
    }
  }

  /** An inode that the kernel has open. */
  private static final class OpenInode {
    /** The number of handles; changed only within an update of the map's entry. */
    int handles;

    /** The stamp of the pages that the kernel has once the last drop is over. */
    @GuardedBy("this")
    long stamp;

    /** The kernel's size of the file, unless writes of this mount have changed it. */
    @GuardedBy("this")
    long sizeBytes;

    /** Completes, never failing, when the last drop is over; null = no drop is running. */
    @GuardedBy("this")
    @Nullable CompletableFuture<Void> drop;

    /** The drops since all pages were last dropped; oldest first. */
    @GuardedBy("this")
    final ArrayDeque<Dropped> dropped = new ArrayDeque<>(2);

    /** The moment at which the kernel last asked for pages. */
    volatile long lastRead;

    synchronized void dropBegins(Dropped now) {
      if (now.isAll()) {
        dropped.clear();
      } else if (dropped.size() == DROPS_REMEMBERED) {
        dropped.addFirst(dropped.removeFirst().and(dropped.removeFirst()));
      }
      dropped.addLast(now);
    }

    /** To be called when the drop that began last is over: there is one drop at a time. */
    synchronized void dropEnds(long moment) {
      dropped.addLast(dropped.removeLast().over(moment));
    }
  }

  private final Kernel kernel;
  private final Files files;
  private final Executor notifier;
  private final ConcurrentHashMap<Long, OpenInode> open = new ConcurrentHashMap<>();

  /** The current moment. Moments are numbers, raised by one at each begin and end of a drop. */
  private final AtomicLong now = new AtomicLong(UNKNOWN + 1);

  /**
   * For each thread its number, then the moment at which it sent the last request that it waited
   * for.
   */
  private final AtomicLongArray threads = new AtomicLongArray(THREADS);

  /**
   * The attributes of a regular file that the kernel was last told, with the modification time that
   * it was told.
   *
   * @param mayHavePages whether the file has been open here
   */
  private record Told(FileAttributes attributes, long mtimeNanos, boolean mayHavePages) {}

  private final AtomicReferenceArray<@Nullable Told> told = new AtomicReferenceArray<>(TOLD_FILES);

  /**
   * @param notifier runs work that waits for the kernel, on threads that answer no requests
   */
  CachedPages(Kernel kernel, Files files, Executor notifier) {
    this.kernel = kernel;
    this.files = files;
    this.notifier = notifier;
  }

  /**
   * To be called for every request whose thread waits for the answer.
   *
   * @param thread the thread's number by the kernel; 0 = a thread that cannot be seen from here
   * @return the moment at which the thread sent the request before, or {@link #UNKNOWN}
   */
  long waits(int thread) {
    if (thread == 0) {
      return UNKNOWN;
    }
    long before =
        threads.getAndSet(thread & (THREADS - 1), (long) thread << MOMENT_BITS | now.get());
    return before >>> MOMENT_BITS == thread ? before & ((1L << MOMENT_BITS) - 1) : UNKNOWN;
  }

  /** To be called when the kernel asks for pages. */
  void reads(long node) {
    OpenInode inode = open.get(node);
    if (inode != null) {
      long moment = now.get();
      if (inode.lastRead != moment) {
        inode.lastRead = moment;
      }
    }
  }

  /**
   * To be called when a write through the cache has been stored and is about to be answered. The
   * answer waits for nothing: the kernel may hold the pages of the write until then.
   *
   * @param since the moment after which the write began
   */
  void written(long node, long since, long offset, int lengthBytes) {
    OpenInode inode = open.get(node);
    if (inode == null || lengthBytes == 0) {
      return;
    }
    synchronized (inode) {
      for (Dropped dropped : inode.dropped) {
        if (dropped.mayHaveReadAgain(since, inode.lastRead, offset, lengthBytes)) {
          dropAgain(inode, node, offset, lengthBytes);
          return;
        }
      }
    }
  }

  /**
   * To be called when a handle is about to be answered: from now on the file may have pages, of the
   * data of these or later attributes.
   *
   * @param mode the mode that the file system wants, which does not keep pages that may be too old
   * @param tellsSize whether the answer tells the kernel the size
   */
  Opening opened(FileAttributes attributes, OpenMode mode, boolean tellsSize) {
    if (attributes.type() != FileType.REGULAR) {
      return new Opening(null, mode);
    }
    long node = attributes.id().value();
    Told last = find(attributes);
    if (last == null || !last.mayHavePages) {
      Told first = last == null ? new Told(attributes, attributes.mtimeNanos(), false) : last;
      put(new Told(first.attributes, first.mtimeNanos, true));
    }
    var made = new OpenInode();
    OpenInode inode =
        open.compute(
            node,
            (_, known) -> {
              OpenInode counted = known == null ? made : known;
              counted.handles++;
              return counted;
            });
    if (inode != made) {
      return new Opening(openedAgain(inode, attributes, mode), new OpenMode(mode.directIo(), true));
    }
    synchronized (inode) {
      // Until there is a handle the kernel uses no pages. When it takes the handle it drops pages
      // that are too old, since it is not asked to keep them.
      inode.stamp = files.stamp(attributes);
      boolean knowsSize =
          tellsSize
              || mode.keepCache()
              || attributes.sizeBytes() == 0
              || (last != null
                  && last.attributes.dataVersion() == attributes.dataVersion()
                  && last.attributes.sizeBytes() >= attributes.sizeBytes());
      if (!knowsSize) {
        drop(inode, attributes);
      }
      inode.sizeBytes = attributes.sizeBytes();
      return new Opening(inode.drop, mode);
    }
  }

  /**
   * The drop that another handle on an open file has to wait for. The kernel is always asked to
   * keep the pages, since it would drop them at a moment of its own, beside writes.
   */
  private @Nullable CompletableFuture<Void> openedAgain(
      OpenInode inode, FileAttributes attributes, OpenMode mode) {
    CompletableFuture<Void> drop = current(attributes);
    if (drop != null || mode.keepCache() || mode.directIo()) {
      return drop;
    }
    synchronized (inode) {
      dropAgain(inode, attributes.id().value(), 0, 0);
      return inode.drop;
    }
  }

  /** To be called when a handle that was answered is closed. */
  void closed(long node) {
    open.computeIfPresent(node, (_, inode) -> --inode.handles == 0 ? null : inode);
  }

  /**
   * The drop to wait for before the kernel is told these attributes; null = none. After it, the
   * pages of an open file have the data of these attributes or newer data, and the kernel's size
   * covers the size of these attributes.
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
        // The stamp is the same, so writes of this mount through the kernel have made the file
        // larger.
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

  /** As {@link #current}, for callers without an answer. */
  CompletableFuture<Void> dropOlder(FileAttributes attributes) {
    CompletableFuture<Void> drop = current(attributes);
    return drop == null ? CompletableFuture.completedFuture(null) : drop;
  }

  /**
   * Begins to drop an inode's pages, and raises the kernel's size if others have made the file
   * larger.
   */
  private void drop(OpenInode inode, FileAttributes attributes) {
    synchronized (inode) {
      CompletableFuture<@Nullable ByteBuf> lastByte =
          attributes.sizeBytes() > inode.sizeBytes
              ? files.lastByte(attributes).handle((bytes, failure) -> bytesOf(bytes, failure))
              : CompletableFuture.completedFuture(null);
      afterDrops(inode, attributes.id().value(), lastByte, bytes -> drop(inode, attributes, bytes));
    }
  }

  /** Begins to drop pages that have the right stamp. */
  private void dropAgain(OpenInode inode, long node, long offset, long lengthBytes) {
    afterDrops(
        inode,
        node,
        CompletableFuture.completedFuture(null),
        _ -> dropPages(inode, node, offset, lengthBytes));
  }

  /** Has pages dropped after the running drop, which may be half done. */
  private <T extends @Nullable Object> void afterDrops(
      OpenInode inode, long node, CompletableFuture<T> needed, Consumer<T> drop) {
    synchronized (inode) {
      CompletableFuture<Void> before =
          inode.drop == null ? CompletableFuture.completedFuture(null) : inode.drop;
      inode.drop =
          before
              .thenCombine(needed, (_, found) -> found)
              .thenAcceptAsync(drop, notifier)
              .exceptionally(failure -> {
                LOG.error("pages of inode {} stay", Long.toUnsignedString(node), failure);
                return null;
              });
    }
  }

  private static @Nullable ByteBuf bytesOf(@Nullable ByteBuf bytes, @Nullable Throwable failure) {
    if (failure != null) {
      // A program that reads there gets the same error, or the kernel asks again.
      LOG.debug("the last byte of a file cannot be read", failure);
    }
    return bytes;
  }

  private void drop(OpenInode inode, FileAttributes attributes, @Nullable ByteBuf lastByte) {
    long node = attributes.id().value();
    dropPages(inode, node, 0, 0);
    if (lastByte != null) {
      try {
        if (lastByte.isReadable()) {
          kernel.store(node, attributes.sizeBytes() - 1, lastByte);
          inode.lastRead = now.get();
        }
      } finally {
        lastByte.release();
      }
    }
  }

  private void dropPages(OpenInode inode, long node, long offset, long lengthBytes) {
    inode.dropBegins(Dropped.beginning(now.incrementAndGet(), offset, lengthBytes));
    try {
      kernel.dropPages(node, offset, lengthBytes);
    } finally {
      inode.dropEnds(now.incrementAndGet());
    }
  }

  /**
   * To be called when the kernel is about to be told attributes.
   *
   * @param mayMislead whether the kernel asks again before it tells a program
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
   * As {@link #tell}, but for an answer to a program, which holds the true time.
   *
   * @return whether the answer is for the program alone, since the kernel would drop pages that may
   *     stay
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

  /** Whether the attributes are the same, but for the times. */
  private static boolean isAsBefore(FileAttributes now, FileAttributes before) {
    return now.mode() == before.mode()
        && now.uid() == before.uid()
        && now.gid() == before.gid()
        && now.linkCount() == before.linkCount()
        && now.sizeBytes() == before.sizeBytes();
  }
}
