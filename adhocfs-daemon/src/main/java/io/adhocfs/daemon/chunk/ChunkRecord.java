package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;

/**
 * The value of a CHUNK record: {@code [version: 1][state: 1][chunk size exponent: 1][generation:
 * 8]}.
 *
 * @param state SEALED is not written so far
 * @param chunkSizeExponent the chunk's size is 2 to this
 * @param generation of the write or cut that made or last cut the chunk: a cut of this generation
 *     has been applied, or does not concern it
 */
record ChunkRecord(State state, int chunkSizeExponent, long generation) {
  private static final byte VERSION = 1;
  private static final int BYTES = 3 + Long.BYTES;
  private static final int EXPONENT_MAX = 30;

  /** Codes are part of the on-disk format. */
  enum State {
    /** May be written; no checksum. */
    OPEN(0),
    /** Not written for a while; its checksum is known. */
    SEALED(1),
    /** Its bytes were lost, which is known; none of them are here. */
    LOST(2);

    private final byte code;

    State(int code) {
      this.code = (byte) code;
    }
  }

  ChunkRecord {
    if (chunkSizeExponent < 0 || chunkSizeExponent > EXPONENT_MAX) {
      throw new IllegalArgumentException("chunk size exponent " + chunkSizeExponent);
    }
  }

  byte[] encode() {
    return ByteBuffer.allocate(BYTES)
        .put(VERSION)
        .put(state.code)
        .put((byte) chunkSizeExponent)
        .putLong(generation)
        .array();
  }

  static ChunkRecord decode(byte[] value) throws FsException {
    if (value.length != BYTES || value[0] != VERSION || value[1] < 0 || value[1] > 2) {
      throw new FsException(
          FsError.CORRUPT, "a chunk record of " + value.length + " bytes that makes no sense");
    }
    int exponent = value[2];
    if (exponent < 0 || exponent > EXPONENT_MAX) {
      throw new FsException(FsError.CORRUPT, "a chunk record with size exponent " + exponent);
    }
    return new ChunkRecord(
        value[1] == State.OPEN.code
            ? State.OPEN
            : value[1] == State.LOST.code ? State.LOST : State.SEALED,
        exponent,
        ByteBuffer.wrap(value).getLong(3));
  }
}
