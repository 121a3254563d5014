package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.wire.DataRequest.ReadChunks;
import io.adhocfs.protocol.wire.DataRequest.SyncChunks;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest.Lookup;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;

/** Requests and payloads for tests. */
final class Requests {
  private static final FileLayout LAYOUT = new FileLayout(64 << 20, 0, 1, 0, false);

  private Requests() {}

  static Lookup lookup(String name) {
    try {
      return new Lookup(new EntryKey(InodeId.ROOT, 0, EntryName.ofText(name)));
    } catch (FsException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static WriteChunks write(long inode, long generation, int length) {
    return new WriteChunks(new InodeId(inode), LAYOUT, generation, spans(length));
  }

  static ReadChunks read(long inode, int length) {
    return new ReadChunks(new InodeId(inode), LAYOUT, 0, spans(length));
  }

  static SyncChunks sync(long inode) {
    return new SyncChunks(new InodeId(inode));
  }

  private static List<ChunkSpan> spans(int length) {
    return length == 0 ? List.of() : List.of(new ChunkSpan(0, 0, length));
  }

  /** Bytes that depend on the seed and on their place. */
  static ByteBuf pattern(long seed, int length) {
    var bytes = ByteBuffer.allocate((length + 7) & ~7);
    var random = new SplittableRandom(seed);
    while (bytes.hasRemaining()) {
      bytes.putLong(random.nextLong());
    }
    ByteBuf buffer = PooledByteBufAllocator.DEFAULT.directBuffer(Math.max(1, length));
    buffer.writeBytes(bytes.array(), 0, length);
    return buffer;
  }
}
