package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.util.BitSet;

/**
 * The value of a CHUNK record: {@code [version: 1][state: 1][chunk size exponent: 1][generation:
 * 8]}, unless the chunk is sealed the blocks that are open and those that are missing, a bit for
 * each, then the CRC32C of every other block, 4 bytes each. Never changes.
 *
 * <p>A block is {@value #BLOCK_BYTES} bytes, or a whole chunk that is smaller. Open blocks may be
 * being written and have no sum. The bytes of missing blocks are known to be lost.
 */
final class ChunkRecord {
  /** Bytes that have a checksum together. */
  static final int BLOCK_BYTES = 64 << 10;

  private static final byte VERSION = 2;
  private static final int HEADER_BYTES = 3 + Long.BYTES;
  private static final int EXPONENT_MAX = 30;
  private static final BitSet NONE = new BitSet(0);

  /** What holds for a chunk as a whole. Codes are part of the on-disk format. */
  enum State {
    /** Some blocks may be written; nothing is missing. */
    OPEN(0),
    /** Every block has its checksum. */
    SEALED(1),
    /** Some blocks are lost. */
    MISSING(2);

    private final byte code;

    State(int code) {
      this.code = (byte) code;
    }
  }

  private final int chunkSizeExponent;
  private final long generation;
  private final BitSet open;
  private final BitSet missing;

  /** For all blocks; 0 for those that have none. */
  private final int[] sums;

  private ChunkRecord(
      int chunkSizeExponent, long generation, BitSet open, BitSet missing, int[] sums) {
    if (chunkSizeExponent < 0 || chunkSizeExponent > EXPONENT_MAX) {
      throw new IllegalArgumentException("chunk size exponent " + chunkSizeExponent);
    }
    this.chunkSizeExponent = chunkSizeExponent;
    this.generation = generation;
    this.open = open;
    this.missing = missing;
    this.sums = sums;
  }

  /** A chunk of which every block is open. */
  static ChunkRecord open(int chunkSizeExponent, long generation) {
    int blocks = blockCount(chunkSizeExponent);
    return new ChunkRecord(chunkSizeExponent, generation, all(blocks), NONE, new int[blocks]);
  }

  /** A chunk of which every block is lost. */
  static ChunkRecord missing(int chunkSizeExponent, long generation) {
    int blocks = blockCount(chunkSizeExponent);
    return new ChunkRecord(chunkSizeExponent, generation, NONE, all(blocks), new int[blocks]);
  }

  private static BitSet all(int blocks) {
    var all = new BitSet(blocks);
    all.set(0, blocks);
    return all;
  }

  private static int blockCount(int chunkSizeExponent) {
    return Math.max(1, (1 << chunkSizeExponent) / BLOCK_BYTES);
  }

  State state() {
    if (!missing.isEmpty()) {
      return State.MISSING;
    }
    return open.isEmpty() ? State.SEALED : State.OPEN;
  }

  /** The chunk's size is 2 to this. */
  int chunkSizeExponent() {
    return chunkSizeExponent;
  }

  /**
   * Of the write or cut that made or last cut the chunk: a cut of this generation has been applied,
   * or does not concern it.
   */
  long generation() {
    return generation;
  }

  int blockCount() {
    return sums.length;
  }

  int blockBytes() {
    return Math.min(BLOCK_BYTES, 1 << chunkSizeExponent);
  }

  boolean isOpen(int block) {
    return open.get(block);
  }

  boolean isMissing(int block) {
    return missing.get(block);
  }

  /** Whether a block has a checksum. */
  boolean isSealed(int block) {
    return !open.get(block) && !missing.get(block);
  }

  boolean anyOpen() {
    return !open.isEmpty();
  }

  /** Whether all blocks of a range are open. */
  boolean allOpen(int first, int last) {
    return open.nextClearBit(first) > last;
  }

  /** The checksum of a block that is sealed. */
  int sum(int block) {
    return sums[block];
  }

  ChunkRecord withGeneration(long changed) {
    return new ChunkRecord(chunkSizeExponent, changed, open, missing, sums);
  }

