package io.adhocfs.client.data;

import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.wire.DataRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Fetches ranges of a file from its chunks. */
final class ChunkRead extends SpanTransfer<ChunkRead.Span> {
  /** A range and who takes its bytes. */
  record Range(long offset, int lengthBytes, ReadTarget target) {}

  /**
   * @param number of this part of its range
   * @param start of its first byte in the range
   */
  record Span(ChunkSpan place, ReadTarget target, int number, int start) {}

  private ChunkRead(Router router, Operation operation, FileAttributes file) {
    super(router, operation, file);
  }

  /** Ranges must end within the file. */
  static CompletableFuture<Void> run(
      Router router, Operation operation, FileAttributes file, List<Range> ranges) {
    List<Span> spans = new ArrayList<>();
    for (Range range : ranges) {
      List<ChunkSpan> places =
          Striping.spans(range.offset, range.lengthBytes, file.layout().chunkSizeBytes());
      range.target.begin(places.size());
      int start = 0;
      for (int i = 0; i < places.size(); i++) {
        spans.add(new Span(places.get(i), range.target, i, start));
        start += places.get(i).lengthBytes();
      }
    }
    return new ChunkRead(router, operation, file).start(spans);
  }

  @Override
  ChunkSpan place(Span span) {
    return span.place;
  }

  @Override
  DataRequest request(List<ChunkSpan> places) {
    return new DataRequest.ReadChunks(file.id(), file.layout(), file.dataGeneration(), places);
  }

  @Override
  ByteBuf payload(List<Span> spans) {
    return Unpooled.EMPTY_BUFFER;
  }

  @Override
  void finished(Span span, ByteBuf payload) throws FsException {
    int length = span.place.lengthBytes();
    if (payload.readableBytes() < length) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          payload.readableBytes() + " bytes for " + span.place + " of inode " + file.id());
    }
    span.target.put(span.number, span.start, payload, length);
    payload.skipBytes(length);
  }
}
