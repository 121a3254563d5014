package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.Arrays;
import java.util.concurrent.locks.StampedLock;

/** Who uses the chunks of an inode: many beside each other, or one alone. Thread-safe. */
final class ChunkLocks {
  /** Each is for many inodes. */
  private static final int LOCKS = 256;

  /** A step that may fail. */
  @FunctionalInterface
  interface Step {
    void run() throws FsException;
  }

  private final StampedLock[] locks = new StampedLock[LOCKS];

  /** Written with all locks held. */
  private volatile boolean closed;

  ChunkLocks() {
    Arrays.setAll(locks, _ -> new StampedLock());
  }

  /** The lock of an inode: shared by reads and writes, alone for discards. */
  StampedLock of(long inode) {
    return locks[(int) ((inode * 0x9E3779B97F4A7C15L) >>> 40) & (LOCKS - 1)];
  }

  /**
   * @throws FsException CLOSED
   */
  void refuseIfClosed() throws FsException {
    if (closed) {
      throw new FsException(FsError.CLOSED, "the chunk store is closed");
    }
  }

  /** Runs something while nobody else uses an inode's chunks. */
  void alone(long inode, Step step) throws FsException {
    StampedLock lock = of(inode);
    long stamp = lock.writeLock();
    try {
      refuseIfClosed();
      step.run();
    } finally {
      lock.unlockWrite(stamp);
    }
  }

  /** Refuses whatever comes from now on, and runs a last step once nobody uses any chunk. */
  void close(Runnable lastStep) {
    var stamps = new long[LOCKS];
    for (int i = 0; i < LOCKS; i++) {
      stamps[i] = locks[i].writeLock();
    }
    closed = true;
    lastStep.run();
    for (int i = 0; i < LOCKS; i++) {
      locks[i].unlockWrite(stamps[i]);
    }
  }
}
