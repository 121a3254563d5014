package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/** Chunks in arrays under one lock: the model that the real store is compared with. */
final class MemoryChunkStore implements ChunkStore {
  private record Address(int slot, long inode, long chunk) implements Comparable<Address> {
    @Override
    public int compareTo(Address other) {
      int order = Integer.compare(slot, other.slot);
      order = order != 0 ? order : Long.compareUnsigned(inode, other.inode);
      return order != 0 ? order : Long.compare(chunk, other.chunk);
    }
  }

  private static final class Chunk {
    private final byte[] bytes;
    private long generation;

    Chunk(int size, long generation) {
      this.bytes = new byte[size];
      this.generation = generation;
    }
  }

  private final TreeMap<Address, Chunk> chunks = new TreeMap<>();
  private final Map<Long, Long> floors = new HashMap<>();
  private boolean closed;

  private static Address address(InodeId inode, FileLayout layout, long chunk) {
    return new Address(Placement.chunkSlot(layout, chunk).value(), inode.value(), chunk);
  }

  private static void check(FileLayout layout, List<ChunkSpan> spans) {
    for (ChunkSpan span : spans) {
      if (span.offsetBytes() + span.lengthBytes() > layout.chunkSizeBytes()) {
        throw new IllegalArgumentException(span.toString());
      }
    }
  }

  @Override
  public synchronized SpanOutcome[] write(
      InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans, ByteBuf payload) {
    check(layout, spans);
    if (spans.stream().mapToInt(ChunkSpan::lengthBytes).sum() != payload.readableBytes()) {
      throw new IllegalArgumentException("payload of " + payload.readableBytes());
    }
    var outcomes = new SpanOutcome[spans.size()];
    int position = payload.readerIndex();
    for (int i = 0; i < outcomes.length; i++) {
      ChunkSpan span = spans.get(i);
      if (closed) {
        outcomes[i] = SpanOutcome.FAILED;
      } else if (generation < floors.getOrDefault(inode.value(), 0L)) {
        outcomes[i] = SpanOutcome.STALE;
      } else {
        Chunk chunk =
            chunks.computeIfAbsent(
                address(inode, layout, span.chunkIndex()),
                address -> new Chunk(layout.chunkSizeBytes(), generation));
        payload.getBytes(position, chunk.bytes, span.offsetBytes(), span.lengthBytes());
        outcomes[i] = SpanOutcome.DONE;
      }
      position += span.lengthBytes();
    }
    return outcomes;
  }

  @Override
  public synchronized ChunkBytes read(
      InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans) {
    check(layout, spans);
    var outcomes = new SpanOutcome[spans.size()];
    ByteBuf payload = Unpooled.directBuffer();
    for (int i = 0; i < outcomes.length; i++) {
      ChunkSpan span = spans.get(i);
      if (closed) {
        outcomes[i] = SpanOutcome.FAILED;
      } else if (generation < floors.getOrDefault(inode.value(), 0L)) {
        outcomes[i] = SpanOutcome.STALE;
      } else {
        Chunk chunk = chunks.get(address(inode, layout, span.chunkIndex()));
        byte[] bytes = chunk == null ? new byte[layout.chunkSizeBytes()] : chunk.bytes;
        payload.writeBytes(bytes, span.offsetBytes(), span.lengthBytes());
        outcomes[i] = SpanOutcome.DONE;
      }
    }
    return new ChunkBytes(outcomes, payload);
  }

  /** Chunk by chunk: what is in one counts as data. */
  @Override
  public synchronized long seek(
      InodeId inode, FileLayout layout, long fromByte, boolean hole, IntPredicate slots) {
    int size = layout.chunkSizeBytes();
    long end = chunks.keySet().stream().mapToLong(Address::chunk).max().orElse(-1) + 1;
    for (long chunk = fromByte / size; chunk <= Math.max(end, fromByte / size); chunk++) {
      Address address = address(inode, layout, chunk);
      if (slots.test(address.slot) && chunks.containsKey(address) != hole) {
        return Math.max(fromByte, chunk * size);
      }
    }
    return Long.MAX_VALUE;
  }