  /** The same with blocks of a range open, whatever they were. */
  ChunkRecord withOpen(int first, int last) {
    BitSet opened = copy(open);
    opened.set(first, last + 1);
    BitSet left = copy(missing);
    left.clear(first, last + 1);
    return new ChunkRecord(chunkSizeExponent, generation, opened, left, sums);
  }

  /** The same with a block lost. */
  ChunkRecord withMissing(int block) {
    BitSet left = copy(open);
    left.clear(block);
    BitSet more = copy(missing);
    more.set(block);
    return new ChunkRecord(chunkSizeExponent, generation, left, more, sums);
  }

  /**
   * The same with no block open.
   *
   * @param found the sums of those that are open now, at their places
   */
  ChunkRecord sealed(int[] found) {
    int[] changed = sums.clone();
    open.stream().forEach(block -> changed[block] = found[block]);
    return new ChunkRecord(chunkSizeExponent, generation, NONE, missing, changed);
  }

  private static BitSet copy(BitSet bits) {
    return (BitSet) bits.clone();
  }

  byte[] encode() {
    State state = state();
    int bitmapBytes = bitmapBytes(state, sums.length);
    int sealed = sums.length - open.cardinality() - missing.cardinality();
    ByteBuffer out =
        ByteBuffer.allocate(HEADER_BYTES + 2 * bitmapBytes + sealed * Integer.BYTES)
            .put(VERSION)
            .put(state.code)
            .put((byte) chunkSizeExponent)
            .putLong(generation);
    if (bitmapBytes > 0) {
      out.put(HEADER_BYTES, open.toByteArray());
      out.put(HEADER_BYTES + bitmapBytes, missing.toByteArray());
      out.position(HEADER_BYTES + 2 * bitmapBytes);
    }
    for (int block = 0; block < sums.length; block++) {
      if (isSealed(block)) {
        out.putInt(sums[block]);
      }
    }
    return out.array();
  }

  private static int bitmapBytes(State state, int blocks) {
    return state == State.SEALED ? 0 : (blocks + 7) / 8;
  }

  static ChunkRecord decode(byte[] value) throws FsException {
    if (value.length < HEADER_BYTES || value[0] != VERSION) {
      throw nonsense(value);
    }
    int exponent = value[2];
    if (exponent < 0 || exponent > EXPONENT_MAX) {
      throw new FsException(FsError.CORRUPT, "a chunk record with size exponent " + exponent);
    }
    ByteBuffer in = ByteBuffer.wrap(value);
    long generation = in.getLong(3);
    int blocks = blockCount(exponent);
    BitSet open = NONE;
    BitSet missing = NONE;
    int position = HEADER_BYTES;
    if (value[1] != State.SEALED.code) {
      int bitmapBytes = bitmapBytes(State.OPEN, blocks);
      if (value.length < HEADER_BYTES + 2 * bitmapBytes) {
        throw nonsense(value);
      }
      open = BitSet.valueOf(in.slice(HEADER_BYTES, bitmapBytes));
      missing = BitSet.valueOf(in.slice(HEADER_BYTES + bitmapBytes, bitmapBytes));
      position += 2 * bitmapBytes;
    }
    int sealed = blocks - open.cardinality() - missing.cardinality();
    if (open.length() > blocks
        || missing.length() > blocks
        || open.intersects(missing)
        || value.length != position + sealed * Integer.BYTES) {
      throw nonsense(value);
    }
    var sums = new int[blocks];
    in.position(position);
    for (int block = 0; block < blocks; block++) {
      if (!open.get(block) && !missing.get(block)) {
        sums[block] = in.getInt();
      }
    }
    var record = new ChunkRecord(exponent, generation, open, missing, sums);
    if (record.state().code != value[1]) {
      throw nonsense(value);
    }
    return record;
  }

  private static FsException nonsense(byte[] value) {
    return new FsException(
        FsError.CORRUPT, "a chunk record of " + value.length + " bytes that makes no sense");
  }
}
