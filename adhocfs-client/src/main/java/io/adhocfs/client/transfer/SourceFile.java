package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** An open regular file that is copied from. No call waits. */
interface SourceFile {

  /**
   * A part of the file.
   *
   * @param start of the first byte; {@code start == end} at the file's end
   */
  record Extent(long start, long end) {}

  /** What it was when it was opened. */
  Facts facts();

  /** The first data from the offset to the end; an empty extent where there is none. */
  CompletableFuture<Extent> nextData(long offset, long endBytes);

  /**
   * Whether the size in {@link #facts} is where the file ends. File systems that make a file's
   * content up when it is read, such as procfs and sysfs, tell 0 or a page.
   */
  boolean tellsItsEnd();

  /** So many bytes, or fewer where the file ends. The receiver releases the buffer. */
  CompletableFuture<ByteBuf> read(long offset, int lengthBytes);

  /** Its extended attributes of namespace user. */
  CompletableFuture<List<ExtendedAttribute>> userAttributes();

  /** What it is now. */
  CompletableFuture<Facts> factsNow();

  /** Never fails: nothing was written. */
  void close();
}
