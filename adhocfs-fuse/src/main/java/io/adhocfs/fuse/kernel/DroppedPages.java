package io.adhocfs.fuse.kernel;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel is told of files whose pages it may have in its cache, so that it drops these
 * when it has to, and only then.
 *
 * <p><b>When.</b> It drops a file's pages when it is told another mtime than before. So it is told
 * another one when, and only when, the pages have to go, by the stamp that the file system gives
 * them: the one that it was told last where only writes through this page cache have moved the
 * mtime, and one a nanosecond off where a change has moved none, or was told in the answer to a
 * change of attributes, which drops nothing. No program sees these: with timeouts of 0 each asks
 * for the attributes itself, and is told the true mtime, in an answer that is kept from the inode
 * if it would drop what may stay ({@link Replies}).
 *
 * <p><b>Until it is done.</b> The kernel notes the new mtime first and drops the pages after
 * ({@code fuse_change_attributes}). Another program of this mount that is told the same in between,
 * or whose answer the kernel passes over because it has a newer one, would read what is not dropped
 * yet. So those who ask before they read wait until a thread that was told of the change has come
 * back, which it does with its next request.
 *
 * <p>Thread-safe, of constant size; forgets at will.
 */
final class DroppedPages {
  private static final int FILES = 1 << 12;
  private static final int CALLERS = 1 << 10;

  /** Somebody who was told of a change and has not come back. */
  private static final class Drop {
    final int thread;
    final CompletableFuture<Void> over = new CompletableFuture<>();

    /** What the same thread was told in the same answer. */
    final @Nullable Drop beside;

    Drop(int thread, @Nullable Drop beside) {
      this.thread = thread;
      this.beside = beside;
    }
  }

  /** What the kernel was told last of a file that has been opened; locked to look or change. */
  private static final class Told {
    final long node;

    /** Null: nothing yet. */
    private @Nullable FileAttributes attributes;

    /** Perhaps not the one of these attributes. */
    private long mtimeNanos;

    private long stamp;

    /** Whether there are pages that have to go and that the kernel has not dropped. */
    private boolean stale;

    private @Nullable Drop drop;

    /** How many ask before they read, and have no answer yet. */
    private int asking;

    Told(long node) {
      this.node = node;
    }
  }

  private final AtomicReferenceArray<@Nullable Told> files = new AtomicReferenceArray<>(FILES);
  private final AtomicReferenceArray<@Nullable Drop> byCaller = new AtomicReferenceArray<>(CALLERS);

  private final ToLongFunction<FileAttributes> stamps;

  /**
   * @param stamps what {@link io.adhocfs.fuse.InodeFileSystem#pagesStamp} says
   */
  DroppedPages(ToLongFunction<FileAttributes> stamps) {
    this.stamps = stamps;
  }

  /** A file is being opened: from now on it may have pages. */
  void opened(long node) {
    int slot = ToldAttributes.hash(node, FILES);
    Told told = files.get(slot);
    if (told == null || told.node != node) {
      files.set(slot, new Told(node));
    }
  }

  /** A thread asks for something: it has come back from what it was told. */
  void heard(int thread) {
    int slot = thread & (CALLERS - 1);
    Drop drop = byCaller.get(slot);
    if (drop != null && drop.thread == thread) {
      byCaller.compareAndSet(slot, drop, null);
      for (; drop != null; drop = drop.beside) {
        drop.over.complete(null);
      }
    }
  }

  /** Somebody asks for attributes before a read, and must not be passed over. */
  void asks(long node) {
    countAsking(node, 1);
  }

  /** Somebody who asked has been answered, or the answer has failed. */
  void answered(long node) {
    countAsking(node, -1);
  }

  private void countAsking(long node, int more) {
    Told told = find(node);
    if (told != null) {
      synchronized (told) {
        // Those who asked before the table forgot the file are missed here.
        told.asking = Math.max(0, told.asking + more);
      }
    }
  }

