package io.adhocfs.client;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * An open regular file. There is no position: every transfer names its offset. Thread-safe; many
 * transfers may be under way.
 *
 * <p>A write is acknowledged when the daemons have its bytes and the file's size covers them; any
 * client that asks afterwards sees both. Its mtime and data version may follow later, at the latest
 * with {@link #flush}, {@link #sync}, {@link #close} or this client's own getattr. A transfer is
 * atomic within one chunk, not beyond. A write that fails may have been done in part; nothing tells
 * which.
 *
 * <p>Calls without "Async" wait, must not be made from a completion of a future, and throw {@code
 * FsException}: TIMED_OUT, SESSION_EXPIRED, NO_SPACE, BAD_HANDLE after close or against how the
 * file was opened, INTERRUPTED when the thread is interrupted. The others complete as {@link
 * InodeOperations} says. A buffer belongs to the transfer until it completes; when a write ends in
 * an error or is cancelled, copies of it may still be on their way, so the buffer is not to be
 * changed but dropped.
 */
public final class OpenFile implements AutoCloseable {
  OpenFile() {}

  public InodeId inode() {
    throw new UnsupportedOperationException();
  }

  /** What the file was when this client last heard of it: at open, or by a later answer. */
  public FileAttributes lastKnownAttributes() {
    throw new UnsupportedOperationException();
  }

  /**
   * Reads into the buffer from its position on.
   *
   * @return how many bytes; fewer than fit only where the file ends, 0 at its end
   */
  @CanIgnoreReturnValue
  public int read(long offset, ByteBuffer target) throws FsException {
    throw new UnsupportedOperationException();
  }

  /** As {@link #read}; the buffer's position moves before the future completes. */
  public CompletableFuture<Integer> readAsync(long offset, ByteBuffer target) {
    throw new UnsupportedOperationException();
  }

  /**
   * Reads all pieces, asking each node once (or, for more than some MiB from one node, a few
   * times), however many pieces there are.
   *
   * @return how many bytes each piece got, as {@link #read} would; the buffers' positions moved
   */
  @CanIgnoreReturnValue
  public int[] readVectored(List<IoPiece> pieces) throws FsException {
    throw new UnsupportedOperationException();
  }

  /** As {@link #readVectored}. */
  public CompletableFuture<int[]> readVectoredAsync(List<IoPiece> pieces) {
    throw new UnsupportedOperationException();
  }

  /** Writes all that the buffer has remaining. */
  public void write(long offset, ByteBuffer source) throws FsException {
    throw new UnsupportedOperationException();
  }

  /** As {@link #write}; the buffer's position moves at once. */
  public CompletableFuture<Void> writeAsync(long offset, ByteBuffer source) {
    throw new UnsupportedOperationException();
  }

  /**
   * Writes all pieces, telling each node once (or, for more than some MiB to one node, a few
   * times). Where pieces overlap, either may win.
   */
  public void writeVectored(List<IoPiece> pieces) throws FsException {
    throw new UnsupportedOperationException();
  }

  /** As {@link #writeVectored}; the buffers' positions move at once. */
  public CompletableFuture<Void> writeVectoredAsync(List<IoPiece> pieces) {
    throw new UnsupportedOperationException();
  }

  /**
   * Writes at the end of the file. The end is asked first, so appends of this handle follow each
   * other, but two clients that append at once may overwrite each other.
   *
   * @return the offset at which it was written
   */
  @CanIgnoreReturnValue
  public long append(ByteBuffer source) throws FsException {
    throw new UnsupportedOperationException();
  }

  /** As {@link #append}; the buffer's position moves at once. */
  public CompletableFuture<Long> appendAsync(ByteBuffer source) {
    throw new UnsupportedOperationException();
  }

  /** Sets the size, up or down. */
  public void truncate(long sizeBytes) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> truncateAsync(long sizeBytes) {
    throw new UnsupportedOperationException();
  }

  /** The size now, as the file's owner has it. */
  public long size() throws FsException {
    throw new UnsupportedOperationException();
  }

  /** Attributes now, times of this client's writes included. */
  public CompletableFuture<FileAttributes> attributesAsync() {
    throw new UnsupportedOperationException();
  }

  /** Tells the owner the times of writes that it does not know yet. */
  public void flush() throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> flushAsync() {
    throw new UnsupportedOperationException();
  }

  /** {@link #flush}, and what the instance's {@code fsync} setting promises. */
  public void sync() throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> syncAsync() {
    throw new UnsupportedOperationException();
  }

  /** {@link #flush}, then the handle is no more, whether that failed or not. Idempotent. */
  @Override
  public void close() throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> closeAsync() {
    throw new UnsupportedOperationException();
  }

  // With buffers of Netty, so that bytes pass through without being copied. -----------------------

  /**
   * The bytes from an offset on; fewer than asked for only where the file ends.
   *
   * @param known what the caller has just heard of the file: its size and generation count, nobody
   *     is asked; null = the owner is asked, while the bytes are on their way
   * @return the receiver releases it; possibly composite
   */
  public CompletableFuture<ByteBuf> readBuffer(
      long offset, int lengthBytes, @Nullable FileAttributes known) {
    throw new UnsupportedOperationException();
  }

  /** Writes all readable bytes of the buffer, which is taken over and released. */
  public CompletableFuture<Void> writeBuffer(long offset, ByteBuf data) {
    throw new UnsupportedOperationException();
  }

  /** As {@link #append}, of a buffer that is taken over and released. */
  public CompletableFuture<Long> appendBuffer(ByteBuf data) {
    throw new UnsupportedOperationException();
  }
}
