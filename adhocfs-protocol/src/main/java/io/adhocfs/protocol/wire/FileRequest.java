package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;

/**
 * A file's end and ranges: asked at the owner of the inode's slot, answered on the metadata thread.
 * Times are the caller's clock, nanoseconds since 1970.
 */
public sealed interface FileRequest extends Request {
  /** The file. */
  InodeId inode();

  @Override
  default Subject subject() {
    return new Subject.OfInode(inode());
  }

  @Override
  default int slotValue() {
    return inode().slotValue();
  }

  /**
   * Takes room for an append behind everything that is there or has been taken. A file whose data
   * lies inline, and still does afterwards, gets the payload at once; otherwise the sender stores
   * the bytes in chunks, under the generation in the answer, and says so with FinishAppend.
   *
   * @param lengthBytes at least 1
   */
  record ReserveAppend(OperationStamp stamp, InodeId inode, long lengthBytes, long nowNanos)
      implements FileRequest {
    @Override
    public MessageType type() {
      return MessageType.RESERVE_APPEND;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.longValue(lengthBytes);
      out.longValue(nowNanos);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static ReserveAppend decode(WireReader in) throws FsException {
      return new ReserveAppend(OperationStamp.read(in), in.inode(), in.longValue(), in.longValue());
    }
  }

  /**
   * The end of what ReserveAppend began; may come twice. Where the bytes were stored it is answered
   * when the size covers them: not before earlier appends are over, or have been silent for too
   * long.
   *
   * @param dataGeneration under which the bytes were stored
   * @param stored whether they all were; if not, nothing of this append is under way any more
   *     unless {@code uncertain}
   * @param uncertain whether some of it may still arrive, so that its room must not be used again
   */
  record FinishAppend(
      InodeId inode,
      long dataGeneration,
      long offset,
      long lengthBytes,
      boolean stored,
      boolean uncertain,
      long mtimeNanos)
      implements FileRequest {
    @Override
    public MessageType type() {
      return MessageType.FINISH_APPEND;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.longValue(dataGeneration);
      out.longValue(offset);
      out.longValue(lengthBytes);
      out.flag(stored);
      out.flag(uncertain);
      out.longValue(mtimeNanos);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static FinishAppend decode(WireReader in) throws FsException {
      return new FinishAppend(
          in.inode(),
          in.longValue(),
          in.longValue(),
          in.longValue(),
          in.flag(),
          in.flag(),
          in.longValue());
    }
  }

  /**
   * Changes a range of a file: fallocate. What is cleared reads as zeros and takes no space; it
   * raises the data generation and is answered when every chunk owner has cleared its part.
   *
   * @param lengthBytes at least 1
   * @param clears whether what lies in the range goes
   * @param extend whether the size covers the range afterwards
   * @param behindEnd whether only what lies behind the file's end is meant: leftovers of a write
   *     that failed, which must not show when the file grows over them
   */
  record ChangeRange(
      OperationStamp stamp,
      InodeId inode,
      long offset,
      long lengthBytes,
      boolean clears,
      boolean extend,
      boolean behindEnd,
      long nowNanos)
      implements FileRequest {
    @Override
    public MessageType type() {
      return MessageType.CHANGE_RANGE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.longValue(offset);
      out.longValue(lengthBytes);
      out.flag(clears);
      out.flag(extend);
      out.flag(behindEnd);
      out.longValue(nowNanos);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static ChangeRange decode(WireReader in) throws FsException {
      return new ChangeRange(
          OperationStamp.read(in),
          in.inode(),
          in.longValue(),
          in.longValue(),
          in.flag(),
          in.flag(),
          in.flag(),
          in.longValue());
    }
  }
}
