package io.adhocfs.fuse.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What the threads of one mount share: the file system, the descriptors, and the requests under way
 * (which an interruption must find). Thread-safe.
 */
final class Session {
  /**
   * Of different inodes, for one that waits must not hold up the others. An inode waits as long as
   * a page of it is being read, so for the whole deadline of a client where a node is dead.
   */
  private static final int NOTIFIERS_MAX = 64;

  private static final long NOTIFIER_IDLE_SECONDS = 10;

  private final InodeFileSystem fileSystem;
  private final int ioLengthBytesMax;
  private final ToldAttributes told;
  private final CachedPages pages;
  private final InterruptWatch interrupts = new InterruptWatch();
  private final int[] descriptors;
  private final AtomicInteger readersLeft;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Object noticesLock = new Object();

  /** How many threads are telling the kernel something that it has not asked for. */
  @GuardedBy("noticesLock")
  private int notices;

  @GuardedBy("noticesLock")
  private boolean closed;

  private final ConcurrentHashMap<Long, PendingRequest> pending = new ConcurrentHashMap<>();

  /**
   * @param descriptors of /dev/fuse, each listed once; the session closes them when it has ended
   */
  Session(
      InodeFileSystem fileSystem,
      int ioLengthBytesMax,
      long attributeReuseNanos,
      int[] descriptors,
      int readers) {
    this.fileSystem = fileSystem;
    this.ioLengthBytesMax = ioLengthBytesMax;
    this.told = new ToldAttributes(attributeReuseNanos);
    this.pages = new CachedPages(new Notices(), new OpenFiles(fileSystem), notifier());
    this.descriptors = descriptors.clone();
    this.readersLeft = new AtomicInteger(readers);
    fileSystem.mounted(pages::dropOlder);
  }

  InodeFileSystem fileSystem() {
    return fileSystem;
  }

  /** The most bytes that one read or write carries. */
  int ioLengthBytesMax() {
    return ioLengthBytesMax;
  }

  InterruptWatch interrupts() {
    return interrupts;
  }

  ToldAttributes told() {
    return told;
  }

  CachedPages pages() {
    return pages;
  }

  /** Whether a program asks for these attributes itself whenever it wants them. */
  boolean asksForEachUse(FileAttributes attributes) {
    return fileSystem.timeoutNanos(attributes) == 0;
  }

  void remember(PendingRequest request) {
    pending.put(request.unique(), request);
  }

  /** After the answer has been written. */
  void forget(PendingRequest request) {
    pending.remove(request.unique());
    closeWhenUnused();
  }

  @Nullable PendingRequest find(long unique) {
    return pending.get(unique);
  }

  /**
   * Has the kernel send an interruption again, for a request that another thread has read but not
   * yet announced. Only the descriptor that carried the request knows it, and we do not know which
   * that was: the others answer ENOENT, and all of them do if it has been answered meanwhile.
   */
  void requeueInterrupt(long interruptUnique) {
    OutBuffer out = OutBuffer.ofThisThread();
    for (int descriptor : descriptors) {
      out.sendError(descriptor, interruptUnique, Errnos.EAGAIN);
    }
  }

  void readerEnded() {
    if (readersLeft.decrementAndGet() == 0) {
      ended.countDown();
      closeWhenUnused();
    }
  }

  boolean hasEnded() {
    return ended.getCount() == 0;
  }

  CountDownLatch ended() {
    return ended;
  }

  /**
   * The descriptors stay open until the last answer has been written, though nobody reads it: their
   * numbers would otherwise be given to somebody else's file. Closing the last one is also what
   * tells the kernel to fail whatever still waits, when the readers stopped for another reason than
   * unmount.
   */
  private void closeWhenUnused() {
    if (readersLeft.get() > 0 || !pending.isEmpty()) {
      return;
    }
    synchronized (noticesLock) {
      if (notices > 0 || closed) {
        return;
      }
      closed = true;
    }
    for (int descriptor : descriptors) {
      LinuxCalls.close(descriptor);
    }
  }

  /**
   * Threads for what waits for the kernel, which may wait for answers of others: so they answer
   * nothing that the kernel could wait for. They end when idle.
   */
  static Executor notifier() {
    var notifier =
        new ThreadPoolExecutor(
            NOTIFIERS_MAX,
            NOTIFIERS_MAX,
            NOTIFIER_IDLE_SECONDS,
            TimeUnit.SECONDS,
            // One entry for each open inode at most.
            new LinkedBlockingQueue<>(),
            task -> {
              var thread = new Thread(task, "fuse-notifier");
              thread.setDaemon(true);
              return thread;
            });
    notifier.allowCoreThreadTimeOut(true);
    return notifier;
  }

  /** Tells the kernel what it has not asked for, as long as the descriptors are open. */
  private final class Notices implements CachedPages.Kernel {
    @Override
    public void dropPages(long node, long offset, long lengthBytes) {
      tell(descriptor -> OutBuffer.ofThisThread().dropPages(descriptor, node, offset, lengthBytes));
    }

    @Override
    public void store(long node, long offset, ByteBuf bytes) {
      tell(descriptor -> OutBuffer.ofThisThread().store(descriptor, node, offset, bytes));
    }

    private void tell(IntConsumer notice) {
      synchronized (noticesLock) {
        if (closed) {
          return;
        }
        notices++;
      }
      try {
        notice.accept(descriptors[0]);
      } finally {
        synchronized (noticesLock) {
          notices--;
        }
        closeWhenUnused();
      }
    }
  }

  private record OpenFiles(InodeFileSystem fileSystem) implements CachedPages.Files {
    @Override
    public long stamp(FileAttributes attributes) {
      return fileSystem.pagesStamp(attributes);
    }

    @Override
    public CompletableFuture<ByteBuf> lastByte(FileAttributes attributes) {
      return fileSystem.lastByte(attributes);
    }
  }
}
