package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The chunks of one node, in memory; outlives its process as a disk would. */
final class FakeChunks implements DataRequestHandler {
  private record Chunk(long generation, byte[] bytes) {}

  /** What was asked, in order. */
  final List<DataRequest.DiscardChunks> discards = new ArrayList<>();

  boolean full;
  private final Map<InodeId, TreeMap<Long, Chunk>> files = new HashMap<>();
  private final Map<InodeId, Long> floors = new HashMap<>();

  @Override
  public void handle(Exchange exchange, DataRequest request, ByteBuf payload) {
    try {
      exchange.reply(
          switch (request) {
            case DataRequest.WriteChunks write -> write(write, payload);
            case DataRequest.DiscardChunks discard -> discard(discard);
            case DataRequest.SyncChunks _, DataRequest.AcquireData _ -> new Reply.Done();
            case DataRequest.SeekChunks _, DataRequest.MeasureChunks _, DataRequest.ReadChunks _ ->
                throw new UnsupportedOperationException("tests look directly");
          });
    } finally {
      payload.release();
    }
  }

  private Reply write(DataRequest.WriteChunks write, ByteBuf payload) {
    var outcomes = new byte[write.spans().size()];
    boolean stale = write.dataGeneration() < floors.getOrDefault(write.inode(), 0L);
    for (int i = 0; i < outcomes.length; i++) {
      ChunkSpan span = write.spans().get(i);
      var data = new byte[span.lengthBytes()];
      payload.readBytes(data);
      if (full || stale) {
        outcomes[i] = full ? Reply.Spans.OUTCOME_NO_SPACE : Reply.Spans.OUTCOME_STALE;
        continue;
      }
      TreeMap<Long, Chunk> chunks = files.computeIfAbsent(write.inode(), id -> new TreeMap<>());
      Chunk before = chunks.get(span.chunkIndex());
      int length = span.offsetBytes() + data.length;
      byte[] bytes =
          before == null
              ? new byte[length]
              : Arrays.copyOf(before.bytes(), Math.max(length, before.bytes().length));
      System.arraycopy(data, 0, bytes, span.offsetBytes(), data.length);
      chunks.put(span.chunkIndex(), new Chunk(write.dataGeneration(), bytes));
    }
    return new Reply.Spans(outcomes);
  }

  private Reply discard(DataRequest.DiscardChunks discard) {
    discards.add(discard);
    InodeId inode = discard.inode();
    if (discard.dataGeneration() == Long.MAX_VALUE) {
      files.remove(inode);
      floors.remove(inode);
      return new Reply.Done();
    }
    floors.merge(inode, discard.dataGeneration(), Math::max);
    long size = discard.layout().chunkSizeBytes();
    TreeMap<Long, Chunk> chunks = files.getOrDefault(inode, new TreeMap<>());
    for (long index : List.copyOf(chunks.keySet())) {
      Chunk chunk = chunks.get(index);
      if (chunk == null || chunk.generation() >= discard.dataGeneration()) {
        continue;
      }
      long start = index * size;
      if (discard.fromByte() <= start && start < discard.toByte()) {
        chunks.remove(index);
      } else if (discard.fromByte() < start + size && start < discard.toByte()) {
        int keep = (int) Math.min(discard.fromByte() - start, chunk.bytes().length);
        chunks.put(index, new Chunk(discard.dataGeneration(), Arrays.copyOf(chunk.bytes(), keep)));
      }
    }
    if (chunks.isEmpty()) {
      files.remove(inode);
    }
    return new Reply.Done();
  }

  /** Bytes of a chunk that are stored; empty when there is none. */
  byte[] chunk(InodeId inode, long index) {
    Chunk chunk = files.getOrDefault(inode, new TreeMap<>()).get(index);
    return chunk == null ? new byte[0] : chunk.bytes();
  }

  List<InodeId> inodes() {
    return List.copyOf(files.keySet());
  }
}
