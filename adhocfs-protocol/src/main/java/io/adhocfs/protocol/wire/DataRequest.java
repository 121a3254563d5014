package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import java.util.List;

/**
 * Bytes of chunks: asked at the owners of chunks' slots, on data connections, answered by data
 * threads. A request says by its kind which of the receiver's chunks it is about; ownership is
 * checked by that.
 */
public sealed interface DataRequest extends Request {
  /** The file; requests about one file travel on one connection, in order. */
  InodeId inode();

  /**
   * Whether the request is answered after those of the same session about the same file that came
   * before it. Others are answered by whichever data thread is free.
   */
  default boolean isOrdered() {
    return true;
  }

  @Override
  default int slotValue() {
    return NO_SLOT;
  }

  /**
   * About spans, each of which names its chunk: ownership is checked for each of them, limits hold
   * for their bytes, and they are counted as read or written.
   */
  sealed interface OfSpans extends DataRequest {
    FileLayout layout();

    List<ChunkSpan> spans();

    /** Sum of the spans' lengths. */
    default long spanBytes() {
      long sum = 0;
      for (ChunkSpan span : spans()) {
        sum += span.lengthBytes();
      }
      return sum;
    }

    @Override
    default Subject subject() {
      return new Subject.OfDataset(layout().dataset());
    }
  }

  /** About every chunk of the file that the receiver has, in whichever of its slots. */
  sealed interface OfChunksHere extends DataRequest {}

  /** About no slot's chunks: the answer is the same whoever owns what. */
  sealed interface OfNoSlot extends DataRequest {}

  /**
   * Writes the payload, span after span. A span that the receiver does not own, or whose generation
   * is old, is not written and says so.
   */
  record WriteChunks(InodeId inode, FileLayout layout, long dataGeneration, List<ChunkSpan> spans)
      implements OfSpans {
    @Override
    public MessageType type() {
      return MessageType.WRITE_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      Values.writeLayout(out, layout);
      out.longValue(dataGeneration);
      Values.writeSpans(out, spans);
    }

    static WriteChunks decode(WireReader in) throws FsException {
      return new WriteChunks(
          in.inode(), Values.readLayout(in), in.longValue(), Values.readSpans(in));
    }
  }

  /**
   * The bytes of the spans as payload, one after the other; what was never written reads as zeros.
   * A span that is refused has no bytes in the payload.
   */
  record ReadChunks(InodeId inode, FileLayout layout, long dataGeneration, List<ChunkSpan> spans)
      implements OfSpans {
    @Override
    public MessageType type() {
      return MessageType.READ_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      Values.writeLayout(out, layout);
      out.longValue(dataGeneration);
      Values.writeSpans(out, spans);
    }

    @Override
    public long replyPayloadBytesMax() {
      return spanBytes();
    }

    @Override
    public boolean isOrdered() {
      return false;
    }

    static ReadChunks decode(WireReader in) throws FsException {
      return new ReadChunks(
          in.inode(), Values.readLayout(in), in.longValue(), Values.readSpans(in));
    }
  }

  /**
   * Drops a byte range of a file from every slot of the receiver, and refuses writes of older
   * generations from then on. Idempotent. Sent by the inode's owner.
   *
   * @param dataGeneration the new generation; Long.MAX_VALUE = the inode is gone: forget it wholly
   * @param toByte exclusive; Long.MAX_VALUE = to the end of all chunks
   * @param onDisk whether the answer waits until the drop would outlive a power failure
   */
  record DiscardChunks(
      InodeId inode,
      FileLayout layout,
      long dataGeneration,
      long fromByte,
      long toByte,
      boolean onDisk)
      implements OfChunksHere {
    @Override
    public MessageType type() {
      return MessageType.DISCARD_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      Values.writeLayout(out, layout);
      out.longValue(dataGeneration);
      out.longValue(fromByte);
      out.longValue(toByte);
      out.flag(onDisk);
    }

    static DiscardChunks decode(WireReader in) throws FsException {
      return new DiscardChunks(
          in.inode(),
          Values.readLayout(in),
          in.longValue(),
          in.longValue(),
          in.longValue(),
          in.flag());
    }
  }

  /** Makes the chunks of a file on the receiver survive a power failure. */
  record SyncChunks(InodeId inode) implements OfNoSlot {
    @Override
    public MessageType type() {
      return MessageType.SYNC_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    static SyncChunks decode(WireReader in) throws FsException {
      return new SyncChunks(in.inode());
    }
  }

  /**
   * Where in the receiver's chunks of a file the next data, or the next hole, begins. Space behind
   * the end of a file is a hole like any other.
   */
  record SeekChunks(InodeId inode, FileLayout layout, long fromByte, boolean hole)
      implements OfChunksHere {
    @Override
    public boolean isOrdered() {
      return false;
    }

    @Override
    public MessageType type() {
      return MessageType.SEEK_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      Values.writeLayout(out, layout);
      out.longValue(fromByte);
      out.flag(hole);
    }

    @Override
    public Subject subject() {
      return new Subject.OfDataset(layout.dataset());
    }

    static SeekChunks decode(WireReader in) throws FsException {
      return new SeekChunks(in.inode(), Values.readLayout(in), in.longValue(), in.flag());
    }
  }

  /** How much space a file's chunks take at the receiver. */
  record MeasureChunks(InodeId inode) implements OfChunksHere {
    @Override
    public boolean isOrdered() {
      return false;
    }

    @Override
    public MessageType type() {
      return MessageType.MEASURE_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    static MeasureChunks decode(WireReader in) throws FsException {
      return new MeasureChunks(in.inode());
    }
  }

  /**
   * Takes tokens for reading or writing so many bytes of a file of a dataset at the receiver;
   * answered when they are there. What is then read or written bears the flag {@link Frame#PAID}:
   * neither a payload nor room for one waits for tokens.
   */
  record AcquireData(InodeId inode, int dataset, long bytes) implements OfNoSlot {
    public AcquireData {
      if (bytes < 0 || bytes > Frame.PAYLOAD_BYTES_MAX) {
        throw new IllegalArgumentException("tokens for " + bytes + " bytes");
      }
    }

    @Override
    public MessageType type() {
      return MessageType.ACQUIRE_DATA;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.intValue(dataset);
      out.longValue(bytes);
    }

    @Override
    public Subject subject() {
      return new Subject.OfDataset(dataset);
    }

    static AcquireData decode(WireReader in) throws FsException {
      return new AcquireData(in.inode(), in.intValue(), in.longValue());
    }
  }
}
