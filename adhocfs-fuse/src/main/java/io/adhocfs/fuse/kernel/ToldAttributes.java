package io.adhocfs.fuse.kernel;

import io.adhocfs.protocol.model.FileAttributes;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel was told about inodes a moment ago. With its own timeouts at 0 it asks for the
 * attributes that came with a lookup again, within the same system call, and for those of a working
 * directory before every name it looks up in it, to check permissions: one stat(2) would be three
 * requests to daemons.
 *
 * <p>Answers again, for a bounded time counted from before the owner was asked:
 *
 * <ul>
 *   <li>a directory's attributes, to everybody;
 *   <li>those of anything else once, to the thread that was told them with a name and has asked for
 *       nothing else since, which makes it the same system call but for descriptors that only name
 *       a file (O_PATH).
 * </ul>
 *
 * <p>Never after a change through this mount, neither while it is under way nor later. A change
 * through another mount may stay unseen for the bounded time, by those who ask by descriptor or
 * working directory: a lookup is always asked. Thread-safe, of constant size; forgets at will.
 */
final class ToldAttributes {
  private static final int DIRECTORIES = 256;
  private static final int CALLERS = 1024;
  private static final int INODES = 1024;

  private static final class Told {
    final int thread;
    final FileAttributes attributes;
    final long askedNanos;

    /** Later changes by this mount than this one are not in it. */
    final long asOfNanos;

    /** Whether it has spared a request; a lost update does no harm. */
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

  /** When an inode was last being changed of which we only have the name. */
  private volatile long unknownChangedNanos;

  /**
   * @param reuseNanos how long an answer is given again; 0 = never
   */
  ToldAttributes(long reuseNanos) {
    this.reuseNanos = reuseNanos;
  }

  /** Now, for the methods below. */
  long now() {
    return System.nanoTime() - startNanos;
  }

  /** Attributes of an inode that this thread need not have asked for, or null. */
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

  /** The thread asks for something else: what it was told belongs to an earlier call. */
  void callGoesOn(int thread) {
    int slot = thread & (CALLERS - 1);
    if (byCaller.get(slot) != null) {
      byCaller.set(slot, null);
    }
  }

  /**
   * Takes note of an answer, before it is sent.
   *
   * @param askedNanos when the question was taken from the kernel
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
      // Of others, how much is allocated must be asked for.
      byCaller.set(thread & (CALLERS - 1), new Told(thread, attributes, askedNanos, askedNanos));
    }
  }

  /** Whether what is known of a directory has spared requests, so that it is worth keeping up. */
  boolean isInUse(long directory) {
    Told told = directories.get(hash(directory, DIRECTORIES));
    return told != null && told.used && told.attributes.id().value() == directory;
  }

  /**
   * Takes note of a directory's attributes that were asked for right behind a change of its
   * entries. Its owner answers in the order in which it does things, so all changes that have been
   * answered by now are in them. Those of a directory that is spread come from many nodes, in no
   * order: they hold as of when they were asked for.
   */
  void toldInOrder(FileAttributes attributes, long askedNanos) {
    if (attributes.isDirectory()) {
      long asOfNanos = attributes.partitionExponent() == 0 ? now() : askedNanos;
      directories.set(
          hash(attributes.id().value(), DIRECTORIES),
          new Told(0, attributes, askedNanos, asOfNanos));
    }
  }

  /** A change of an inode begins, or has been made and is about to be answered. */
  void changes(long node) {
    changedNanos.set(hash(node, INODES), now());
  }

  /** As {@link #changes} of a directory that the request does not tell the number of. */
  void changesUnknown() {
    unknownChangedNanos = now();
  }

  /** Where an inode goes in a table of this size, a power of two. */
  static int hash(long node, int size) {
    // Fibonacci hashing: numbers of inodes have their slot in the high bits and count in the low.
    return (int) ((node * 0x9E3779B97F4A7C15L) >>> 40) & (size - 1);
  }
}
