package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import java.util.Collection;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Keeps the bytes of chunks. What was written is there after the death of the process; after a
 * power failure only what was synced before.
 *
 * <p>Thread-safe. Writes and reads of a file go on side by side and are not atomic towards each
 * other; a discard has its file to itself. Every call may wait for the disk: never call from an
 * event loop.
 */
public interface ChunkStore extends AutoCloseable {
  /** The generation of a discard that forgets a file wholly, for ever. */
  long FORGET = Long.MAX_VALUE;

  /**
   * Writes the payload, span after span. Spans fail one by one: the others are written all the
   * same.
   *
   * @param payload as many bytes as the spans together, from its reader index; stays the caller's
   *     and is not changed
   * @return one outcome per span
   * @throws IllegalArgumentException for a span beyond its chunk or a payload of another length
   */
  SpanOutcome[] write(
      InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans, ByteBuf payload);

  /**
   * Reads spans. What was never written, or was discarded, is zeros. What no longer matches its
   * checksum, or whose file is gone, is CORRUPT; what is {@linkplain #markLost lost} is LOST.
   *
   * @throws IllegalArgumentException for a span beyond its chunk
   */
  ChunkBytes read(InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans);

  /**
   * Drops a range of bytes of a file, and refuses spans of older generations from then on, in the
   * slots that count. Chunks that were made at this generation or a later one are left alone, so
   * that it may be repeated at any time, and must be after a failure or crash: that leaves the
   * range partly dropped, never wrong bytes.
   *
   * <p>The refusal outlives the process for chunks up to {@value
   * FileChunkStore#GENERATION_MARGIN_CHUNKS} past the last that exists here; further out it holds
   * while the process lives.
   *
   * @param generation of the cut; {@link #FORGET} drops everything of the file, whatever the range
   *     says
   * @param fromByte 0 or more
   * @param toByte exclusive, not below fromByte; Long.MAX_VALUE = to the end
   * @param slots the slots to look in
   * @throws FsException STORAGE_FAILED, CORRUPT or NO_SPACE: to be repeated
   */
  void discard(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException;

  /**
   * As {@link #discard}, in such a way that {@link #syncDiscards} makes it outlive a power failure:
   * files stay until the disk knows that they have no chunks, for a discard that is repeated finds
   * what is left by its file.
   */
  void discardOnDisk(
      InodeId inode,
      FileLayout layout,
      long generation,
      long fromByte,
      long toByte,
      IntPredicate slots)
      throws FsException;

  /**
   * Where the next data, or the next hole, of a file begins.
   *
   * @param slots the slots to look in
   * @param fromByte 0 or more
   * @return an offset in the file, in a chunk of these slots; Long.MAX_VALUE = there is none
   * @throws FsException STORAGE_FAILED
   */
  long seek(InodeId inode, FileLayout layout, long fromByte, boolean hole, IntPredicate slots)
      throws FsException;

  /** Space that a file's chunks take here. */
  long allocatedBytes(InodeId inode) throws FsException;

  /**
   * Makes the chunks of a file survive a power failure.
   *
   * @throws FsException STORAGE_FAILED
   */
  void sync(InodeId inode) throws FsException;

  /** A file of which something was dropped. */
  record Dropped(InodeId inode, FileLayout layout) {}

  /**
   * Makes what was dropped of files with {@link #discardOnDisk} stay dropped after a power failure,
   * and removes what is not needed any more.
   *
   * @throws FsException STORAGE_FAILED
   */
  void syncDiscards(Collection<Dropped> files) throws FsException;

  /** Space, as of at most 100 ms ago. */
  StoreCapacity capacity();

  /**
   * Reads chunks and compares them with their checksums, while they are in use.
   *
   * @param cursor empty = from the start, else as the last page gave it
   * @param bytesMax about how many bytes to read, 1 or more
   * @throws FsException INVALID for a cursor that no page gave, STORAGE_FAILED
   */
  VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException;

  /**
   * A page of the chunks that are kept, by slot, then inode, then index.
   *
   * @param cursor empty = from the start, else as the last page gave it
   * @param itemsMax at least 1
   * @throws FsException INVALID for a cursor that no page gave, STORAGE_FAILED
   */
  ChunkPage scan(byte[] cursor, int itemsMax) throws FsException;

  /**
   * Compares index and files, while both are in use: what looks wrong is looked at again with its
   * file locked before it is named. A file without any chunk in the index, which is what a death in
   * a write leaves, is removed. Takes seconds for millions of chunks.
   *
   * @return one sentence for each thing that does not fit, at most {@value
   *     StorageInspection#FINDINGS_MAX} of them and how many more there are
   * @throws FsException STORAGE_FAILED
   */
  List<String> findings() throws FsException;

  /**
   * Writes down as lost what a file has of a range in lost slots and no record is of. What is older
   * than the last cut of it is left alone.
   *
   * @param generation of the file
   * @param lastChunk included
   * @param slots the slots to look in
   * @return all chunks of the range that are lost in these slots
   * @throws FsException STORAGE_FAILED or NO_SPACE: to be repeated
   */
  List<StoredChunk> markLost(
      InodeId inode,
      FileLayout layout,
      long generation,
      long firstChunk,
      long lastChunk,
      IntPredicate slots)
      throws FsException;

  /**
   * Drops chunks of inodes that there are not, with their bytes.
   *
   * @throws FsException STORAGE_FAILED: to be repeated
   */
  void drop(List<StoredChunk> chunks) throws FsException;

  /** Waits for calls under way; later ones fail. */
  @Override
  void close();

  /**
   * What a read gave.
   *
   * @param outcomes one per span
   * @param payload the bytes of the spans that are DONE, one after the other: direct, contiguous,
   *     the receiver's to release
   */
  record ChunkBytes(SpanOutcome[] outcomes, ByteBuf payload) {}

  /**
   * Some chunks that were compared with their checksums.
   *
   * @param findings a sentence for each chunk that is not as it was written
   * @param chunks how many were looked at
   * @param openChunks those of them that had blocks without checksums, since they are in use
   * @param bytes of them all
   * @param cursor where to go on; empty = that was all
   */
  record VerifiedPage(
      List<String> findings, long chunks, long openChunks, long bytes, byte[] cursor) {
    public VerifiedPage {
      findings = List.copyOf(findings);
    }
  }

  /** A chunk that is kept. */
  record StoredChunk(InodeId inode, long chunkIndex, int slot) {}

  /**
   * Some of the chunks.
   *
   * @param cursor where to go on; empty = that was all
   */
  record ChunkPage(List<StoredChunk> chunks, byte[] cursor) {
    public ChunkPage {
      chunks = List.copyOf(chunks);
    }
  }
}
