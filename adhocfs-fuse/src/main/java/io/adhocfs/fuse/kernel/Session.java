package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What the threads of one mount share: the file system, the descriptors, and the requests under way
 * (which an interruption must find). Thread-safe.
 */
final class Session {
  private final InodeFileSystem fileSystem;
  private final int ioLengthBytesMax;
  private final ToldAttributes told;
  private final DroppedPages droppedPages;
  private final InterruptWatch interrupts = new InterruptWatch();
  private final int[] descriptors;
  private final AtomicInteger readersLeft;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final AtomicBoolean closed = new AtomicBoolean();
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
    this.droppedPages = new DroppedPages(fileSystem::pagesStamp);
    this.descriptors = descriptors.clone();
    this.readersLeft = new AtomicInteger(readers);
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

  DroppedPages droppedPages() {
    return droppedPages;
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
    if (readersLeft.get() == 0 && pending.isEmpty() && closed.compareAndSet(false, true)) {
      for (int descriptor : descriptors) {
        LinuxCalls.close(descriptor);
      }
    }
  }
}
