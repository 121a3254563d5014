package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.util.BitSet;

/**
 * The value of a CHUNK record: {@code [version: 1][state: 1][chunk size exponent: 1][generation:
 * 8]}, unless the chunk is sealed the blocks that are open and those that are lost, a bit for each,
 * then the CRC32C of every other block, 4 bytes each. Never changes.
 *
 * <p>A block is {@value #BLOCK_BYTES} bytes, or a whole chunk that is smaller. Open blocks may be
 * being written and have no sum. The bytes of lost blocks were lost, which is known.
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
    /** Some blocks may be written; nothing is lost. */
    OPEN(0),
    /** Every block has its checksum. */
    SEALED(1),
    /** The bytes of some blocks were lost, which is known. */
    LOST(2);

    private final byte code;

    State(int code) {
      this.code = (byte) code;
    }
  }

  private final int chunkSizeExponent;
  private final long generation;
  private final BitSet open;
  private final BitSet lost;

  /** For all blocks; 0 for those that have none. */
  private final int[] sums;

  private ChunkRecord(
      int chunkSizeExponent, long generation, BitSet open, BitSet lost, int[] sums) {
    if (chunkSizeExponent < 0 || chunkSizeExponent > EXPONENT_MAX) {
      throw new IllegalArgumentException("chunk size exponent " + chunkSizeExponent);
    }
    this.chunkSizeExponent = chunkSizeExponent;
    this.generation = generation;
    this.open = open;
    this.lost = lost;
    this.sums = sums;
  }

  /** A chunk of which every block is open. */
  static ChunkRecord open(int chunkSizeExponent, long generation) {
    int blocks = blockCount(chunkSizeExponent);
    return new ChunkRecord(chunkSizeExponent, generation, all(blocks), NONE, new int[blocks]);
  }

  /** A chunk of which every block is lost. */
  static ChunkRecord lost(int chunkSizeExponent, long generation) {
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
    if (!lost.isEmpty()) {
      return State.LOST;
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

  boolean isLost(int block) {
    return lost.get(block);
  }

  /** Whether the bytes of every block are lost. */
  boolean isWhollyLost() {
    return lost.cardinality() == sums.length;
  }

  /** Whether the bytes of any block of a range are lost. */
  boolean anyLost(int first, int last) {
    int next = lost.nextSetBit(first);
    return next >= 0 && next <= last;
  }

  /** Whether a block has a checksum. */
  boolean isSealed(int block) {
    return !open.get(block) && !lost.get(block);
  }

  /** Whether no block has a checksum, and none is lost. */
  boolean isAllOpen() {
    return open.cardinality() == sums.length;
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
    return new ChunkRecord(chunkSizeExponent, changed, open, lost, sums);
  }

  /** The same with blocks of a range open, unless they are lost. */
  ChunkRecord withOpenUnlessLost(int first, int last) {
    BitSet opened = copy(open);
    opened.set(first, last + 1);
    opened.andNot(lost);
    return new ChunkRecord(chunkSizeExponent, generation, opened, lost, sums);
  }

  /** The same with blocks of a range open, whatever they were. */
  ChunkRecord withOpen(int first, int last) {
    BitSet opened = copy(open);
    opened.set(first, last + 1);
    BitSet left = copy(lost);
    left.clear(first, last + 1);
    return new ChunkRecord(chunkSizeExponent, generation, opened, left, sums);
  }

  /** The same with a block lost. */
  ChunkRecord withLost(int block) {
    BitSet left = copy(open);
    left.clear(block);
    BitSet more = copy(lost);
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
    return new ChunkRecord(chunkSizeExponent, generation, NONE, lost, changed);
  }

  private static BitSet copy(BitSet bits) {
    return (BitSet) bits.clone();
  }

  byte[] encode() {
    State state = state();
    int bitmapBytes = bitmapBytes(state, sums.length);
    int sealed = sums.length - open.cardinality() - lost.cardinality();
    ByteBuffer out =
        ByteBuffer.allocate(HEADER_BYTES + 2 * bitmapBytes + sealed * Integer.BYTES)
            .put(VERSION)
            .put(state.code)
            .put((byte) chunkSizeExponent)
            .putLong(generation);
    if (bitmapBytes > 0) {
      out.put(HEADER_BYTES, open.toByteArray());
      out.put(HEADER_BYTES + bitmapBytes, lost.toByteArray());
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
    BitSet lost = NONE;
    int position = HEADER_BYTES;
    if (value[1] != State.SEALED.code) {
      int bitmapBytes = bitmapBytes(State.OPEN, blocks);
      if (value.length < HEADER_BYTES + 2 * bitmapBytes) {
        throw nonsense(value);
      }
      open = BitSet.valueOf(in.slice(HEADER_BYTES, bitmapBytes));
      lost = BitSet.valueOf(in.slice(HEADER_BYTES + bitmapBytes, bitmapBytes));
      position += 2 * bitmapBytes;
    }
    int sealed = blocks - open.cardinality() - lost.cardinality();
    if (open.length() > blocks
        || lost.length() > blocks
        || open.intersects(lost)
        || value.length != position + sealed * Integer.BYTES) {
      throw nonsense(value);
    }
    var sums = new int[blocks];
    in.position(position);
    for (int block = 0; block < blocks; block++) {
      if (!open.get(block) && !lost.get(block)) {
        sums[block] = in.getInt();
      }
    }
    var record = new ChunkRecord(exponent, generation, open, lost, sums);
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
