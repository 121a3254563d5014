package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;

/** A chunk as its node keeps it. */
public record ScannedChunk(InodeId inode, long chunkIndex, int slot) {
  private static final int ENCODED_BYTES_MIN = 20;

  void write(WireWriter out) {
    out.inode(inode);
    out.longValue(chunkIndex);
    out.intValue(slot);
  }

  static ScannedChunk read(WireReader in) throws FsException {
    return new ScannedChunk(in.inode(), in.longValue(), in.intValue());
  }

  static List<ScannedChunk> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, ScannedChunk::read);
  }
}
