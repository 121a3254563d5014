package io.adhocfs.client.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Reply.Spans;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Brings spans to or from the nodes that own them: one message per node, or a few for many bytes;
 * only the pieces that have moved are sent again. Completes when every span is done and nothing is
 * under way any more; fails with the first final failure, STALE_GENERATION when a node has seen a
 * later cut of the file.
 *
 * @param <S> a span with what belongs to it
 */
abstract class SpanTransfer<S> {
  /** Bytes of one message; a frame takes 16 MiB. */
  static final int MESSAGE_BYTES_MAX = 4 << 20;

  private static final int MESSAGE_SPANS_MAX = 16 << 10;
  private static final int UNDER_WAY_MAX = 8;

  /** What one message carries. */
  private record Batch<S>(NodeId node, List<S> spans, ClusterMap map, int failures) {}

  protected final Router router;
  protected final Operation operation;
  protected final FileAttributes file;
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  /** Its message stands for the whole transfer in statistics. Set before anything is sent. */
  private @Nullable S first;

  private int firstFlags;

  @GuardedBy("this")
  private final Deque<Batch<S>> queue = new ArrayDeque<>();

  /** Messages under way, and batches that wait for their next try. */
  @GuardedBy("this")
  private int underWay;

  @GuardedBy("this")
  private @Nullable FsException failure;

  @GuardedBy("this")
  private boolean pumping;

  /**
   * @param file its layout, which is not inline, and generation count
   */
  SpanTransfer(Router router, Operation operation, FileAttributes file) {
    this.router = router;
    this.operation = operation;
    this.file = file;
  }

  /** Where a span lies. */
  abstract ChunkSpan place(S span);

  /** The message for these spans. */
  abstract DataRequest request(List<ChunkSpan> places);

  /** The bytes that go with it. */
  abstract ByteBuf payload(List<S> spans);

  /**
   * A span is done.
   *
   * @param payload of the answer: the reader stands at this span's bytes and must be moved past
   *     them. Several threads may call this for different spans.
   */
  abstract void finished(S span, ByteBuf payload) throws FsException;

  CompletableFuture<Void> start(List<S> spans) {
    long bytes = 0;
    for (S span : spans) {
      bytes += place(span).lengthBytes();
    }
    first = spans.getFirst();
    firstFlags = bytes < KindFigures.SMALL_BYTES ? Frame.SMALL : 0;
    enqueue(spans, 0);
    pump();
    return done;
  }

  private void enqueue(List<S> spans, int failures) {
    ClusterMap map = router.map();
    Map<NodeId, List<S>> byOwner = new LinkedHashMap<>();
    for (S span : spans) {
      byOwner.computeIfAbsent(owner(map, place(span)), _ -> new ArrayList<>()).add(span);
    }
    List<Batch<S>> batches = new ArrayList<>();
    byOwner.forEach((node, ofNode) -> {
      int from = 0;
      long bytes = 0;
      for (int i = 0; i < ofNode.size(); i++) {
        int length = place(ofNode.get(i)).lengthBytes();
        if (i > from && (bytes + length > MESSAGE_BYTES_MAX || i - from == MESSAGE_SPANS_MAX)) {
          batches.add(new Batch<>(node, ofNode.subList(from, i), map, failures));
          from = i;
          bytes = 0;
        }
        bytes += length;
      }
      batches.add(new Batch<>(node, ofNode.subList(from, ofNode.size()), map, failures));
    });
    synchronized (this) {
      queue.addAll(batches);
    }
  }

  private NodeId owner(ClusterMap map, ChunkSpan span) {
    int slot = Placement.chunkSlotValue(file.layout(), span.chunkIndex());
    return new NodeId(map.ownerValue(slot));
  }

  /** Sends what may be sent. One thread at a time, so answers that come at once don't recurse. */
  private void pump() {
    synchronized (this) {
      if (pumping) {
        return;
      }
      pumping = true;
    }
    while (true) {
      Batch<S> batch;
      FsException failed;
      synchronized (this) {
        failed = failure;
        batch = failed != null || underWay == UNDER_WAY_MAX ? null : queue.poll();
        if (batch == null) {
          pumping = false;
          if (underWay > 0) {
            return;
          }
          break;
        }
        underWay++;
      }
      send(batch);
    }
    FsException failed;
    synchronized (this) {
      failed = failure;
    }
    if (failed == null) {
      done.complete(null);
    } else {
      done.completeExceptionally(failed);
    }
  }

