package io.adhocfs.client.data;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Reply;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where files have data and how much space they take. Only of files that may have holes are the
 * owners of chunks asked. Thread-safe.
 */
public final class FileExtents {
  private static final int ASKED_AT_ONCE_MAX = 64;
  private static final int REMEMBERED_MAX = 4096;

  /** How much space a file took when it was last asked for. */
  private record Measured(long dataGeneration, long dataVersion, long sizeBytes, long bytes) {
    boolean holdsFor(FileAttributes file) {
      return dataGeneration == file.dataGeneration()
          && dataVersion == file.dataVersion()
          && sizeBytes == file.sizeBytes();
    }
  }

  private final Router router;

  @GuardedBy("this")
  private final Map<InodeId, Measured> measured =
      new LinkedHashMap<>(16, 0.75F, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<InodeId, Measured> eldest) {
          return size() > REMEMBERED_MAX;
        }
      };

  public FileExtents(Router router) {
    this.router = router;
  }

  /**
   * Where the next data, or the next hole, begins, as lseek(2) tells it.
   *
   * @param offset 0 or more
   * @return -1 where the offset is at or past the end, or no data follows
   */
  public CompletableFuture<Long> seek(
      Operation operation, KnownFile file, long offset, boolean hole) {
    return file.current(operation).thenCompose(now -> seek(operation, now, offset, hole));
  }

  private CompletableFuture<Long> seek(
      Operation operation, FileAttributes now, long offset, boolean hole) {
    long size = now.sizeBytes();
    if (offset >= size) {
      return CompletableFuture.completedFuture(-1L);
    }
    if (now.layout().inline() || !now.mayHaveHoles()) {
      return CompletableFuture.completedFuture(hole ? size : offset);
    }
    var nearest = new AtomicLong(Long.MAX_VALUE);
    return ask(
            operation,
            new DataRequest.SeekChunks(now.id(), now.layout(), offset, hole),
            reply -> {
              if (!(reply instanceof Reply.Position found)) {
                throw Answers.unexpected(reply);
              }
              nearest.accumulateAndGet(found.offset(), Math::min);
            })
        .thenApply(_ -> {
          if (hole) {
            return Math.min(nearest.get(), size);
          }
          return nearest.get() < size ? nearest.get() : -1;
        });
  }

  /** Space that the file takes, at least as of its data version. */
  public CompletableFuture<Long> allocatedBytes(Operation operation, FileAttributes now) {
    if (!now.isRegular() || now.layout().inline() || !now.mayHaveHoles()) {
      return CompletableFuture.completedFuture(now.sizeBytes());
    }
    synchronized (this) {
      Measured last = measured.get(now.id());
      if (last != null && last.holdsFor(now)) {
        return CompletableFuture.completedFuture(last.bytes());
      }
    }
    var sum = new AtomicLong();
    return ask(
            operation,
            new DataRequest.MeasureChunks(now.id()),
            reply -> {
              if (!(reply instanceof Reply.Allocated space)) {
                throw Answers.unexpected(reply);
              }
              sum.addAndGet(space.bytes());
            })
        .thenApply(_ -> {
          synchronized (this) {
            measured.put(
                now.id(),
                new Measured(now.dataGeneration(), now.dataVersion(), now.sizeBytes(), sum.get()));
          }
          return sum.get();
        });
  }

  private interface Taker {
    void take(Reply reply);
  }

  /**
   * Asks all nodes: chunks behind a hole may lie on any. What they answer counts when all were of
   * the epoch by which they were asked: else a slot may have passed from one that was asked too
   * late to one that was asked too early.
   */
  private CompletableFuture<Void> ask(Operation operation, DataRequest request, Taker taker) {
    return ask(operation, request, taker, 0);
  }

  private CompletableFuture<Void> ask(
      Operation operation, DataRequest request, Taker taker, int failures) {
    ClusterMap map = router.map();
    List<NodeId> nodes = map.owningNodes();
    Queue<Reply> replies = new ConcurrentLinkedQueue<>();
    var moved = new AtomicBoolean();
    return Completion.done(
        Parallel.run(
                nodes.size(),
                ASKED_AT_ONCE_MAX,
                i ->
                    Completion.compose(
                        router.send(operation, nodes.get(i), request),
                        (response, failure) -> {
                          if (failure == null) {
                            replies.add(Answers.reply(response));
                          } else if (failure.error() != FsError.CHANGED) {
                            return CompletableFuture.failedFuture(failure.asCompletion());
                          }
                          if (failure != null || !response.epoch().equals(map.epoch())) {
                            moved.set(true);
                          }
                          return Completion.done();
                        }))
            .thenCompose(_ -> {
              if (!moved.get()) {
                replies.forEach(taker::take);
                return CompletableFuture.completedFuture(null);
              }
              return router
                  .pauseBeforeReplanning(
                      operation,
                      new FsException(FsError.CHANGED, "chunks moved while they were asked for"),
                      failures)
                  .thenCompose(_ -> ask(operation, request, taker, failures + 1));
            }));
  }
}
