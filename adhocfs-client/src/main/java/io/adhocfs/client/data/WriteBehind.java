package io.adhocfs.client.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.Unstored;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the writes of one file that follow each other and stores them together, while the program
 * goes on: one buffer fills while another one is on its way. Thread-safe.
 *
 * <p>Buffers are stored one after the other, so a later write is never overtaken by an earlier one.
 * What can't be stored is lost, and told to whoever writes or flushes next, by each handle once, as
 * a local file system does with its page cache.
 */
final class WriteBehind implements Unstored {
  /** A buffer is stored when it reaches a multiple of this offset in the file. */
  private static final int STRETCH_BYTES = 512 << 10;

  /** How long bytes may wait for more. */
  private static final long HELD_NANOS_MAX = 1_000_000_000;

  /** Of a buffer, and what each one counts for at least. */
  private static final int FIRST_BYTES = 4 << 10;

  private final FileData data;
  private final KnownFile file;
  private final OperationSource operations;
  private final HeldBytes held;

  /** What takes bytes. */
  @GuardedBy("this")
  private @Nullable Stretch filling;

  /** What is on its way. */
  @GuardedBy("this")
  private @Nullable Stretch leaving;

  @GuardedBy("this")
  private boolean timerIsSet;

  /** Room for the next stretch. */
  @GuardedBy("this")
  private int nextCapacityBytes = FIRST_BYTES;

  @GuardedBy("this")
  private int losses;

  @GuardedBy("this")
  private @Nullable FsException lastLoss;

  /**
   * @param held what all files of this client hold
   */
  WriteBehind(FileData data, KnownFile file, OperationSource operations, HeldBytes held) {
    this.data = data;
    this.file = file;
    this.operations = operations;
    this.held = held;
  }

  /** Bytes that follow each other. */
  private static final class Stretch {
    final long offset;
    final ByteBuf bytes;

    /** The first one to write: it is stored on whose behalf that was. */
    final Operation writer;

    final CompletableFuture<Void> over = new CompletableFuture<>();

    /** Of the budget. */
    int heldBytes;

    /** Whether it is to leave as soon as it can: it is full, or somebody waits for it. */
    boolean isDue;

    Stretch(long offset, ByteBuf bytes, Operation writer) {
      this.offset = offset;
      this.bytes = bytes;
      this.writer = writer;
    }

    long end() {
      return offset + bytes.readableBytes();
    }

    boolean isFull() {
      return end() / STRETCH_BYTES > offset / STRETCH_BYTES;
    }

    boolean takes(WritePiece piece) {
      return piece.offset() == end() && !isFull();
    }
  }

  /**
   * Takes bytes, and completes when it has them; where there is no room, when they are stored.
   *
   * @param piece its buffer must live until this completes
   */
  CompletableFuture<Void> write(Operation operation, WritePiece piece) {
    Stretch toStore = null;
    CompletableFuture<Void> room = null;
    boolean taken = false;
    synchronized (this) {
      if (filling != null && !filling.takes(piece)) {
        toStore = leave();
      }
      if (filling != null && !filling.takes(piece)) {
        // Both buffers are in use.
        room = Objects.requireNonNull(leaving).over;
      } else if (add(operation, piece)) {
        taken = true;
        if (Objects.requireNonNull(filling).isFull()) {
          nextCapacityBytes = STRETCH_BYTES;
          Stretch full = leave();
          toStore = toStore == null ? full : toStore;
        } else {
          setTimer();
        }
      }
    }
    store(toStore);
    if (taken) {
      return Completion.done();
    }
    return room == null
        ? operation.share(drain()).thenCompose(_ -> data.store(operation, file, List.of(piece)))
        : operation.share(room).thenCompose(_ -> write(operation, piece));
  }

  /** Adds bytes to what is filling, or begins that; false if this client holds too many. */
  @GuardedBy("this")
  private boolean add(Operation operation, WritePiece piece) {
    Stretch stretch = filling;
    int lengthBytes = piece.lengthBytes();
    int toHold = stretch == null ? Math.max(FIRST_BYTES, lengthBytes) : lengthBytes;
    if (!held.tryTake(toHold)) {
      return false;
    }
    if (stretch == null) {
      ByteBuf bytes =
          PooledByteBufAllocator.DEFAULT.directBuffer(Math.max(nextCapacityBytes, lengthBytes));
      nextCapacityBytes = FIRST_BYTES;
      stretch = new Stretch(piece.offset(), bytes, operation);
      filling = stretch;
    }
    stretch.heldBytes += toHold;
    stretch.bytes.writeBytes(piece.data(), piece.data().readerIndex(), lengthBytes);
    return true;
  }

  /** Has what is filling leave, now or behind what is on its way; answers what is to be stored. */
  @GuardedBy("this")
  private @Nullable Stretch leave() {
    Stretch next = filling;
    if (next == null) {
      return null;
    }
    if (leaving != null) {
      next.isDue = true;
      return null;
    }
    leaving = next;
    filling = null;
    return next;
  }

  @GuardedBy("this")
  private void setTimer() {
    if (!timerIsSet) {
      timerIsSet = true;
      var _ = operations.timers().after(HELD_NANOS_MAX, this::timeIsOver);
    }
  }

  private void timeIsOver() {
    Stretch toStore;
    synchronized (this) {
      timerIsSet = false;
      toStore = leave();
    }
    store(toStore);
  }

  private void store(@Nullable Stretch stretch) {
    if (stretch == null) {
      return;
    }
    Operation operation =
        operations.beginFor(
            stretch.writer,
            () ->
                "write of %d bytes at %d to inode %s"
                    .formatted(stretch.end() - stretch.offset, stretch.offset, file.inode()));
    Completion.then(
        data.store(operation, file, List.of(new WritePiece(stretch.offset, stretch.bytes))),
        (_, failure) -> {
          stretch.bytes.release();
          held.giveBack(stretch.heldBytes);
          Stretch next;
          synchronized (this) {
            leaving = null;
            if (failure != null) {
              losses++;
              lastLoss = Failures.during(operation.description(), failure);
            }
            next = filling != null && filling.isDue ? leave() : null;
          }
          stretch.over.complete(null);
          store(next);
        });
  }

  @Override
  public synchronized long endBytes() {
    return Math.max(filling == null ? 0 : filling.end(), leaving == null ? 0 : leaving.end());
  }

  @Override
  public CompletableFuture<Void> drain() {
    CompletableFuture<Void> over;
    Stretch toStore;
    synchronized (this) {
      Stretch last = filling == null ? leaving : filling;
      if (last == null) {
        return Completion.done();
      }
      over = last.over;
      toStore = leave();
    }
    store(toStore);
    return over;
  }

  @Override
  public synchronized int losses() {
    return losses;
  }

  @Override
  public synchronized @Nullable FsException lastLoss() {
    return lastLoss;
  }
}