  private void send(Batch<S> batch) {
    List<ChunkSpan> places = new ArrayList<>(batch.spans.size());
    for (S span : batch.spans) {
      places.add(place(span));
    }
    Completion.then(
        router.sendOnce(operation, batch.node, request(places), payload(batch.spans), flags(batch)),
        (response, failed) -> {
          if (failed == null) {
            answered(batch, response);
          } else {
            again(batch, batch.spans, Failures.of(failed));
          }
        });
  }

  /** The first span remains the first of its batch, however often it is sent. */
  @SuppressWarnings("ReferenceEquality") // equal spans of one transfer are still two
  private int flags(Batch<S> batch) {
    return batch.spans.getFirst() == first ? firstFlags : Frame.PART;
  }

  private void answered(Batch<S> batch, Response response) {
    List<S> moved = new ArrayList<>(0);
    FsException wrong = null;
    try {
      wrong = take(batch, response, moved);
    } catch (FsException e) {
      wrong = e;
    } catch (RuntimeException e) {
      wrong = Failures.of(e);
    } finally {
      response.payload().release();
    }
    if (wrong != null) {
      end(wrong);
    } else if (moved.isEmpty()) {
      end(null);
    } else {
      again(
          batch,
          moved,
          new FsException(
              FsError.WRONG_OWNER,
              batch.node + " does not own " + moved.size() + " pieces of inode " + file.id()));
    }
  }

  private @Nullable FsException take(Batch<S> batch, Response response, List<S> moved)
      throws FsException {
    if (!(response.reply() instanceof Spans answer)) {
      return Failures.of(Answers.unexpected(response.reply()));
    }
    byte[] outcomes = answer.outcomes();
    if (outcomes.length != batch.spans.size()) {
      return new FsException(
          FsError.BAD_MESSAGE,
          batch.node + " answered " + outcomes.length + " of " + batch.spans.size() + " pieces");
    }
    FsException wrong = null;
    for (int i = 0; i < outcomes.length; i++) {
      S span = batch.spans.get(i);
      switch (outcomes[i]) {
        case Reply.Spans.OUTCOME_OK -> finished(span, response.payload());
        case Reply.Spans.OUTCOME_MOVED -> moved.add(span);
        case Reply.Spans.OUTCOME_STALE ->
            wrong =
                new FsException(
                    FsError.STALE_GENERATION,
                    "inode " + file.id() + " was cut after generation " + file.dataGeneration());
        case Reply.Spans.OUTCOME_NO_SPACE ->
            wrong = new FsException(FsError.NO_SPACE, "no space on node " + batch.node);
        case Reply.Spans.OUTCOME_LOST ->
            wrong =
                new FsException(
                    FsError.DATA_LOST,
                    place(span) + " of inode " + file.id() + " was lost with the node that had it");
        case Reply.Spans.OUTCOME_CORRUPT ->
            wrong =
                new FsException(
                    FsError.CORRUPT,
                    "node %s no longer has what was written at %s of inode %s: its log says more"
                        .formatted(batch.node, place(span), file.id()));
        default ->
            wrong =
                new FsException(
                    FsError.STORAGE_FAILED,
                    "node " + batch.node + " failed at " + place(span) + " of inode " + file.id());
      }
    }
    if (response.payload().isReadable()) {
      return new FsException(
          FsError.BAD_MESSAGE,
          batch.node + " answered " + response.payload().readableBytes() + " bytes too many");
    }
    return wrong;
  }

  /** Tries spans of a batch again when their failure allows it; the batch stays under way. */
  private void again(Batch<S> batch, List<S> spans, FsException failed) {
    Completion.then(
        router.recover(operation, failed, batch.node, batch.map.epoch(), batch.failures),
        (_, stop) -> {
          if (stop == null) {
            enqueue(spans, batch.failures + 1);
            end(null);
          } else {
            end(Failures.of(stop));
          }
        });
  }

  private void end(@Nullable FsException failed) {
    synchronized (this) {
      underWay--;
      if (failed != null && failure == null) {
        failure = failed;
      }
    }
    pump();
  }
}
