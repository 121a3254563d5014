package io.adhocfs.daemon.service;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ScannedChunk;
import java.util.List;

/** Finds what it was told to, and has no chunks. */
record FakeStorageCheck(List<String> findings) implements StorageCheck {
  @Override
  public ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) {
    return new ChunkStore.VerifiedPage(findings, 0, 0, 0, new byte[0]);
  }

  @Override
  public List<ScannedChunk> markLost(List<ControlRequest.MarkLost.FileRange> ranges) {
    return List.of();
  }

  @Override
  public void drop(List<ScannedChunk> chunks) {}
}
