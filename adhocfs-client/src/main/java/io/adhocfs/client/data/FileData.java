package io.adhocfs.client.data;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DataRequest.SyncChunks;
import io.adhocfs.protocol.wire.FileRequest.ChangeRange;
import io.adhocfs.protocol.wire.NamespaceRequest.LeaveInline;
import io.adhocfs.protocol.wire.NamespaceRequest.SyncInode;
import io.adhocfs.protocol.wire.NamespaceRequest.WriteInline;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Reads and writes the bytes of known files. Thread-safe. */
public final class FileData {
  /** One part of a vectored read: as much as fits into the buffer. */
  public record ReadPiece(long offset, ByteBuffer buffer) {}

  /** More separate pieces than this make a file leave inline form: one message for all of them. */
  private static final int INLINE_PIECES_MAX = 4;

  private static final int SYNCS_AT_ONCE_MAX = 64;

  /** A write this long costs more by being copied than by being sent alone. */
  private static final int WRITE_ALONE_BYTES = 128 << 10;

  /** What a client holds of writes that it has answered. */
  private static final long HELD_BYTES_MAX = 32 << 20;

  private final Router router;
  private final OperationSource operations;
  private final LongSupplier wallClockNanos;
  private final BehindEnd behindEnd;
  private final HeldBytes held = new HeldBytes(HELD_BYTES_MAX);

  /**
   * @param wallClockNanos nanoseconds since 1970, for mtime
   */
  public FileData(Router router, OperationSource operations, LongSupplier wallClockNanos) {
    this.router = router;
    this.operations = operations;
    this.wallClockNanos = wallClockNanos;
    this.behindEnd = new BehindEnd(router, wallClockNanos);
  }

  /**
   * The bytes of a range; fewer only where the file ends.
   *
   * @param known attributes to believe; null = the owner is asked
   */
  public CompletableFuture<ByteBuf> read(
      Operation operation,
      KnownFile file,
      long offset,
      int lengthBytes,
      @Nullable FileAttributes known) {
    boolean held = file.holdsBytes();
    return file.afterHeld(
        operation,
        () ->
            readStored(
                operation,
                file,
                offset,
                lengthBytes,
                held && known != null ? file.attributes() : known));
  }

