package io.adhocfs.daemon.data;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ScannedChunk;
import java.util.ArrayList;
import java.util.List;

/** The check of the chunks that a store keeps, in the slots that are this node's. Thread-safe. */
public final class StoredChunks implements StorageCheck {
  private final ClusterState cluster;
  private final ChunkStore store;

  /**
   * @param store stays its owner's
   */
  public StoredChunks(ClusterState cluster, ChunkStore store) {
    this.cluster = cluster;
    this.store = store;
  }

  @Override
  public List<String> findings() throws FsException {
    return store.findings();
  }

  @Override
  public ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
    return store.verify(cursor, bytesMax);
  }

  @Override
  public List<ScannedChunk> markLost(List<ControlRequest.MarkLost.FileRange> ranges)
      throws FsException {
    List<ScannedChunk> lost = new ArrayList<>();
    for (ControlRequest.MarkLost.FileRange range : ranges) {
      store
          .markLost(
              range.inode(),
              range.layout(),
              range.dataGeneration(),
              range.firstChunk(),
              range.lastChunk(),
              cluster::owns)
          .forEach(
              chunk -> lost.add(new ScannedChunk(chunk.inode(), chunk.chunkIndex(), chunk.slot())));
    }
    return lost;
  }

  @Override
  public void drop(List<ScannedChunk> chunks) throws FsException {
    store.drop(
        chunks.stream()
            .filter(chunk -> cluster.owns(chunk.slot()))
            .map(chunk ->
                new ChunkStore.StoredChunk(chunk.inode(), chunk.chunkIndex(), chunk.slot()))
            .toList());
  }
}
