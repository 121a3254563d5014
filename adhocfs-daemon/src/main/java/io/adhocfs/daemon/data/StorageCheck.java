package io.adhocfs.daemon.data;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ScannedChunk;
import java.util.List;

/**
 * Looks whether the chunks of this node fit together, and mends them. Never on the metadata thread.
 */
public interface StorageCheck {
  /** What does not fit, one sentence each. May take long. */
  List<String> findings() throws FsException;

  /** Writes down which chunks of lost slots are missing; answers which of the ranges are. */
  List<ScannedChunk> markLost(List<ControlRequest.MarkLost.FileRange> ranges) throws FsException;

  /** Drops chunks that belong to no file. */
  void drop(List<ScannedChunk> chunks) throws FsException;

  /** Compares some of the file data with its checksums, as {@link ChunkStore#verify}. */
  ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException;
}