  private CompletableFuture<ByteBuf> readStored(
      Operation operation,
      KnownFile file,
      long offset,
      int lengthBytes,
      @Nullable FileAttributes known) {
    var target = new PartsTarget();
    return Completion.compose(
        new FileRead(
                router, operation, file, List.of(new ChunkRead.Range(offset, lengthBytes, target)))
            .run(known),
        (_, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(target.take());
          }
          target.close();
          return CompletableFuture.<ByteBuf>failedFuture(Failures.of(failure));
        });
  }

  /** How many bytes each buffer got; their positions have moved when it completes. */
  public CompletableFuture<int[]> read(
      Operation operation, KnownFile file, List<ReadPiece> pieces) {
    return file.afterHeld(operation, () -> readStored(operation, file, pieces));
  }

  private CompletableFuture<int[]> readStored(
      Operation operation, KnownFile file, List<ReadPiece> pieces) {
    List<BufferTarget> targets = new ArrayList<>(pieces.size());
    List<ChunkRead.Range> ranges = new ArrayList<>(pieces.size());
    for (ReadPiece piece : pieces) {
      var target = new BufferTarget(piece.buffer);
      targets.add(target);
      ranges.add(new ChunkRead.Range(piece.offset, piece.buffer.remaining(), target));
    }
    return new FileRead(router, operation, file, ranges)
        .run(null)
        .whenComplete((lengths, failure) -> {
          for (int i = 0; i < targets.size(); i++) {
            if (failure == null) {
              targets.get(i).close(lengths[i]);
            } else {
              targets.get(i).close();
            }
          }
        });
  }

  /**
   * Stores the pieces, and makes the owner's size cover them.
   *
   * @param pieces their buffers must live until this completes
   */
  public CompletableFuture<Void> write(
      Operation operation, KnownFile file, List<WritePiece> pieces) {
    return file.afterHeld(operation, () -> store(operation, file, pieces));
  }

  /**
   * As {@link #write}, but a short one completes when this client has the bytes: the daemons get
   * them with those that follow, at the latest after a second. What comes after through this client
   * finds them stored.
   */
  public CompletableFuture<Void> writeBehind(
      Operation operation, KnownFile file, WritePiece piece) {
    int lengthBytes = piece.lengthBytes();
    if (lengthBytes == 0
        || lengthBytes >= WRITE_ALONE_BYTES
        || piece.offset() < 0
        || piece.offset() > FileLayout.FILE_BYTES_MAX - lengthBytes
        || !(file.unstored(it -> new WriteBehind(this, it, operations, held))
            instanceof WriteBehind behind)) {
      return write(operation, file, List.of(piece));
    }
    return behind.write(operation, piece);
  }

  /** As {@link #write}, whatever has been taken and not stored. */
  CompletableFuture<Void> store(Operation operation, KnownFile file, List<WritePiece> pieces) {
    List<WritePiece> full = new ArrayList<>(pieces.size());
    for (WritePiece piece : pieces) {
      if (piece.lengthBytes() > 0) {
        if (piece.offset() < 0
            || piece.offset() > FileLayout.FILE_BYTES_MAX - piece.lengthBytes()) {
          return CompletableFuture.failedFuture(
              new FsException(FsError.FILE_TOO_BIG, "a write that starts at " + piece.offset()));
        }
        full.add(piece);
      }
    }
    if (full.isEmpty()) {
      return CompletableFuture.completedFuture(null);
    }
    var result = new CompletableFuture<Void>();
    new FileWrite(operation, file, full, result).attempt();
    return result;
  }

  /** Files of one's kind up to this size lie with their metadata. */
  static long inlineBytesMax(Router router, FileAttributes file) {
    return router.switches().of(file.layout().dataset()).inlineBytesMax();
  }

  /** Writes at the end, wherever that is by then; answers the offset. */
  public CompletableFuture<Long> append(Operation operation, KnownFile file, ByteBuf data) {
    return file.settle(operation)
        .thenCompose(_ ->
            new FileAppend(router, operations, wallClockNanos, operation, file, data, behindEnd)
                .run());
  }

  /** Copies a range; as {@link FileCopy} says. */
  public CompletableFuture<Long> copy(
      Operation reading,
      KnownFile source,
      long fromByte,
      Operation writing,
      KnownFile target,
      long toByte,
      long lengthBytes) {
    return new FileCopy(this, reading, source, writing, target).run(fromByte, toByte, lengthBytes);
  }

  /**
   * Clears a range, or makes the size cover it, or both.
   *
   * @param lengthBytes at least 1
   */
  public CompletableFuture<FileAttributes> changeRange(
      Operation operation,
      KnownFile file,
      long offset,
      long lengthBytes,
      boolean clears,
      boolean extend) {
    // Its mtime is later than that of what this client wrote before.
    return file.tellTimes(operation)
        .thenCompose(_ ->
            router.sendStamped(
                operation,
                stamp ->
                    new ChangeRange(
                        stamp,
                        file.inode(),
                        offset,
                        lengthBytes,
                        clears,
                        extend,
                        false,
                        wallClockNanos.getAsLong())))
        .thenApply(response -> {
          FileAttributes told = Answers.attributes(response);
          file.learn(told);
          return told;
        });
  }

  /**
   * Makes the file survive a power failure, as far as its bytes have been acknowledged, to whatever
   * client: so the owner is asked first how far they reach.
   */
  public CompletableFuture<Void> syncToDisk(Operation operation, KnownFile file) {
    return router.unsynced().sync(file.inode(), () -> syncAll(operation, file));
  }

  private CompletableFuture<Void> syncAll(Operation operation, KnownFile file) {
    ClusterMap map = router.map();
    return file.refresh(operation)
        .thenCompose(now -> syncChunks(operation, now, map))
        .thenCompose(_ -> router.send(operation, new SyncInode(file.inode())))
        .thenCompose(response -> {
          Reply _ = Answers.reply(response);
          // Chunks that moved meanwhile went to nodes that were not asked.
          return router.map().epoch().isAfter(map.epoch())
              ? syncAll(operation, file)
              : Completion.done();
        });
  }

  private CompletableFuture<Void> syncChunks(
      Operation operation, FileAttributes now, ClusterMap map) {
    List<NodeId> nodes = now.layout().inline() ? List.of() : List.copyOf(chunkOwners(map, now));
    return Parallel.run(
        nodes.size(),
        SYNCS_AT_ONCE_MAX,
        i ->
            Completion.compose(
                router.send(operation, nodes.get(i), new SyncChunks(now.id())),
                (response, failure) -> {
                  if (failure == null) {
                    Reply _ = Answers.reply(response);
                  } else if (failure.error() != FsError.CHANGED) {
                    return CompletableFuture.failedFuture(failure.asCompletion());
                  }
                  // A node that has left has handed its chunks over: they are asked for again.
                  return Completion.done();
                }));
  }

  private static Set<NodeId> chunkOwners(ClusterMap map, FileAttributes file) {
    // Writes past the size that are under way are not acknowledged, so need not be synced.
    long count =
        Math.min(
            Striping.chunkCount(file.sizeBytes(), file.layout().chunkSizeBytes()),
            map.owners().length);
    int everyNode = map.nodes().size();
    Set<NodeId> owners = new TreeSet<>();
    for (long chunk = 0; chunk < count && owners.size() < everyNode; chunk++) {
      owners.add(map.owner(Placement.chunkSlot(file.layout(), chunk)));
    }
    return owners;
  }

  /** One write through all its tries: only one is under way at a time. */
  private final class FileWrite {
    private final Operation operation;
    private final KnownFile file;
    private final List<WritePiece> pieces;
    private final CompletableFuture<Void> result;
    private final long start;
    private final long solidFrom;
    private final long end;
    private boolean leaveInline;
    private int cuts;

    FileWrite(
        Operation operation,
        KnownFile file,
        List<WritePiece> pieces,
        CompletableFuture<Void> result) {
      this.operation = operation;
      this.file = file;
      this.pieces = pieces;
      this.result = result;
      this.start = pieces.stream().mapToLong(WritePiece::offset).min().orElseThrow();
      this.end = pieces.stream().mapToLong(WritePiece::end).max().orElseThrow();
      this.solidFrom = solidFrom(pieces, end);
    }

    /** From where on the pieces cover everything up to their end. */
    private static long solidFrom(List<WritePiece> pieces, long end) {
      long from = end;
      List<WritePiece> lastFirst = new ArrayList<>(pieces);
      lastFirst.sort(Comparator.comparingLong(WritePiece::end).reversed());
      for (WritePiece piece : lastFirst) {
        if (piece.end() < from) {
          break;
        }
        from = Math.min(from, piece.offset());
      }
      return from;
    }

    void attempt() {
      FileAttributes now = file.attributes();
      if (!now.layout().inline()) {
        store(now);
      } else if (leaveInline || end > inlineBytesMax(router, now)) {
        leaveInline();
      } else {
        storeInline();
      }
    }

    private void store(FileAttributes now) {
      Completion.then(
          ChunkWrite.run(router, operation, now, pieces)
              .thenCompose(_ ->
                  file.stored(
                      operation,
                      solidFrom,
                      end,
                      now.dataGeneration(),
                      wallClockNanos.getAsLong(),
                      router.switches().of(now.layout().dataset()).tellsSizeLater())),
          (_, failure) -> {
            if (failure == null) {
              result.complete(null);
            } else {
              failed(Failures.of(failure));
            }
          });
    }

    private void leaveInline() {
      Completion.then(
          router
              .sendStamped(operation, stamp -> new LeaveInline(stamp, file.inode()))
              .thenAccept(response -> file.learn(Answers.attributes(response))),
          (_, failure) -> {
            if (failure != null) {
              failed(Failures.of(failure));
            } else if (file.attributes().layout().inline()) {
              result.completeExceptionally(
                  new FsException(FsError.INTERNAL, "inode " + file.inode() + " stays inline"));
            } else {
              attempt();
            }
          });
    }

    private void storeInline() {
      List<WritePiece> runs = joined(pieces);
      if (runs.size() > INLINE_PIECES_MAX) {
        leaveInline = true;
        attempt();
        return;
      }
      Completion.then(
          Parallel.run(
              runs.size(),
              runs.size(),
              i ->
                  router
                      .sendStamped(
                          operation,
                          stamp ->
                              new WriteInline(
                                  stamp,
                                  file.inode(),
                                  runs.get(i).offset(),
                                  wallClockNanos.getAsLong()),
                          runs.get(i).data().retainedDuplicate())
                      .thenAccept(response -> file.learnOwn(Answers.attributes(response)))),
          (_, failure) -> {
            if (failure == null) {
              result.complete(null);
            } else {
              failed(Failures.of(failure));
            }
          });
    }

    private void failed(FsException failure) {
      switch (failure.error()) {
        case STALE_GENERATION -> refreshAndAttempt(failure);
        case NOT_INLINE -> {
          // Either it has left inline form already, or its owner's limit is lower than mine.
          leaveInline = true;
          refreshAndAttempt(failure);
        }
        default -> giveUp(failure);
      }
    }

    /** What has been stored behind the end must not show when the file grows over it some day. */
    private void giveUp(FsException failure) {
      if (file.attributes().layout().inline() || end <= file.attributes().sizeBytes()) {
        result.completeExceptionally(failure);
        return;
      }
      Operation cleaning =
          operations.beginFor(operation, () -> "cleaning up behind inode " + file.inode());
      // Where the end is counts earlier writes that have succeeded, also those not told yet.
      CompletableFuture<FileAttributes> cleaned =
          file.settleStored(cleaning)
              .thenCompose(_ -> behindEnd.clear(cleaning, file.inode(), start, end - start));
      BehindEnd.fail(result, file, failure, cleaned);
    }

    private void refreshAndAttempt(FsException failure) {
      CompletableFuture<Void> ready =
          cuts++ == 0
              ? CompletableFuture.completedFuture(null)
              : router.pauseBeforeReplanning(operation, failure, cuts);
      Completion.then(
          ready.thenCompose(_ -> file.refresh(operation)),
          (_, stop) -> {
            if (stop == null) {
              attempt();
            } else {
              result.completeExceptionally(Failures.of(stop));
            }
          });
    }
  }

  /** The same bytes in as few pieces as possible. */
  private static List<WritePiece> joined(List<WritePiece> pieces) {
    if (pieces.size() == 1) {
      return pieces;
    }
    List<WritePiece> sorted = new ArrayList<>(pieces);
    sorted.sort(Comparator.comparingLong(WritePiece::offset));
    List<WritePiece> runs = new ArrayList<>();
    for (WritePiece piece : sorted) {
      WritePiece last = runs.isEmpty() ? null : runs.getLast();
      if (last != null && last.end() == piece.offset()) {
        // Unpooled and of bytes that others keep alive: needs no release.
        runs.set(
            runs.size() - 1,
            new WritePiece(last.offset(), Unpooled.copiedBuffer(last.data(), piece.data())));
      } else {
        runs.add(piece);
      }
    }
    return runs;
  }

  /** The response must be the one to a ReadInline. */
  static FileAttributes inlineAttributes(Response response) {
    if (response.reply() instanceof Reply.Inline answer) {
      return answer.attributes();
    }
    response.payload().release();
    throw Answers.unexpected(response.reply());
  }
}
