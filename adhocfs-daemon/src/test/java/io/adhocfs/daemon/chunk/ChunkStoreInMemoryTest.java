package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.MemorySlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.netty.buffer.PooledByteBufAllocator;

class ChunkStoreInMemoryTest extends ChunkStoreContract {
  private static final long DISK_BYTES = 1L << 30;

  private final MemoryDisk disk = new MemoryDisk(DISK_BYTES);
  private final MemorySlotStore records = new MemorySlotStore();

  @Override
  ChunkStore open() throws Exception {
    return new FileChunkStore(
        Threads.SYSTEM,
        disk,
        records,
        new FileChunkStore.Limits(1 << 20, 0, 8),
        new FileChunkStore.Sealing(true, 0),
        PooledByteBufAllocator.DEFAULT);
  }

  @Override
  ChunkStore reopen(ChunkStore store) throws Exception {
    store.close();
    return open();
  }
}
