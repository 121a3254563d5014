package io.adhocfs.daemon.slot;

import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/**
 * The records of a node. What was committed survives the death of the process, and of the machine
 * only after {@link #sync}: then all of it is there, or all that was committed up to some moment,
 * batches whole and in their order. What is damaged is refused, at the start or when it is read.
 * Thread-safe; every call may wait for the disk.
 */
public interface SlotStore extends AutoCloseable {
  /**
   * The value of a key, or null.
   *
   * @throws FsException CORRUPT or STORAGE_FAILED
   */
  byte @Nullable [] get(byte[] key) throws FsException;

  /** A cursor over all records as they are now, at none of them yet; close it. */
  Cursor cursor();

  /** As {@link #cursor()}, over the records before a key, so that no look goes past it. */
  Cursor cursor(byte[] end);

  /**
   * Makes the changes of all batches at once, those of earlier batches first, and then tells the
   * stream of them.
   *
   * @throws FsException NO_SPACE, CORRUPT or STORAGE_FAILED: nothing has changed
   */
  void commit(SlotBatch... batches) throws FsException;

  /**
   * Makes everything that was committed survive a power failure.
   *
   * @throws FsException STORAGE_FAILED
   */
  void sync() throws FsException;

  /** Told of every change; whoever changes bytes of chunks tells it, too. */
  SlotStream stream();

  /** Nobody may use it meanwhile or afterwards. */
  @Override
  void close();

  /**
   * Walks over records in the order of their keys' bytes, without sign. Sees the records as they
   * were when it was made. Used by one thread.
   */
  interface Cursor extends AutoCloseable {
    /**
     * Goes to the first record at or behind a key.
     *
     * @return whether there is one
     * @throws FsException CORRUPT or STORAGE_FAILED
     */
    boolean seek(byte[] key) throws FsException;

    /** Goes to the next record, from one; answers whether there is one. */
    boolean next() throws FsException;

    /** The key of the record that it is at; not to be changed. */
    byte[] key();

    /** The value of the record that it is at; not to be changed. */
    byte[] value();

    @Override
    void close();
  }
}
