package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chunks on their way from node to node with their slots. A chunk is named by the key of its
 * record, and its bytes are what its file has blocks for: holes stay holes.
 *
 * <p>Checksums go along in the chunk's record, so what has gone wrong before or on its way does not
 * match them at the target either, and blocks that are open are summed there.
 *
 * <p>The order of steps is that of {@link FileChunkStore}, so a death in the middle leaves what a
 * death in a write or discard would. Thread-safe; every call may wait for the disk.
 */
public final class ChunkTransfer implements SlotPart {
  /** Bytes of a chunk from an offset on; whoever gets it releases it. */
  public record Piece(int offsetBytes, ByteBuf bytes) {}

  private static final Logger LOG = LoggerFactory.getLogger(ChunkTransfer.class);

  private final SegmentFiles files;
  private final ChunkIndex index;
  private final OpenChunks open;
  private final DiskSpace space;
  private final ChunkLocks locks;
  private final ByteBufAllocator allocator;

  ChunkTransfer(
      SegmentFiles files,
      ChunkIndex index,
      OpenChunks open,
      DiskSpace space,
      ChunkLocks locks,
      ByteBufAllocator allocator) {
    this.files = files;
    this.index = index;
    this.open = open;
    this.space = space;
    this.locks = locks;
    this.allocator = allocator;
  }

  /** A chunk, as its key and its record name it. */
  private record Place(long inode, long chunk, int slot, int exponent) {
    static Place of(byte[] key, ChunkRecord record) throws FsException {
      return new Place(inode(key), chunk(key), Keys.slot(key), record.chunkSizeExponent());
    }

    static long inode(byte[] key) throws FsException {
      if (key.length != Keys.PREFIX_BYTES + 2 * Long.BYTES
          || Keys.kindCode(key) != RecordKind.CHUNK.code()
          || Keys.number(key, 1) < 0) {
        throw new FsException(FsError.BAD_MESSAGE, "not the key of a chunk");
      }
      return Keys.number(key, 0);
    }

    static long chunk(byte[] key) {
      return Keys.number(key, 1);
    }

    SegmentFiles.Key file() {
      return new SegmentFiles.Key(inode, chunk >>> SegmentFiles.SEGMENT_SHIFT);
    }

    long chunkInSegment() {
      return chunk & (SegmentFiles.SEGMENT_CHUNKS - 1);
    }

    int sizeBytes() {
      return 1 << exponent;
    }

    long position() {
      return chunkInSegment() << exponent;
    }
  }

  /** Size of the chunk that a record is of. */
  public static int chunkSizeBytes(byte[] record) throws FsException {
    return 1 << ChunkRecord.decode(record).chunkSizeExponent();
  }

  /**
   * The first bytes of a chunk, from an offset on and before an end, that there are blocks for.
   *
   * @param bytesMax of the piece
   * @return null if there are none
   */
  public @Nullable Piece read(byte[] key, byte[] record, int fromByte, int toByte, int bytesMax)
      throws FsException {
    Place place = Place.of(key, ChunkRecord.decode(record));
    var found = new @Nullable Piece[1];
    // Alone, as it were for a moment: a discard must not come between looking and reading.
    locks.alone(place.inode, () -> found[0] = readAlone(place, fromByte, toByte, bytesMax));
    return found[0];
  }

  private @Nullable Piece readAlone(Place place, int fromByte, int toByte, int bytesMax)
      throws FsException {
    SegmentFile file = files.acquire(place.file(), false);
    if (file == null) {
      loseOpenBlocks(place);
      return null;
    }
    try {
      long limit = place.position() + Math.min(toByte, place.sizeBytes());
      long start = file.bytes().data(place.position() + fromByte);
      if (start < 0 || start >= limit) {
        return null;
      }
      long hole = file.bytes().hole(start);
      long end = Math.min(hole < 0 ? limit : Math.min(hole, limit), start + bytesMax);
      int length = (int) (end - start);
      ByteBuf bytes = allocator.directBuffer(length, length);
      boolean complete = false;
      try {
        MemorySegment memory = MemorySegment.ofBuffer(bytes.nioBuffer(0, length));
        long there;
        try {
          there = file.bytes().read(memory.address(), length, start);
        } finally {
          Reference.reachabilityFence(memory);
        }
        bytes.setZero((int) there, length - (int) there);
        bytes.writerIndex(length);
        complete = true;
        return new Piece((int) (start - place.position()), bytes);
      } finally {
        if (!complete) {
          bytes.release();
        }
      }
    } finally {
      files.release(file);
    }
  }

  /**
   * Notes that blocks are lost with the chunk's file, which would come to the target as zeros. The
   * others don't match their sums there. The record changes, so the chunk is sent again.
   */
  private void loseOpenBlocks(Place place) throws FsException {
    ChunkRecord record = index.get(place.inode, place.chunk, place.slot);
    if (record == null || !record.anyOpen()) {
      return;
    }
    for (int block = 0; block < record.blockCount(); block++) {
      if (record.isOpen(block)) {
        record = record.withLost(block);
      }
    }
    LOG.error(
        "chunk lost inode={} chunk={} reason=\"its file {} is missing\"",
        Long.toUnsignedString(place.inode),
        place.chunk,
        files.path(place.file()));
    index.put(place.inode, place.chunk, place.slot, record);
  }

