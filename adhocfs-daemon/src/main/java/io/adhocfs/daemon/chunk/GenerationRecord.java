package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;

/**
 * The value of a CHUNK_GENERATION record: {@code [version: 1][generation: 8][last chunk: 8]}.
 *
 * @param generation spans of older ones are refused in this slot
 * @param lastChunk in the first of a node's slots, counted from the file's first slot, up to which
 *     chunk the slots may have such a record, so that they can be found and forgotten; else 0
 */
record GenerationRecord(long generation, long lastChunk) {
  static final GenerationRecord NONE = new GenerationRecord(0, 0);
  private static final byte VERSION = 1;
  private static final int BYTES = 1 + 2 * Long.BYTES;

  byte[] encode() {
    return ByteBuffer.allocate(BYTES).put(VERSION).putLong(generation).putLong(lastChunk).array();
  }

  static GenerationRecord decode(byte[] value) throws FsException {
    if (value.length != BYTES || value[0] != VERSION) {
      throw new FsException(
          FsError.CORRUPT, "a generation record of " + value.length + " bytes that makes no sense");
    }
    ByteBuffer bytes = ByteBuffer.wrap(value);
    return new GenerationRecord(bytes.getLong(1), bytes.getLong(1 + Long.BYTES));
  }
}
