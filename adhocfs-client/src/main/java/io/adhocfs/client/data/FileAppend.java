package io.adhocfs.client.data;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.FileRequest.FinishAppend;
import io.adhocfs.protocol.wire.FileRequest.ReserveAppend;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * One append through all its tries: room is taken at the owner, filled in chunks, and the owner
 * told. Where a cut has taken the room back, it begins anew; nothing of it is left then.
 */
final class FileAppend {
  private final Router router;
  private final OperationSource operations;
  private final LongSupplier wallClockNanos;
  private final Operation operation;
  private final KnownFile file;
  private final ByteBuf data;
  private final BehindEnd behindEnd;
  private final CompletableFuture<Long> result = new CompletableFuture<>();
  private int cuts;

  FileAppend(
      Router router,
      OperationSource operations,
      LongSupplier wallClockNanos,
      Operation operation,
      KnownFile file,
      ByteBuf data,
      BehindEnd behindEnd) {
    this.router = router;
    this.operations = operations;
    this.wallClockNanos = wallClockNanos;
    this.operation = operation;
    this.file = file;
    this.data = data;
    this.behindEnd = behindEnd;
  }

  /** The offset at which it was written, once the size covers it. */
  CompletableFuture<Long> run() {
    if (data.isReadable()) {
      attempt();
    } else {
      Completion.relay(file.refresh(operation).thenApply(FileAttributes::sizeBytes), result);
    }
    return result;
  }

  private void attempt() {
    int length = data.readableBytes();
    FileAttributes known = file.attributes();
    boolean along = known.layout().inline() && length <= FileData.inlineBytesMax(router, known);
    Completion.then(
        router.sendStamped(
            operation,
            stamp -> new ReserveAppend(stamp, file.inode(), length, wallClockNanos.getAsLong()),
            along ? data.retainedDuplicate() : Unpooled.EMPTY_BUFFER),
        result,
        (response, failure) -> {
          if (failure == null) {
            reserved(response);
          } else {
            result.completeExceptionally(failure);
          }
        });
  }

  private void reserved(Response response) {
    if (!(Answers.reply(response) instanceof Reply.Appended room)) {
      throw Answers.unexpected(response.reply());
    }
    file.learn(room.attributes());
    if (room.done()) {
      result.complete(room.offset());
      return;
    }
    Completion.then(
        ChunkWrite.run(
            router, operation, room.attributes(), List.of(new WritePiece(room.offset(), data))),
        result,
        (_, failure) -> {
          if (failure == null) {
            finish(room);
          } else if (Failures.of(failure).error() == FsError.STALE_GENERATION) {
            again(failure);
          } else {
            giveUp(room, Failures.of(failure));
          }
        });
  }

  private FinishAppend finished(Reply.Appended room, boolean stored, boolean uncertain) {
    return new FinishAppend(
        file.inode(),
        room.attributes().dataGeneration(),
        room.offset(),
        data.readableBytes(),
        stored,
        uncertain,
        wallClockNanos.getAsLong());
  }

  private void finish(Reply.Appended room) {
    Completion.then(
        router.send(operation, finished(room, true, false)),
        result,
        (response, failure) -> {
          if (failure == null) {
            file.learn(Answers.attributes(response));
            result.complete(room.offset());
          } else {
            result.completeExceptionally(failure);
          }
        });
  }

  /**
   * Gives the room back, so that others need not wait for it, and then has what was stored there
   * cleared: it must not show when the file grows over it some day.
   */
  private void giveUp(Reply.Appended room, FsException failure) {
    boolean uncertain = failure.error() != FsError.NO_SPACE;
    int length = data.readableBytes();
    Operation own =
        operations.beginFor(operation, () -> "end of an append to inode " + file.inode());
    CompletableFuture<FileAttributes> cleared =
        router
            .send(own, finished(room, false, uncertain))
            .thenApply(Answers::attributes)
            .thenCompose(_ -> behindEnd.clear(own, file.inode(), room.offset(), length));
    BehindEnd.fail(result, file, failure, cleared);
  }

  private void again(FsException failure) {
    CompletableFuture<Void> ready =
        cuts++ == 0
            ? CompletableFuture.completedFuture(null)
            : router.pauseBeforeReplanning(operation, failure, cuts);
    Completion.then(
        ready,
        result,
        (_, stop) -> {
          if (stop == null) {
            attempt();
          } else {
            result.completeExceptionally(stop);
          }
        });
  }
}
