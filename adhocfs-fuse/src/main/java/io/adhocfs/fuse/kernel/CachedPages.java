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
 * <p><b>Writes beside a drop.</b> The kernel puts the bytes of a write into its cache, then sends
 * them here. Where it drops the page in between, and reads it again before the write has been
 * stored, the cache has bytes from before the write, which is this mount's own and drops nothing.
 * So a write that may have begun before a drop was over has its pages dropped again when it has
 * been stored, if something was read since the drop began. It has not begun before the last request
 * that its thread waited for.
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

  /** For how many threads it is known what they have waited for. */
  private static final int THREADS = 1 << 12;

  /** The number of a thread has 22 bits at most (PID_MAX_LIMIT); moments take the others. */
  private static final int MOMENT_BITS = 42;

  /** Where nothing is known of a thread, all that it does may have begun long ago. */
  static final long UNKNOWN = 0;

  /** Of the folios in which the kernel keeps pages, which it drops and reads as a whole. */
  private static final int FOLIO_SHIFT_MAX = 21;

  private static final int DROPS_REMEMBERED = 8;

  /** What is done to the cache of an inode; each call returns when it has been done. */
  interface Kernel {
    /**
     * Drops pages of an inode, after waiting for those that are being read or written.
     *
     * @param lengthBytes 0 = to the end
     */
    void dropPages(long node, long offset, long lengthBytes);

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

  /**
   * How a file that was opened is answered.
   *
   * @param drop what the answer has to wait for; null = nothing
   */
  record Opening(@Nullable CompletableFuture<Void> drop, OpenMode mode) {}

  /**
   * Pages that are or were being dropped.
   *
   * @param begin a moment
   * @param end a moment; the end of time while they are being dropped
   * @param firstFolio the lowest that may be concerned, folios being as large as they can be
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

    /** Whether a page of a range may have been dropped after one moment and read after that. */
    boolean mayHaveReadAgain(long since, long lastRead, long offset, long lengthBytes) {
      return end > since
          && lastRead >= begin
          && offset >> FOLIO_SHIFT_MAX <= lastFolio
          && (offset + lengthBytes - 1) >> FOLIO_SHIFT_MAX >= firstFolio;
    }
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

    /** Of which pages are or were dropped, since all were dropped last; oldest first. */
    @GuardedBy("this")
    final ArrayDeque<Dropped> dropped = new ArrayDeque<>(2);

    /** The moment at which pages were asked for last. */
    volatile long lastRead;

    synchronized void dropBegins(Dropped now) {
      if (now.isAll()) {
        dropped.clear();
      } else if (dropped.size() == DROPS_REMEMBERED) {
        dropped.addFirst(dropped.removeFirst().and(dropped.removeFirst()));
      }
      dropped.addLast(now);
    }

    /** The drop that began last is over: there is one at a time. */
    synchronized void dropEnds(long moment) {
      dropped.addLast(dropped.removeLast().over(moment));
    }
  }

  private final Kernel kernel;
  private final Files files;
  private final Executor notifier;
  private final ConcurrentHashMap<Long, OpenInode> open = new ConcurrentHashMap<>();

  /** Moments are numbers: one more at each begin and end of a drop. */
  private final AtomicLong now = new AtomicLong(UNKNOWN + 1);

  /** A thread's number, then the moment at which it sent the last request that it waited for. */
  private final AtomicLongArray threads = new AtomicLongArray(THREADS);

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
   * A thread has sent a request, and waits for its answer. Called for every request.
   *
   * @param thread as the kernel says; 0 = one that cannot be seen from here
   * @return the moment at which it sent the one before; {@link #UNKNOWN}
   */
  long waits(int thread) {
    if (thread == 0) {
      return UNKNOWN;
    }
    long before =
        threads.getAndSet(thread & (THREADS - 1), (long) thread << MOMENT_BITS | now.get());
    return before >>> MOMENT_BITS == thread ? before & ((1L << MOMENT_BITS) - 1) : UNKNOWN;
  }

  /** The kernel asks for pages. */
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
   * A write through the cache has been stored and is about to be answered. The answer waits for
   * nothing: the kernel may hold its pages until then.
   *
   * @param since the moment after which it began
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
   * A handle is about to be answered: from now on the file may have pages, of what is told here or
   * later.
   *
   * @param mode as the file system would have it: not to keep pages that may be too old
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
      // Until there is a handle the kernel uses no pages, and it drops those that are too old when
      // it takes the handle, or is not asked to keep them.
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
   * What another handle on an open file has to wait for. Its pages always stay as far as the kernel
   * is concerned, which would drop them at a moment of its own, beside writes.
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

  /** Begins to drop an inode's pages, and to raise the kernel's size where others have grown it. */
  private void drop(OpenInode inode, FileAttributes attributes) {
    synchronized (inode) {
      CompletableFuture<@Nullable ByteBuf> lastByte =
          attributes.sizeBytes() > inode.sizeBytes
              ? files.lastByte(attributes).handle((bytes, failure) -> bytesOf(bytes, failure))
              : CompletableFuture.completedFuture(null);
      afterDrops(inode, attributes.id().value(), lastByte, bytes -> drop(inode, attributes, bytes));
    }
  }

  /** Begins to drop pages that are of the right stamp. */
  private void dropAgain(OpenInode inode, long node, long offset, long lengthBytes) {
    afterDrops(
        inode,
        node,
        CompletableFuture.completedFuture(null),
        _ -> dropPages(inode, node, offset, lengthBytes));
  }

  /** Has pages dropped after the drop that is under way, which may be half done. */
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
      // Whoever reads there gets the same error, or asks again.
      LOG.debug("a file's end is not there", failure);
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
