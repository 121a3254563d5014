package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/** Gives each copy of one run its {@link TemporaryName}. Thread-safe. */
final class TemporaryNames {
  /** Room for the files of a run above it. */
  private static final long FIRST_MAX = 1L << 48;

  /** Names of one partition of a big directory have so many bits of their hashes in common. */
  private static final int PARTITION_BITS = 6;

  /** Each try succeeds with a chance of 1 in 64; giving up costs no more than a slower rename. */
  private static final int TRIES_MAX = 1000;

  private final AtomicLong last;

  /**
   * Names of a run.
   *
   * @param random keeps the runs of one process apart
   */
  TemporaryNames(RandomGenerator random) {
    last = new AtomicLong(random.nextLong(FIRST_MAX));
  }

  /** A name that no other copy has. */
  byte[] next() {
    return TemporaryName.ofThisProcess(last.incrementAndGet()).bytes();
  }

  /**
   * A name that no other copy has, in the same partition as the final name: so an instance keeps
   * both names and the file's inode in one slot, and the rename is one step on one node.
   */
  EntryName nextBeside(EntryName finalName) throws FsException {
    EntryName name = EntryName.of(next());
    for (int i = 1; i < TRIES_MAX && partition(name) != partition(finalName); i++) {
      name = EntryName.of(next());
    }
    return name;
  }

  private static long partition(EntryName name) {
    return name.hash() >>> (63 - PARTITION_BITS);
  }
}