  @Override
  public synchronized long allocatedBytes(InodeId inode) {
    return chunks.entrySet().stream()
        .filter(entry -> entry.getKey().inode == inode.value())
        .mapToLong(entry -> entry.getValue().bytes.length)
        .sum();
  }

  @Override
  public synchronized void discard(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    if (fromByte < 0 || toByte < fromByte) {
      throw new IllegalArgumentException("range from " + fromByte + " to " + toByte);
    }
    floors.merge(inode.value(), generation, Math::max);
    chunks
        .entrySet()
        .removeIf(entry -> {
          Address address = entry.getKey();
          if (address.inode != inode.value() || !slots.test(address.slot)) {
            return false;
          }
          Chunk chunk = entry.getValue();
          long start = address.chunk * layout.chunkSizeBytes();
          long from = Math.max(0, fromByte - start);
          long to = Math.min(layout.chunkSizeBytes(), toByte - start);
          boolean whole = from == 0 && to == layout.chunkSizeBytes();
          if (generation != FORGET && (chunk.generation >= generation || from >= to)) {
            return false;
          }
          if (generation == FORGET || whole) {
            return true;
          }
          Arrays.fill(chunk.bytes, (int) from, (int) to, (byte) 0);
          chunk.generation = generation;
          return false;
        });
  }

  /** Nothing is ever lost here. */
  @Override
  public List<StoredChunk> markLost(
      InodeId inode,
      FileLayout layout,
      long generation,
      long firstChunk,
      long lastChunk,
      IntPredicate slots) {
    return List.of();
  }

  @Override
  public synchronized void drop(List<StoredChunk> dropped) {
    for (StoredChunk chunk : dropped) {
      chunks.remove(new Address(chunk.slot(), chunk.inode().value(), chunk.chunkIndex()));
    }
  }

  @Override
  public void sync(InodeId inode) {}

  @Override
  public void discardOnDisk(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException {
    discard(inode, layout, generation, fromByte, toByte, slots);
  }

  @Override
  public void syncDiscards(Collection<Dropped> files) {}

  /** All at once: memory is not broken. */
  @Override
  public synchronized VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
    if (cursor.length != 0) {
      throw new FsException(FsError.INVALID, "cursor of " + cursor.length);
    }
    long bytes = chunks.values().stream().mapToLong(chunk -> chunk.bytes.length).sum();
    return new VerifiedPage(List.of(), chunks.size(), 0, bytes, new byte[0]);
  }

  @Override
  public synchronized StoreCapacity capacity() {
    long used = chunks.values().stream().mapToLong(chunk -> chunk.bytes.length).sum();
    return new StoreCapacity(
        new StorageSpace(
            "",
            Long.MAX_VALUE,
            Long.MAX_VALUE - used,
            StorageSpace.INODES_UNLIMITED,
            Long.MAX_VALUE,
            Long.MAX_VALUE - used),
        used,
        0,
        0);
  }

  @Override
  public synchronized ChunkPage scan(byte[] cursor, int itemsMax) throws FsException {
    if (itemsMax < 1 || (cursor.length != 0 && cursor.length != 1 + 4)) {
      throw new FsException(FsError.INVALID, "cursor of " + cursor.length);
    }
    int skip = cursor.length == 0 ? 0 : java.nio.ByteBuffer.wrap(cursor).getInt(1);
    List<StoredChunk> page =
        chunks.keySet().stream()
            .skip(skip)
            .limit(itemsMax)
            .map(
                address -> new StoredChunk(new InodeId(address.inode), address.chunk, address.slot))
            .toList();
    boolean last = skip + page.size() >= chunks.size();
    return new ChunkPage(
        page,
        last
            ? new byte[0]
            : java.nio.ByteBuffer.allocate(5).put((byte) 1).putInt(skip + page.size()).array());
  }

  @Override
  public List<String> findings() {
    return List.of();
  }

  @Override
  public synchronized void close() {
    closed = true;
  }
}
