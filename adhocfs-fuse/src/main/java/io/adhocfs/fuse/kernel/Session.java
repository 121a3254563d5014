package io.adhocfs.fuse.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.linux.FileCalls;
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
 * The state that the threads of one mount share: the file system, the descriptors, and the running
 * requests (which an interruption must find). Thread-safe.
 */
final class Session {
  /**
   * The most inodes for which notices run at the same time, so that one inode that waits does not
   * hold up the others. An inode waits as long as one of its pages is being read: with a dead node,
   * for the whole deadline of a client.
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

  /** How many threads are sending the kernel a notice that it has not asked for. */
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

  /** The largest number of bytes in one read or write. */
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

  /** Whether the kernel asks for these attributes anew whenever a program wants them. */
  boolean asksForEachUse(FileAttributes attributes) {
    return fileSystem.timeoutNanos(attributes) == 0;
  }

  void remember(PendingRequest request) {
    pending.put(request.unique(), request);
  }

  /** To be called after the answer has been written. */
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
   * descriptor that was: the others answer ENOENT, and all of them do if the request has been
   * answered meanwhile.
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
   * Closes the descriptors after the last answer has been written, though the kernel does not read
   * that answer any more: a number that is closed earlier could be given to another file of this
   * process. If the readers have stopped for another reason than an unmount, closing the last
   * descriptor also makes the kernel fail all requests that still wait.
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
      FileCalls.close(descriptor);
    }
  }

  /**
   * Threads for work that waits for the kernel, while the kernel may wait for answers of other
   * threads: so these threads give no answer that the kernel could wait for. Idle threads end.
   */
  static Executor notifier() {
    var notifier =
        new ThreadPoolExecutor(
            NOTIFIERS_MAX,
            NOTIFIERS_MAX,
            NOTIFIER_IDLE_SECONDS,
            TimeUnit.SECONDS,
            // Has at most one entry for each open inode.
            new LinkedBlockingQueue<>(),
            task -> {
              var thread = new Thread(task, "fuse-notifier");
              thread.setDaemon(true);
              return thread;
            });
    notifier.allowCoreThreadTimeOut(true);
    return notifier;
  }

  /** Sends the kernel notices that it has not asked for, as long as the descriptors are open. */
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
