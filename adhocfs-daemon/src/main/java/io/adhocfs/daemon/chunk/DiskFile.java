package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsException;

/**
 * An open, sparse file. Memory is passed as addresses, which stay the caller's to keep alive.
 * Thread-safe.
 */
public interface DiskFile extends AutoCloseable {
  /**
   * Reads until everything is there or the file ends.
   *
   * @return bytes read
   */
  long read(long address, long length, long position) throws FsException;

  /** Writes everything, or fails with NO_SPACE or STORAGE_FAILED after some of it. */
  void write(long address, long length, long position) throws FsException;

  /** Makes it this long; what is new is a hole. */
  void setSize(long sizeBytes) throws FsException;

  /**
   * Gives the blocks of a range back; it reads as zeros.
   *
   * @return false where the file system cannot do that
   */
  boolean punch(long position, long length) throws FsException;

  /** Where the next data from a position on begins; negative = there is none. */
  long data(long position);

  /** Where the next hole from a position on begins; negative = the file ends before. */
  long hole(long position);

  /** Whether a range has blocks everywhere, so that writing to it needs no space. */
  default boolean isAllocated(long position, long length) {
    return data(position) == position && hole(position) >= position + length;
  }

  Disk.Extent extent() throws FsException;

  /** Makes its bytes survive a power failure. */
  void sync() throws FsException;

  @Override
  void close();
}
