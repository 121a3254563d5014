package io.adhocfs.client.data;

import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadInline;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One read of ranges of a file, through all its tries: what it answers was the file at some moment
 * of the call, chunk by chunk.
 */
final class FileRead {
  /** More than any file has inline. */
  private static final int INLINE_BYTES_MAX = 64 << 10;

  private final Router router;
  private final Operation operation;
  private final KnownFile file;
  private final List<ChunkRead.Range> ranges;
  private final CompletableFuture<int[]> result = new CompletableFuture<>();

  /** Only one try is under way at a time. */
  private int cuts;

  FileRead(Router router, Operation operation, KnownFile file, List<ChunkRead.Range> ranges) {
    this.router = router;
    this.operation = operation;
    this.file = file;
    this.ranges = ranges;
  }

  /**
   * How many bytes each range got.
   *
   * @param known attributes to believe; null = the owner is asked
   */
  CompletableFuture<int[]> run(@Nullable FileAttributes known) {
    for (ChunkRead.Range range : ranges) {
      if (range.offset() < 0) {
        return CompletableFuture.failedFuture(
            new FsException(FsError.INVALID, "a read at " + range.offset()));
      }
    }
    if (ranges.stream().allMatch(range -> range.lengthBytes() == 0)) {
      return CompletableFuture.completedFuture(new int[ranges.size()]);
    }
    FileAttributes last = file.attributes();
    if (last.layout().inline()) {
      readInline();
    } else if (known != null && !known.layout().inline()) {
      readChunks(known);
    } else if (endsWithin(last.sizeBytes())) {
      // The bytes are probably there, so they are fetched while the owner is asked.
      readChunksAndAsk(last);
    } else {
      askAndReadChunks();
    }
    return result;
  }

  private boolean endsWithin(long sizeBytes) {
    return ranges.stream().allMatch(range -> range.offset() <= sizeBytes - range.lengthBytes());
  }

  private int[] lengths(long sizeBytes) {
    var lengths = new int[ranges.size()];
    for (int i = 0; i < lengths.length; i++) {
      ChunkRead.Range range = ranges.get(i);
      lengths[i] = (int) Math.min(range.lengthBytes(), Math.max(0, sizeBytes - range.offset()));
    }
    return lengths;
  }

  private CompletableFuture<Void> fetch(FileAttributes now, int[] lengths) {
    List<ChunkRead.Range> clipped = new ArrayList<>(ranges.size());
    for (int i = 0; i < lengths.length; i++) {
      ChunkRead.Range range = ranges.get(i);
      if (lengths[i] > 0) {
        clipped.add(new ChunkRead.Range(range.offset(), lengths[i], range.target()));
      } else {
        range.target().begin(0);
      }
    }
    return clipped.isEmpty()
        ? CompletableFuture.completedFuture(null)
        : ChunkRead.run(router, operation, now, clipped);
  }

  private void readChunks(FileAttributes now) {
    int[] lengths = lengths(now.sizeBytes());
    Completion.then(
        fetch(now, lengths),
        (_, failure) -> {
          if (failure == null) {
            result.complete(lengths);
          } else {
            failed(Failures.of(failure));
          }
        });
  }

  private void askAndReadChunks() {
    Completion.then(
        file.refresh(operation),
        (now, failure) -> {
          if (failure != null) {
            result.completeExceptionally(Failures.of(failure));
          } else if (now.layout().inline()) {
            readInline();
          } else {
            readChunks(now);
          }
        });
  }

  private void readChunksAndAsk(FileAttributes last) {
    CompletableFuture<FileAttributes> asked = file.refresh(operation);
    int[] lengths = lengths(last.sizeBytes());
    Completion.then(
        fetch(last, lengths),
        (_, failure) ->
            Completion.then(
                asked,
                (now, notTold) -> {
                  if (notTold != null) {
                    result.completeExceptionally(Failures.of(notTold));
                  } else if (now.dataGeneration() > last.dataGeneration()) {
                    readChunks(now);
                  } else if (failure != null) {
                    failed(Failures.of(failure));
                  } else {
                    // Of the same generation, the file is not shorter than it was.
                    result.complete(lengths);
                  }
                }));
  }

  private void readInline() {
    long start = Long.MAX_VALUE;
    long end = 0;
    for (ChunkRead.Range range : ranges) {
      if (range.lengthBytes() > 0) {
        start = Math.min(start, range.offset());
        end = Math.max(end, endOf(range));
      }
    }
    long from = start;
    int length = (int) Math.min(end - from, INLINE_BYTES_MAX);
    Completion.then(
        router.send(operation, new ReadInline(file.inode(), from, length)),
        (response, failure) -> {
          if (failure != null) {
            result.completeExceptionally(Failures.of(failure));
            return;
          }
          try {
            answeredInline(response, from, length);
          } catch (RuntimeException e) {
            result.completeExceptionally(Failures.of(e));
          }
        });
  }

  private static long endOf(ChunkRead.Range range) {
    return range.offset() > Long.MAX_VALUE - range.lengthBytes()
        ? Long.MAX_VALUE
        : range.offset() + range.lengthBytes();
  }

  private void answeredInline(Response response, long from, int length) {
    FileAttributes now = FileData.inlineAttributes(response);
    ByteBuf bytes = response.payload();
    try {
      file.learn(now);
      if (now.layout().inline()) {
        takeInline(now, bytes, from, length);
        return;
      }
    } finally {
      bytes.release();
    }
    readChunks(now);
  }

  private void takeInline(FileAttributes now, ByteBuf bytes, long from, int length) {
    long there = Math.max(0, Math.min(length, now.sizeBytes() - from));
    if (bytes.readableBytes() != there) {
      result.completeExceptionally(
          new FsException(
              FsError.CORRUPT,
              bytes.readableBytes()
                  + " bytes came, not "
                  + there
                  + ", of inode "
                  + now.id()
                  + " with "
                  + now.sizeBytes()
                  + " bytes"));
      return;
    }
    int[] lengths = lengths(now.sizeBytes());
    for (int i = 0; i < lengths.length; i++) {
      ChunkRead.Range range = ranges.get(i);
      if (lengths[i] == 0) {
        range.target().begin(0);
        continue;
      }
      range.target().begin(1);
      ByteBuf part = bytes.slice(bytes.readerIndex() + (int) (range.offset() - from), lengths[i]);
      range.target().put(0, 0, part, lengths[i]);
    }
    result.complete(lengths);
  }

  private void failed(FsException failure) {
    if (failure.error() != FsError.STALE_GENERATION) {
      result.completeExceptionally(failure);
      return;
    }
    CompletableFuture<Void> ready =
        cuts++ == 0
            ? CompletableFuture.completedFuture(null)
            : router.pauseBeforeReplanning(operation, failure, cuts);
    Completion.then(
        ready,
        (_, stop) -> {
          if (stop == null) {
            askAndReadChunks();
          } else {
            result.completeExceptionally(Failures.of(stop));
          }
        });
  }
}
