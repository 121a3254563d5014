package io.adhocfs.fuse.kernel;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Lets nobody read pages that the kernel is still dropping. When it is told that a file's size or
 * mtime has changed, it notes that first and drops the file's pages after ({@code
 * fuse_change_attributes}). Another program of this mount that is told the same in between, or
 * whose answer the kernel passes over because it has a newer one, would read what is not dropped
 * yet. So those who ask before they read wait until a thread that was told of the change has come
 * back, which it does with its next request.
 *
 * <p>Changes that the kernel would not see (no size, no mtime has moved, or it was told them in the
 * answer to a change of attributes, which drops nothing) are shown to it by an mtime a nanosecond
 * off, in an answer that no program sees.
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
    private boolean known;
    private long mtimeNanos;
    private long sizeBytes;
    private long dataVersion;

    /** Whether there was a change that the kernel has not dropped pages for. */
    private boolean unseen;

    private @Nullable Drop drop;

    Told(long node) {
      this.node = node;
    }
  }

  private final AtomicReferenceArray<@Nullable Told> files = new AtomicReferenceArray<>(FILES);
  private final AtomicReferenceArray<@Nullable Drop> byCaller = new AtomicReferenceArray<>(CALLERS);

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

  /** The kernel is about to be told attributes, and drops pages if they differ. */
  void tell(FileAttributes attributes, int thread) {
    Told told = find(attributes);
    if (told != null) {
      synchronized (told) {
        note(told, attributes, thread);
      }
    }
  }

  /** The kernel is about to be told attributes that it only notes. */
  void tellChanged(FileAttributes attributes) {
    Told told = find(attributes);
    if (told != null) {
      synchronized (told) {
        boolean differs = !told.known || told.dataVersion != attributes.dataVersion();
        set(told, attributes, attributes.mtimeNanos());
        told.unseen |= differs;
      }
    }
  }

  /**
   * As {@link #tell}, where a read follows.
   *
   * @return the mtime to tell
   */
  long tellBeforeRead(FileAttributes attributes, int thread) {
    Told told = find(attributes);
    if (told == null) {
      return attributes.mtimeNanos();
    }
    synchronized (told) {
      note(told, attributes, thread);
      if (told.unseen) {
        set(told, attributes, attributes.mtimeNanos() + 1);
        told.unseen = false;
        told.drop = begin(thread);
      }
      return told.mtimeNanos;
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
    long node = attributes.id().value();
    Told told = files.get(ToldAttributes.hash(node, FILES));
    return told != null && told.node == node ? told : null;
  }

  private void note(Told told, FileAttributes attributes, int thread) {
    boolean seen =
        !told.known
            || told.mtimeNanos != attributes.mtimeNanos()
            || told.sizeBytes != attributes.sizeBytes();
    if (seen) {
      told.unseen = false;
      told.drop = begin(thread);
    } else if (told.dataVersion != attributes.dataVersion()) {
      told.unseen = true;
    }
    set(told, attributes, attributes.mtimeNanos());
  }

  private static void set(Told told, FileAttributes attributes, long mtimeNanos) {
    told.known = true;
    told.mtimeNanos = mtimeNanos;
    told.sizeBytes = attributes.sizeBytes();
    told.dataVersion = attributes.dataVersion();
  }

  private Drop begin(int thread) {
    int slot = thread & (CALLERS - 1);
    Drop before = byCaller.get(slot);
    var drop = new Drop(thread, before != null && before.thread == thread ? before : null);
    byCaller.set(slot, drop);
    return drop;
  }
}