  /**
   * The kernel is about to be told attributes, in an answer that no program sees.
   *
   * @param mayMislead whether it asks again before it tells a program
   * @return the mtime to tell
   */
  long tell(FileAttributes attributes, int thread, boolean mayMislead) {
    Told told = find(attributes);
    if (told == null) {
      return attributes.mtimeNanos();
    }
    synchronized (told) {
      look(told, attributes, thread);
      told.attributes = attributes;
      if (told.stale) {
        drops(told, thread);
        told.mtimeNanos =
            attributes.mtimeNanos() + (attributes.mtimeNanos() == told.mtimeNanos ? 1 : 0);
      } else if (!mayMislead) {
        told.mtimeNanos = attributes.mtimeNanos();
      }
      return told.mtimeNanos;
    }
  }

  /**
   * As {@link #tell}, in an answer that is for a program, and holds the true mtime.
   *
   * @return whether it is for the program alone: the kernel would drop pages that may stay, and
   *     nobody else waits for an answer that it would pass over too
   */
  boolean tellProgram(FileAttributes attributes, int thread) {
    Told told = find(attributes);
    if (told == null) {
      return false;
    }
    synchronized (told) {
      FileAttributes before = look(told, attributes, thread);
      boolean drops = told.mtimeNanos != attributes.mtimeNanos();
      if (drops && !told.stale && told.asking == 0 && isAsBefore(attributes, before)) {
        return true;
      }
      if (drops && told.stale) {
        drops(told, thread);
      }
      told.attributes = attributes;
      told.mtimeNanos = attributes.mtimeNanos();
      return false;
    }
  }

  /** The kernel is about to be told attributes that it only notes. */
  void tellChanged(FileAttributes attributes, int thread) {
    Told told = find(attributes);
    if (told != null) {
      synchronized (told) {
        boolean isFirst = told.attributes == null;
        FileAttributes _ = look(told, attributes, thread);
        told.stale |= isFirst;
        told.attributes = attributes;
        told.mtimeNanos = attributes.mtimeNanos();
      }
    }
  }

  /** What a thread that is about to read must wait for; null = nothing. */
  @Nullable CompletableFuture<Void> underWay(FileAttributes attributes, int thread) {
    Told told = find(attributes);
    if (told == null) {
      return null;
    }
    synchronized (told) {
      Drop drop = told.drop;
      if (drop == null || drop.thread == thread) {
        return null;
      }
      if (drop.over.isDone()) {
        told.drop = null;
        return null;
      }
      return drop.over;
    }
  }

  private @Nullable Told find(FileAttributes attributes) {
    if (attributes.type() != FileType.REGULAR) {
      return null;
    }
    return find(attributes.id().value());
  }

  private @Nullable Told find(long node) {
    Told told = files.get(ToldAttributes.hash(node, FILES));
    return told != null && told.node == node ? told : null;
  }

  /** Finds out whether pages have to go; answers what was told before. */
  private FileAttributes look(Told told, FileAttributes attributes, int thread) {
    long stamp = stamps.applyAsLong(attributes);
    FileAttributes before = told.attributes;
    if (before == null) {
      // What it has, it was told before, or is dropping now.
      before = attributes;
      told.mtimeNanos = attributes.mtimeNanos();
      told.drop = begin(thread);
    } else if (told.stamp != stamp) {
      told.stale = true;
    }
    told.stamp = stamp;
    return before;
  }

  private void drops(Told told, int thread) {
    told.stale = false;
    told.drop = begin(thread);
  }

  /** But for its times. */
  private static boolean isAsBefore(FileAttributes now, FileAttributes before) {
    return now.mode() == before.mode()
        && now.uid() == before.uid()
        && now.gid() == before.gid()
        && now.linkCount() == before.linkCount()
        && now.sizeBytes() == before.sizeBytes();
  }

  private Drop begin(int thread) {
    int slot = thread & (CALLERS - 1);
    Drop before = byCaller.get(slot);
    var drop = new Drop(thread, before != null && before.thread == thread ? before : null);
    byCaller.set(slot, drop);
    return drop;
  }
}
