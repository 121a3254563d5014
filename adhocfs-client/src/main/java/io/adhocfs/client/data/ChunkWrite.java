package io.adhocfs.client.data;

import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.wire.DataRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Stores pieces of a file in its chunks. Their buffers must live until it completes. */
final class ChunkWrite extends SpanTransfer<ChunkWrite.Span> {
  /**
   * @param start where in the source the span's bytes begin
   */
  record Span(ChunkSpan place, ByteBuf source, int start) {
    /** Whether its bytes come right after those of another: of the same buffer, not of an equal. */
    @SuppressWarnings("ReferenceEquality")
    boolean follows(ByteBuf otherSource, int end) {
      return source == otherSource && start == end;
    }
  }

  private ChunkWrite(Router router, Operation operation, FileAttributes file) {
    super(router, operation, file);
  }

  static CompletableFuture<Void> run(
      Router router, Operation operation, FileAttributes file, List<WritePiece> pieces) {
    List<Span> spans = new ArrayList<>();
    for (WritePiece piece : pieces) {
      int start = piece.data().readerIndex();
      for (ChunkSpan place :
          Striping.spans(piece.offset(), piece.lengthBytes(), file.layout().chunkSizeBytes())) {
        spans.add(new Span(place, piece.data(), start));
        start += place.lengthBytes();
      }
    }
    return new ChunkWrite(router, operation, file).start(spans);
  }

  @Override
  ChunkSpan place(Span span) {
    return span.place;
  }

  @Override
  DataRequest request(List<ChunkSpan> places) {
    return new DataRequest.WriteChunks(file.id(), file.layout(), file.dataGeneration(), places);
  }

  @Override
  ByteBuf payload(List<Span> spans) {
    List<ByteBuf> slices = new ArrayList<>(spans.size());
    int i = 0;
    while (i < spans.size()) {
      // Neighbours in the source are one slice: a write to a single node stays in one piece.
      Span first = spans.get(i);
      int end = first.start + first.place.lengthBytes();
      i++;
      while (i < spans.size() && spans.get(i).follows(first.source, end)) {
        end += spans.get(i).place.lengthBytes();
        i++;
      }
      slices.add(first.source.retainedSlice(first.start, end - first.start));
    }
    return slices.size() == 1
        ? slices.get(0)
        : Unpooled.wrappedBuffer(slices.size(), slices.toArray(new ByteBuf[0]));
  }

  @Override
  void finished(Span span, ByteBuf payload) {}
}
