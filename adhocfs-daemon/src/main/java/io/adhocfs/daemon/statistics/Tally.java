package io.adhocfs.daemon.statistics;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which operations answered requests stand for. One that was refused so that its client asks anew,
 * elsewhere or otherwise, stands for none; that which is done or fails for good then does.
 */
public final class Tally {
  private Tally() {}

  /**
   * Counts what has been answered.
   *
   * @param kind what requests of its type stand for
   * @param flags of the request's frame
   * @param bytesIn of the request's payload
   * @param bytesOut of the answer's payload
   */
  public static void answered(
      Account account,
      OperationKind kind,
      Request request,
      int flags,
      long bytesIn,
      Reply reply,
      long bytesOut) {
    if (reply instanceof Reply.Failed failed) {
      failed(account, kind, request, flags, failed.error());
      return;
    }
    if (kind.movesData()) {
      moved(account, kind, request, flags, bytesIn, reply, bytesOut);
      return;
    }
    OperationKind done = (flags & Frame.PART) != 0 ? null : done(kind, request, reply);
    if (done != null) {
      account.add(done, false, 0, false, false);
    }
  }

  private static @Nullable OperationKind done(OperationKind kind, Request request, Reply reply) {
    return switch (request) {
      case NamespaceRequest.Create create -> {
        if (reply instanceof Reply.Created made && made.existed()) {
          // Without its attributes, it is still to be opened.
          yield made.attributes() == null ? null : OperationKind.OPEN;
        }
        yield create.newInode().type() == FileType.SYMLINK ? OperationKind.SYMLINK : kind;
      }
      case NamespaceRequest.ReadDirectory page ->
          page.partition() == 0 && page.afterHash() < EntryName.HASH_MIN ? kind : null;
      case FileRequest.ChangeRange change -> change.behindEnd() ? null : kind;
      default -> reply instanceof Reply.LockPending ? null : kind;
    };
  }

  private static void moved(
      Account account,
      OperationKind kind,
      Request request,
      int flags,
      long bytesIn,
      Reply reply,
      long bytesOut) {
    switch (request) {
      case DataRequest.OfSpans spans ->
          movedChunks(account, kind, spans.layout(), spans.spans(), flags, reply);
      case NamespaceRequest.WriteInline write ->
          movedInline(account, kind, write.offset(), bytesIn);
      case NamespaceRequest.ReadInline read -> {
        // The bytes may lie in chunks by now, or the file may end before.
        if (bytesOut > 0) {
          movedInline(account, kind, read.offset(), bytesOut);
        }
      }
      case FileRequest.ReserveAppend _ -> {
        // Else they are written where there is room for them now.
        if (reply instanceof Reply.Appended appended && appended.done()) {
          movedInline(account, kind, appended.offset(), bytesIn);
        }
      }
      default -> throw new IllegalStateException(request.type() + " moves no data");
    }
  }

  private static void movedInline(Account account, OperationKind kind, long offset, long bytes) {
    account.add(
        kind, false, bytes, bytes < KindFigures.SMALL_BYTES, offset % KindFigures.SMALL_BYTES != 0);
  }

  private static void movedChunks(
      Account account,
      OperationKind kind,
      FileLayout layout,
      List<ChunkSpan> spans,
      int flags,
      Reply reply) {
    if (spans.isEmpty()
        || !(reply instanceof Reply.Spans answer)
        || answer.outcomes().length != spans.size()) {
      return;
    }
    byte[] outcomes = answer.outcomes();
    long bytes = 0;
    for (int i = 0; i < outcomes.length; i++) {
      if (outcomes[i] == Reply.Spans.OUTCOME_OK) {
        bytes += spans.get(i).lengthBytes();
      }
    }
    byte first = outcomes[0];
    if ((flags & Frame.PART) != 0
        || first == Reply.Spans.OUTCOME_MOVED
        || first == Reply.Spans.OUTCOME_STALE) {
      if (bytes > 0) {
        account.addBytes(kind, bytes);
      }
      return;
    }
    ChunkSpan span = spans.getFirst();
    long offset = span.chunkIndex() * layout.chunkSizeBytes() + span.offsetBytes();
    account.add(
        kind,
        first != Reply.Spans.OUTCOME_OK,
        bytes,
        (flags & Frame.SMALL) != 0,
        offset % KindFigures.SMALL_BYTES != 0);
  }

  /** Counts what has been refused, if that is what its program sees. */
  public static void failed(
      Account account, OperationKind kind, Request request, int flags, FsError error) {
    if ((flags & Frame.PART) != 0 || !error.isForPrograms()) {
      return;
    }
    if (error == FsError.NOT_FOUND && request instanceof NamespaceRequest.Lookup) {
      account.add(OperationKind.MISSING, false, 0, false, false);
      return;
    }
    boolean isSymlink =
        request instanceof NamespaceRequest.Create create
            && create.newInode().type() == FileType.SYMLINK;
    account.add(isSymlink ? OperationKind.SYMLINK : kind, true, 0, false, false);
  }
}
