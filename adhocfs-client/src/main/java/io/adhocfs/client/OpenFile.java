package io.adhocfs.client;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.core.Await;
import io.adhocfs.client.core.ClientCore;
import io.adhocfs.client.data.FileData;
import io.adhocfs.client.data.WritePiece;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.Unstored;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.OwnVersions;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An open regular file. There is no position: every transfer names its offset. Thread-safe; many
 * transfers may be under way.
 *
 * <p>A write is acknowledged when the daemons have its bytes and the file's size covers them; any
 * client that asks afterwards sees both (unless the switch {@code writes} says {@code behind} of
 * the file: then others see it after {@link #flush}, or a second, and a failure is told by the next
 * write, flush, sync or close). Its mtime and data version may follow later, at the latest with
 * {@link #flush}, {@link #sync}, {@link #close} or this client's own getattr. A transfer is atomic
 * within one chunk, not beyond. A write that fails may have been done in part; nothing tells which.
 *
 * <p>When its session has ended at the node that keeps the file's inode, the handle is lost: all
 * calls fail with SESSION_EXPIRED, and so do those that set a lock; what it had locked is free. The
 * file has to be opened again.
 *
 * <p>Calls without "Async" wait, must not be made from a completion of a future, and throw {@code
 * FsException}: TIMED_OUT, SESSION_EXPIRED, NO_SPACE, BAD_HANDLE after close or against how the
 * file was opened, INTERRUPTED when the thread is interrupted. The others complete as {@link
 * InodeOperations} says. A buffer belongs to the transfer until it completes; when a write ends in
 * an error or is cancelled, copies of it may still be on their way, so the buffer is not to be
 * changed but dropped.
 */
public final class OpenFile implements AutoCloseable {
  private final ClientCore core;
  private final KnownFile file;
  private final boolean readable;
  private final boolean writable;
  private final AtomicReference<@Nullable CompletableFuture<Void>> closing =
      new AtomicReference<>();

  /** Completes, never failing, when all appends that have begun are over. */
  @GuardedBy("this")
  private CompletableFuture<?> appends = CompletableFuture.completedFuture(null);

  /** How many losses of taken bytes this handle has told of. */
  @GuardedBy("this")
  private int lossesTold;

  OpenFile(ClientCore core, KnownFile file, boolean readable, boolean writable) {
    this.core = core;
    this.file = file;
    this.readable = readable;
    this.writable = writable;
    Unstored taken = file.unstored();
    this.lossesTold = taken == null ? 0 : taken.losses();
  }

  public InodeId inode() {
    return file.inode();
  }

  /** What the file was when this client last heard of it: at open, or by a later answer. */
  public FileAttributes lastKnownAttributes() {
    return file.attributes();
  }

  /** As {@link InodeOperations#ownVersions}. */
  public OwnVersions ownVersions() {
    return file.ownVersions();
  }

  /** What has been written up to now counts as somebody else's in {@link #ownVersions}. */
  public void disown() {
    file.disown();
  }

  /**
   * Reads into the buffer from its position on.
   *
   * @return how many bytes; fewer than fit only where the file ends, 0 at its end
   */
  @CanIgnoreReturnValue
  public int read(long offset, ByteBuffer target) throws FsException {
    return Await.result(readAsync(offset, target));
  }

  /** As {@link #read}; the buffer's position moves before the future completes. */
  public CompletableFuture<Integer> readAsync(long offset, ByteBuffer target) {
    return read(List.of(new IoPiece(offset, target)), lengths -> lengths[0]);
  }

  /**
   * Reads all pieces, asking each node once (or, for more than some MiB from one node, a few
   * times), however many pieces there are.
   *
   * @return how many bytes each piece got, as {@link #read} would; the buffers' positions moved
   */
  @CanIgnoreReturnValue
  public int[] readVectored(List<IoPiece> pieces) throws FsException {
    return Await.result(readVectoredAsync(pieces));
  }

  /** As {@link #readVectored}. */
  public CompletableFuture<int[]> readVectoredAsync(List<IoPiece> pieces) {
    return read(pieces, lengths -> lengths);
  }

  private <T> CompletableFuture<T> read(List<IoPiece> pieces, Function<int[], T> form) {
    Operation operation = core.begin(file, () -> "read of inode " + file.inode());
    FsException refusal = refusal(readable, "reading");
    if (refusal == null) {
      refusal = file.loss();
    }
    if (refusal != null) {
      return operation.answer(CompletableFuture.failedFuture(refusal));
    }
    List<FileData.ReadPiece> parts = new ArrayList<>(pieces.size());
    for (IoPiece piece : pieces) {
      parts.add(new FileData.ReadPiece(piece.offset(), piece.buffer()));
    }
    return operation.answer(core.data.read(operation, file, parts).thenApply(form));
  }

  /** Writes all that the buffer has remaining. */
  public void write(long offset, ByteBuffer source) throws FsException {
    Await.result(writeAsync(offset, source));
  }

  /** As {@link #write}; the buffer's position moves at once. */
  public CompletableFuture<Void> writeAsync(long offset, ByteBuffer source) {
    return writeVectoredAsync(List.of(new IoPiece(offset, source)));
  }

  /**
   * Writes all pieces, telling each node once (or, for more than some MiB to one node, a few
   * times). Where pieces overlap, either may win.
   */
  public void writeVectored(List<IoPiece> pieces) throws FsException {
    Await.result(writeVectoredAsync(pieces));
  }

  /** As {@link #writeVectored}; the buffers' positions move at once. */
  public CompletableFuture<Void> writeVectoredAsync(List<IoPiece> pieces) {
    List<WritePiece> parts = new ArrayList<>(pieces.size());
    for (IoPiece piece : pieces) {
      parts.add(new WritePiece(piece.offset(), taken(piece.buffer())));
    }
    return write(parts, false, () -> {});
  }

  /**
   * Writes at the end of the file, in one piece, wherever the end is by then: of appends at one
   * moment, from any clients, each has its own place. Those of this handle follow each other.
   *
   * @return the offset at which it was written
   */
  @CanIgnoreReturnValue
  public long append(ByteBuffer source) throws FsException {
    return Await.result(appendAsync(source));
  }

  /** As {@link #append}; the buffer's position moves at once. */
  public CompletableFuture<Long> appendAsync(ByteBuffer source) {
    return appendBuffer(taken(source));
  }

  /** Sets the size, up or down. */
  public void truncate(long sizeBytes) throws FsException {
    FileAttributes _ = Await.result(truncateAsync(sizeBytes));
  }

  public CompletableFuture<FileAttributes> truncateAsync(long sizeBytes) {
    Operation operation =
        core.begin(file, () -> "truncation of inode " + file.inode() + " to " + sizeBytes);
    FsException refusal = refusal(writable, "writing");
    return refusal != null
        ? CompletableFuture.failedFuture(refusal)
        : operation.answer(core.truncation.truncate(operation, file.inode(), sizeBytes));
  }

  /** Cuts the file to 0, as a part of its opening; closes it if that fails. */
  CompletableFuture<OpenFile> emptied(Operation opening) {
    Operation operation = core.begin(file, opening::description);
    opening.cancelsToo(operation);
    return Completion.compose(
        core.truncation.truncate(operation, file.inode(), 0),
        (_, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(this);
          }
          abandon();
          return CompletableFuture.<OpenFile>failedFuture(failure);
        });
  }

  /**
   * Has a range read as zeros and take no space; the size stays.
   *
   * @param lengthBytes at least 1
   */
  public CompletableFuture<FileAttributes> punchAsync(long offset, long lengthBytes) {
    return changeRange("punching", offset, lengthBytes, true, false);
  }

  /** As {@link #punchAsync}, and the size covers the range afterwards. */
  public CompletableFuture<FileAttributes> zeroAsync(long offset, long lengthBytes) {
    return changeRange("zeroing", offset, lengthBytes, true, true);
  }

  /**
   * Has the size cover a range, unless it is kept; NO_SPACE where the instance has less space than
   * the file would grow by. No space is set aside. It counts as a change of the content.
   */
  public CompletableFuture<FileAttributes> allocateAsync(
      long offset, long lengthBytes, boolean keepSize) {
    Operation operation = core.begin(file, () -> "allocation in inode " + file.inode());
    FsException refusal = refusal(writable, "writing");
    if (refusal != null) {
      return CompletableFuture.failedFuture(refusal);
    }
    long end = offset + lengthBytes;
    if (offset < 0 || lengthBytes < 1 || end < 0) {
      return CompletableFuture.failedFuture(
          new FsException(
              offset < 0 || lengthBytes < 1 ? FsError.INVALID : FsError.FILE_TOO_BIG,
              "a range of " + lengthBytes + " at " + offset));
    }
    return operation.answer(
        file.current(operation)
            .thenCompose(now -> {
              long growth = end - Math.max(offset, now.sizeBytes());
              return growth <= 0 ? Completion.done() : core.space.require(operation, growth);
            })
            .thenCompose(_ ->
                core.data.changeRange(operation, file, offset, lengthBytes, false, !keepSize)));
  }

  private CompletableFuture<FileAttributes> changeRange(
      String what, long offset, long lengthBytes, boolean clears, boolean extend) {
    Operation operation = core.begin(file, () -> what + " of a range of inode " + file.inode());
    FsException refusal = refusal(writable, "writing");
    return refusal != null
        ? CompletableFuture.failedFuture(refusal)
        : operation.answer(
            core.data
                .changeRange(operation, file, offset, lengthBytes, clears, extend)
                .thenCompose(
                    now -> core.recalls.tellOthers(operation, now.id()).thenApply(_ -> now)));
  }

  /**
   * Where the next data, or the next hole, from an offset on begins; the end of the file is a hole.
   *
   * @return -1 where the offset is at or past the end, or no data follows
   */
  public CompletableFuture<Long> seekAsync(long offset, boolean hole) {
    Operation operation = core.begin(file, () -> "search in inode " + file.inode());
    return operation.answer(core.extents.seek(operation, file, offset, hole));
  }

  /**
   * Copies a range to another file of this instance, or to another place of this file, which must
   * not overlap.
   *
   * @return how many bytes: fewer at this file's end, or when there are very many; what of a copy
   *     that failed was done is an answer too
   */
  public CompletableFuture<Long> copyAsync(
      long offset, OpenFile target, long targetOffset, long lengthBytes) {
    Operation operation =
        core.begin(file, () -> "copy of inode " + file.inode() + " to " + target.file.inode());
    Operation writing = core.begin(target.file, operation::description);
    operation.cancelsToo(writing);
    FsException refusal = refusal(readable, "reading");
    if (refusal == null) {
      refusal = target.refusal(target.writable, "writing");
    }
    return refusal != null
        ? CompletableFuture.failedFuture(refusal)
        : operation.answer(
            core.data.copy(
                operation, file, offset, writing, target.file, targetOffset, lengthBytes));
  }

  /** The size now, as the file's owner has it. */
  public long size() throws FsException {
    return Await.result(attributesAsync()).sizeBytes();
  }

  /** Attributes now, times of this client's writes included. */
  public CompletableFuture<FileAttributes> attributesAsync() {
    Operation operation = core.begin(file, () -> "attributes of inode " + file.inode());
    return operation.answer(file.current(operation));
  }

  /** Tells the owner the times of writes that it does not know yet. */
  public void flush() throws FsException {
    Await.result(flushAsync());
  }

  public CompletableFuture<Void> flushAsync() {
    Operation operation = core.begin(file, () -> "flush of inode " + file.inode());
    return operation.answer(told(operation));
  }

  /** {@link #flush}, and what the setting {@code fsync} promises; or nothing, if it says none. */
  public void sync() throws FsException {
    Await.result(syncAsync());
  }

  public CompletableFuture<Void> syncAsync() {
    Operation operation = core.begin(file, () -> "sync of inode " + file.inode());
    return operation.answer(
        switch (core.switchesOf(file.attributes()).fsync()) {
          case NONE -> CompletableFuture.completedFuture(null);
          case PROCESS -> told(operation).thenCompose(_ -> alive());
          case DISK -> told(operation).thenCompose(_ -> core.data.syncToDisk(operation, file));
        });
  }

  /** {@link #flush}, then the handle is no more, whether that failed or not. Idempotent. */
  @Override
  public void close() throws FsException {
    Await.result(closeAsync());
  }

  public CompletableFuture<Void> closeAsync() {
    var closed = new CompletableFuture<Void>();
    if (!closing.compareAndSet(null, closed)) {
      return Objects.requireNonNull(closing.get()).copy();
    }
    Completion.then(
        Completion.compose(flushAsync(), (_, failure) -> unlocked(failure)),
        (_, failure) -> {
          core.files.release(file);
          core.pins.release(file.session(), file.inode());
          if (failure == null) {
            closed.complete(null);
          } else {
            closed.completeExceptionally(Failures.of(failure));
          }
        });
    return closed.copy();
  }

  /**
   * Sets, converts or (mode NONE) removes an advisory lock, at once or not at all: WOULD_BLOCK if
   * another owner's is in the way. What this handle has written is told before a lock goes.
   *
   * @param owner the caller's number of whoever is to have the lock: a process, for locks that go
   *     with {@link #releaseLocksAsync}, or this open file, for those that go with {@link #close}
   */
  public CompletableFuture<Void> setLockAsync(long owner, FileLock lock) {
    FsException refusal = refusal(true, "locking");
    if (refusal != null) {
      return CompletableFuture.failedFuture(refusal);
    }
    if (lock.mode() == LockMode.EXCLUSIVE
        || !core.locks.mayHold(file.inode(), lock.kind(), owner)
        || !file.isAlive()) {
      return core.locks.set(file.session(), file.inode(), owner, lock, this);
    }
    return flushAsync()
        .thenCompose(_ -> core.locks.set(file.session(), file.inode(), owner, lock, this));
  }

  /**
   * As {@link #setLockAsync}, waiting until no other owner's lock is in the way, however long that
   * takes (no deadline applies, but to a node that can't be reached). DEADLOCK if two would wait
   * for each other, of kind POSIX only. Cancelling the future ends the wait: it completes soon
   * after, with INTERRUPTED, or with the lock if that was granted before.
   */
  public CompletableFuture<Void> awaitLockAsync(long owner, FileLock lock) {
    FsException refusal = refusal(true, "locking");
    if (refusal != null) {
      return CompletableFuture.failedFuture(refusal);
    }
    if (lock.mode() == LockMode.SHARED) {
      // It may weaken an exclusive one. Requests to one node arrive in order.
      Completion.then(flushAsync(), (_, _) -> {});
    }
    return core.locks.await(file.session(), file.inode(), owner, lock, this);
  }

  /** The lock that is in the way of one, or the same with mode NONE if there is none. */
  public CompletableFuture<FileLock> testLockAsync(long owner, FileLock lock) {
    FsException refusal = refusal(true, "locking");
    return refusal != null
        ? CompletableFuture.failedFuture(refusal)
        : core.locks.test(file.session(), file.inode(), owner, lock);
  }

  /** {@link #flush}, then all ranges that an owner has locked on this file's inode are free. */
  public CompletableFuture<Void> releaseLocksAsync(long owner) {
    return core.locks.mayHold(file.inode(), LockKind.POSIX, owner)
        ? Completion.compose(
            flushAsync(),
            (_, failure) ->
                afterwards(core.locks.release(file.inode(), LockKind.POSIX, owner), failure))
        : flushAsync();
  }

  private CompletableFuture<Void> unlocked(@Nullable FsException failure) {
    return afterwards(core.locks.releaseHandle(file.inode(), this), failure);
  }

  /** What something led to, unless something before it had failed. */
  private static CompletableFuture<Void> afterwards(
      CompletableFuture<Void> future, @Nullable FsException failure) {
    return failure == null
        ? future
        : Completion.compose(future, (_, _) -> CompletableFuture.<Void>failedFuture(failure));
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
    Operation operation = core.begin(file, () -> "read of inode " + file.inode());
    FsException refusal = refusal(readable, "reading");
    if (refusal == null) {
      refusal = file.loss();
    }
    if (refusal != null) {
      return operation.answer(CompletableFuture.failedFuture(refusal));
    }
    if (known != null) {
      file.learn(known);
    }
    return operation.answer(
        core.data.read(operation, file, offset, lengthBytes, known), ByteBuf::release);
  }

  /** Writes all readable bytes of the buffer, which is taken over and released. */
  public CompletableFuture<Void> writeBuffer(long offset, ByteBuf data) {
    return write(List.of(new WritePiece(offset, data)), false, data::release);
  }

  /** As {@link #writeBuffer}, completing when daemons have the bytes, whatever the switch says. */
  public CompletableFuture<Void> writeBufferThrough(long offset, ByteBuf data) {
    return write(List.of(new WritePiece(offset, data)), true, data::release);
  }

  /** As {@link #append}, of a buffer that is taken over and released. */
  public CompletableFuture<Long> appendBuffer(ByteBuf data) {
    Operation operation = core.begin(file, () -> "append to inode " + file.inode());
    FsException refusal = refusal(writable, "writing");
    if (refusal != null) {
      data.release();
      return CompletableFuture.failedFuture(refusal);
    }
    var result = new CompletableFuture<Long>();
    CompletableFuture<?> before;
    synchronized (this) {
      before = appends;
      appends = CompletableFuture.allOf(before, result).handle((_, _) -> true);
    }
    Completion.then(
        operation.share(before).thenCompose(_ -> core.data.append(operation, file, data)),
        (offset, failure) -> {
          data.release();
          if (failure == null) {
            result.complete(offset);
          } else {
            result.completeExceptionally(Failures.of(failure));
          }
        });
    return operation.answer(result);
  }

  /**
   * Writes.
   *
   * @param after is run when the buffers are no longer needed
   */
  private CompletableFuture<Void> write(List<WritePiece> pieces, boolean through, Runnable after) {
    Operation operation = core.begin(file, () -> "write to inode " + file.inode());
    FsException refusal = refusal(writable, "writing");
    if (refusal == null) {
      refusal = untoldLoss();
    }
    if (refusal == null) {
      // What would be taken to be stored later could only be lost.
      refusal = file.loss();
    }
    CompletableFuture<Void> written;
    if (refusal != null) {
      written = CompletableFuture.failedFuture(refusal);
    } else if (!through
        && pieces.size() == 1
        && core.switchesOf(file.attributes()).writesBehind()) {
      written = core.data.writeBehind(operation, file, pieces.getFirst());
    } else {
      written = core.data.write(operation, file, pieces);
    }
    return operation.answer(written.whenComplete((_, _) -> after.run()));
  }

  private CompletableFuture<Void> told(Operation operation) {
    CompletableFuture<Void> told =
        file.tellTimes(operation)
            .thenCompose(_ -> core.recalls.tellOthers(operation, file.inode()));
    return file.unstored() == null
        ? told
        : told.thenCompose(_ -> {
          FsException loss = untoldLoss();
          return loss == null ? Completion.done() : CompletableFuture.failedFuture(loss);
        });
  }

  /** Fails when what this handle stands for is lost: nothing can be promised of it then. */
  private CompletableFuture<Void> alive() {
    FsException loss = file.loss();
    return loss == null ? Completion.done() : CompletableFuture.failedFuture(loss);
  }

  /** What could not be stored since this handle was opened, or was told last; null if nothing. */
  private @Nullable FsException untoldLoss() {
    Unstored taken = file.unstored();
    if (taken == null) {
      return null;
    }
    synchronized (this) {
      int losses = taken.losses();
      boolean isNew = losses != lossesTold;
      lossesTold = losses;
      return isNew ? taken.lastLoss() : null;
    }
  }

  /** The bytes that a buffer has remaining, without copying; its position moves. */
  private static ByteBuf taken(ByteBuffer source) {
    ByteBuf bytes = Unpooled.wrappedBuffer(source);
    source.position(source.limit());
    return bytes;
  }

  private @Nullable FsException refusal(boolean allowed, String what) {
    if (closing.get() != null) {
      return new FsException(FsError.BAD_HANDLE, "inode " + file.inode() + " has been closed");
    }
    return allowed
        ? null
        : new FsException(
            FsError.BAD_HANDLE, "inode " + file.inode() + " was not opened for " + what);
  }

  /** Closes a handle that nobody got. */
  void abandon() {
    Completion.then(closeAsync(), (_, _) -> {});
  }
}