  /**
   * Takes in a chunk, or more of one.
   *
   * @param clears whether what is here of it goes first
   * @param bytes from the offset on; stays the caller's
   * @throws FsException NO_SPACE, STORAGE_FAILED, BAD_MESSAGE
   */
  public void take(byte[] key, byte[] record, boolean clears, int offsetBytes, ByteBuf bytes)
      throws FsException {
    ChunkRecord decoded = ChunkRecord.decode(record);
    Place place = Place.of(key, decoded);
    int length = bytes.readableBytes();
    if (offsetBytes < 0 || (long) offsetBytes + length > place.sizeBytes()) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          length + " bytes at " + offsetBytes + " of a chunk of " + place.sizeBytes());
    }
    if (!space.take(length)) {
      throw new FsException(FsError.NO_SPACE, "this node's disk is full");
    }
    locks.alone(
        place.inode,
        () -> {
          SegmentFile file = files.acquire(place.file(), true);
          if (file == null) {
            throw new IllegalStateException("a file that was to be made is not there");
          }
          try {
            file.cover(place.chunkInSegment(), place.sizeBytes());
            if (clears) {
              file.bytes().punch(place.position(), place.sizeBytes());
            }
            open.touch(new OpenChunks.Place(place.inode, place.chunk, place.slot));
            index.put(place.inode, place.chunk, place.slot, decoded);
            if (length > 0) {
              MemorySegment memory =
                  MemorySegment.ofBuffer(bytes.nioBuffer(bytes.readerIndex(), length));
              try {
                file.bytes().write(memory.address(), length, place.position() + offsetBytes);
              } finally {
                Reference.reachabilityFence(memory);
              }
            }
          } finally {
            files.release(file);
          }
        });
  }

  /**
   * Drops chunks, and the files of which nothing is left.
   *
   * @param keys of chunks; what is not there is dropped already
   */
  public void drop(List<byte[]> keys) throws FsException {
    Map<SegmentFiles.Key, Place> touched = new LinkedHashMap<>();
    for (byte[] key : keys) {
      long inode = Place.inode(key);
      ChunkRecord record = index.get(inode, Place.chunk(key), Keys.slot(key));
      if (record == null) {
        continue;
      }
      Place place = Place.of(key, record);
      locks.alone(inode, () -> dropAlone(place));
      touched.put(place.file(), place);
    }
    for (Place place : touched.values()) {
      locks.alone(place.inode, () -> deleteIfEmpty(place));
    }
    space.recount();
  }

  private void dropAlone(Place place) throws FsException {
    SegmentFile file = files.acquire(place.file(), false);
    if (file != null) {
      try {
        if (!file.bytes().punch(place.position(), place.sizeBytes())) {
          throw new FsException(FsError.NOT_SUPPORTED, "the disk below can't punch holes");
        }
      } finally {
        files.release(file);
      }
    }
    open.forget(new OpenChunks.Place(place.inode, place.chunk, place.slot));
    index.delete(place.inode, layout(place, 0), new long[] {place.chunk});
  }

  /** A layout in which the chunk lies in its slot. */
  private static FileLayout layout(Place place, int slotStep) {
    int mask = io.adhocfs.protocol.model.SlotId.COUNT - 1;
    int first = (int) ((place.slot - place.chunk * slotStep) & mask);
    return new FileLayout(place.sizeBytes(), first, slotStep, 0, false);
  }

  /** Deletes a file without blocks of which no chunk is in the index, whatever its layout. */
  private void deleteIfEmpty(Place place) throws FsException {
    SegmentFile file = files.acquire(place.file(), false);
    if (file == null) {
      return;
    }
    long last;
    try {
      if (file.bytes().extent().allocatedBytes() > 0) {
        return;
      }
      last = (file.sizeBytes() + place.sizeBytes() - 1) >>> place.exponent;
    } finally {
      files.release(file);
    }
    long first = place.file().segment() << SegmentFiles.SEGMENT_SHIFT;
    var any = new boolean[1];
    for (int step = 0; step <= 1 && !any[0]; step++) {
      index.forEach(
          place.inode,
          layout(place, step),
          first,
          first + last,
          slot -> true,
          (chunk, record) -> {
            any[0] = true;
            return false;
          });
    }
    if (!any[0]) {
      files.delete(place.file());
      if (place.file().segment() > 0) {
        files.deleteEmptyDirectory(place.inode);
      }
    }
  }

  /** Makes what was taken in of these inodes survive a power failure. */
  public void sync(Iterable<Long> inodes) throws FsException {
    for (long inode : inodes) {
      files.sync(inode);
    }
  }

  /** Whether somebody was promised that bytes here survive a power failure. */
  public boolean outlivesPower() {
    return files.survivesPowerFailure();
  }

  /** Notes, for good, that somebody was promised that bytes here survive a power failure. */
  public void outlivePower() throws FsException {
    files.surviveFromNowOn();
  }

  /** What was remembered of slots that come may be of an earlier time. */
  @Override
  public void expect(BitSet slots) {
    index.forget(slots);
  }

  @Override
  public void forget(BitSet slots) {
    index.forget(slots);
  }

  /** Cuts of this process, which hold also where there is no record: inode and generation. */
  public Map<Long, Long> floors() {
    return index.floors();
  }

  /** Takes over such a cut from another node. */
  public void raiseFloor(long inode, long generation) {
    index.raiseFloor(inode, generation);
  }

  /** Cuts that hold in all slots whatever happens to the process: inode and generation. */
  public Map<Long, Long> lastingFloors() throws FsException {
    return index.lastingFloors();
  }

  /** Takes over such a cut from another node. */
  public void raiseLastingFloor(long inode, long generation) throws FsException {
    locks.alone(inode, () -> index.raiseLastingFloor(inode, generation));
  }
}
