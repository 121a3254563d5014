package io.adhocfs.daemon.service;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.protocol.model.FsException;
import java.util.List;

/** Looks whether what is stored on this node fits together. Not called on the metadata thread. */
public interface StorageCheck {
  /** What does not fit, one sentence each. May take long. */
  List<String> findings() throws FsException;

  /** Compares some of the file data with its checksums, as {@link ChunkStore#verify}. */
  ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException;

  /** The check of a node's chunks. */
  static StorageCheck of(ChunkStore chunks) {
    return new StorageCheck() {
      @Override
      public List<String> findings() throws FsException {
        return chunks.findings();
      }

      @Override
      public ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
        return chunks.verify(cursor, bytesMax);
      }
    };
  }
}
