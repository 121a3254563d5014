package io.adhocfs.daemon.chunk;

class MemoryChunkStoreTest extends ChunkStoreContract {
  @Override
  ChunkStore open() {
    return new MemoryChunkStore();
  }

  @Override
  ChunkStore reopen(ChunkStore store) {
    return store;
  }
}
