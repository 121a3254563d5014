package io.adhocfs.fuse.kernel;

import io.adhocfs.protocol.model.FileAttributes;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The attributes that the kernel was told a moment ago. With the kernel's own timeouts at 0, it
 * asks again, within the same system call, for attributes that came with a lookup, and before every
 * lookup in a working directory for the attributes of that directory, to check permissions: one
 * stat(2) would be three requests to daemons.
 *
 * <p>Gives the same answer again, for a bounded time that begins before the owner was asked:
 *
 * <ul>
 *   <li>for a directory, to all threads;
 *   <li>for any other inode once, to the thread that got the attributes with a name and has asked
 *       for nothing else since; so it is the same system call, except with descriptors that only
 *       name a file (O_PATH).
 * </ul>
 *
 * <p>An answer from before a change through this mount is not given again, neither during the
 * change nor later. A change through another mount may stay unseen for the bounded time, by
 * programs that ask by descriptor or working directory; a lookup always asks the owner.
 * Thread-safe, of constant size; may forget entries.
 */
final class ToldAttributes {
  private static final int DIRECTORIES = 256;
  private static final int CALLERS = 1024;
  private static final int INODES = 1024;

  private static final class Told {
    final int thread;
    final FileAttributes attributes;
    final long askedNanos;

    /** The attributes do not have changes that this mount has made after this moment. */
    final long asOfNanos;

    /** Whether the entry has spared a request; a lost update does no harm. */
    boolean used;

    Told(int thread, FileAttributes attributes, long askedNanos, long asOfNanos) {
      this.thread = thread;
      this.attributes = attributes;
      this.askedNanos = askedNanos;
      this.asOfNanos = asOfNanos;
    }
  }

  private final long reuseNanos;
  private final long startNanos = System.nanoTime();
  private final AtomicReferenceArray<@Nullable Told> directories =
      new AtomicReferenceArray<>(DIRECTORIES);
  private final AtomicReferenceArray<@Nullable Told> byCaller = new AtomicReferenceArray<>(CALLERS);

  /** When an inode, or another one of the same hash, was last being changed. */
  private final AtomicLongArray changedNanos = new AtomicLongArray(INODES);

  /** When an inode of which we only have the name was last being changed. */
  private volatile long unknownChangedNanos;

  /**
   * @param reuseNanos how long an answer may be given again; 0 = never
   */
  ToldAttributes(long reuseNanos) {
    this.reuseNanos = reuseNanos;
  }

  /** The current time in nanoseconds, for the methods below. */
  long now() {
    return System.nanoTime() - startNanos;
  }

  /** The attributes of an inode, if this thread may get the same answer again, or null. */
  @Nullable FileAttributes recall(long node, int thread) {
    Told told = directories.get(hash(node, DIRECTORIES));
    if (told == null || told.attributes.id().value() != node) {
      int slot = thread & (CALLERS - 1);
      told = byCaller.get(slot);
      if (told == null || told.thread != thread || told.attributes.id().value() != node) {
        return null;
      }
      byCaller.set(slot, null);
    }
    if (!isCurrent(told)) {
      return null;
    }
    told.used = true;
    return told.attributes;
  }

  private boolean isCurrent(Told told) {
    int inode = hash(told.attributes.id().value(), INODES);
    return now() - told.askedNanos < reuseNanos
        && told.asOfNanos > changedNanos.get(inode)
        && told.askedNanos > unknownChangedNanos;
  }

  /**
   * To be called when the thread asks for something else: the attributes that it got belong to an
   * earlier call.
   */
  void callGoesOn(int thread) {
    int slot = thread & (CALLERS - 1);
    if (byCaller.get(slot) != null) {
      byCaller.set(slot, null);
    }
  }

  /**
   * Takes note of an answer, before it is sent.
   *
   * @param askedNanos when the question was taken from the kernel, on the clock of {@link #now}
   */
  void told(FileAttributes attributes, int thread, long askedNanos, boolean withName) {
    if (reuseNanos == 0) {
      return;
    }
    if (attributes.isDirectory()) {
      directories.set(
          hash(attributes.id().value(), DIRECTORIES),
          new Told(thread, attributes, askedNanos, askedNanos));
    } else if (withName && !attributes.mayHaveHoles()) {
      // For other files the owner must be asked how much space is allocated.
      byCaller.set(thread & (CALLERS - 1), new Told(thread, attributes, askedNanos, askedNanos));
    }
  }

  /**
   * Whether the attributes of a directory have spared requests, so that they are worth keeping
   * current.
   */
  boolean isInUse(long directory) {
    Told told = directories.get(hash(directory, DIRECTORIES));
    return told != null && told.used && told.attributes.id().value() == directory;
  }

  /**
   * Takes note of a directory's attributes that were asked for right behind a change of its
   * entries. The owner answers in the order of its operations, so the attributes contain all
   * changes that have been answered by now. The attributes of a spread directory come from many
   * nodes, in no order: they hold as of when they were asked for.
   */
  void toldInOrder(FileAttributes attributes, long askedNanos) {
    if (attributes.isDirectory()) {
      long asOfNanos = attributes.partitionExponent() == 0 ? now() : askedNanos;
      directories.set(
          hash(attributes.id().value(), DIRECTORIES),
          new Told(0, attributes, askedNanos, asOfNanos));
    }
  }

  /**
   * To be called when a change of an inode begins, and when it has been made and is about to be
   * answered.
   */
  void changes(long node) {
    changedNanos.set(hash(node, INODES), now());
  }

  /** As {@link #changes}, for a directory whose number the request does not tell. */
  void changesUnknown() {
    unknownChangedNanos = now();
  }

  /** Where an inode goes in a table of this size, a power of two. */
  static int hash(long node, int size) {
    // Fibonacci hashing: an inode's number has its slot in the high bits and a counter in the low
    // bits.
    return (int) ((node * 0x9E3779B97F4A7C15L) >>> 40) & (size - 1);
  }
}
