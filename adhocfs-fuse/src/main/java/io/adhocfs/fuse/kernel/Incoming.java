package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U16;
import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;
import static io.adhocfs.fuse.kernel.Protocol.U8;

import io.adhocfs.fuse.kernel.Protocol.InHeader;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The request that a reader has just read, as it lies in the reader's buffer; valid until the
 * reader reads the next request. The object belongs to one reader thread, and is reused for every
 * request.
 *
 * <p>Offsets of body fields count from the end of the header. A field outside the length that was
 * read is refused with INVALID, so that no field is ever taken from an older request.
 */
final class Incoming {
  /** Up to here a copy costs less than taking the reader's whole buffer out of use. */
  private static final int COPIED_LENGTH_BYTES_MAX = 32 << 10;

  private final Session session;
  private final int descriptor;

  private NativeBuffer buffer;
  private int bodyLengthBytes;
  private int opcode;
  private long unique;
  private long node;
  private int uid;
  private int gid;
  private int pid;
  private long takenNanos;
  private boolean changing;
  private @Nullable PendingRequest pending;

  Incoming(Session session, int descriptor, NativeBuffer buffer) {
    this.session = session;
    this.descriptor = descriptor;
    this.buffer = buffer;
  }

  /**
   * Takes the header of the request that was read into the buffer.
   *
   * @return false if the bytes are not a request: too short, or not as long as the header says
   */
  boolean take(NativeBuffer readBuffer, long lengthBytes) {
    buffer = readBuffer;
    pending = null;
    if (lengthBytes < InHeader.SIZE) {
      return false;
    }
    MemorySegment bytes = buffer.segment();
    opcode = bytes.get(U32, InHeader.OPCODE);
    unique = bytes.get(U64, InHeader.UNIQUE);
    node = bytes.get(U64, InHeader.NODE);
    uid = bytes.get(U32, InHeader.UID);
    gid = bytes.get(U32, InHeader.GID);
    pid = bytes.get(U32, InHeader.PID);
    takenNanos = session.told().now();
    changing = false;
    int extensionsBytes = Short.toUnsignedInt(bytes.get(U16, InHeader.EXTENSIONS_LENGTH)) * 8;
    bodyLengthBytes = (int) lengthBytes - InHeader.SIZE - extensionsBytes;
    return bytes.get(U32, InHeader.LENGTH) == lengthBytes && bodyLengthBytes >= 0;
  }

  Session session() {
    return session;
  }

  int descriptor() {
    return descriptor;
  }

  int opcode() {
    return opcode;
  }

  long unique() {
    return unique;
  }

  long node() {
    return node;
  }

  int uid() {
    return uid;
  }

  int gid() {
    return gid;
  }

  int pid() {
    return pid;
  }

  /** When the request was taken, on the clock of {@link ToldAttributes}. */
  long takenNanos() {
    return takenNanos;
  }

  /** Takes note that the request's inode is about to change. */
  void beginChange() {
    changing = true;
    session.told().changes(node);
  }

  boolean isChanging() {
    return changing;
  }

  /** Announces the request, so that an interruption finds it and a failure answers it. */
  <R extends PendingRequest> R begin(R request) {
    pending = request;
    session.remember(request);
    return request;
  }

  /** Answers without a body, with 0 for success or an errno, unless an answer has been given. */
  void answer(int errno) {
    if (pending != null) {
      pending.answer(errno);
    } else {
      OutBuffer.ofThisThread().sendError(descriptor, unique, errno);
    }
  }

  /** Makes sure that the body has its fixed part. */
  void requireBody(int sizeBytes) throws FsException {
    if (bodyLengthBytes < sizeBytes) {
      throw new FsException(
          FsError.INVALID,
          "a request body of " + bodyLengthBytes + " bytes instead of at least " + sizeBytes);
    }
  }

  int u32(int offset) {
    return buffer.segment().get(U32, InHeader.SIZE + offset);
  }

  long u64(int offset) {
    return buffer.segment().get(U64, InHeader.SIZE + offset);
  }

  /** The bytes from an offset up to the NUL that must follow them. */
  byte[] string(int offset) throws FsException {
    MemorySegment bytes = buffer.segment();
    int start = InHeader.SIZE + offset;
    int limit = InHeader.SIZE + bodyLengthBytes;
    int end = start;
    while (end < limit && bytes.get(U8, end) != 0) {
      end++;
    }
    if (end >= limit) {
      throw new FsException(FsError.INVALID, "a text without an end mark in a request body");
    }
    byte[] text = new byte[end - start];
    MemorySegment.copy(bytes, U8, start, text, 0, text.length);
    return text;
  }

  /** A copy of a part of the body. */
  byte[] bytes(int offset, int lengthBytes) throws FsException {
    if (lengthBytes < 0 || offset + (long) lengthBytes > bodyLengthBytes) {
      throw new FsException(
          FsError.INVALID, lengthBytes + " bytes in a body of " + bodyLengthBytes);
    }
    byte[] copy = new byte[lengthBytes];
    MemorySegment.copy(buffer.segment(), U8, InHeader.SIZE + offset, copy, 0, lengthBytes);
    return copy;
  }

  /** A part of the body as a buffer that its receiver releases. */
  ByteBuf data(int offset, int lengthBytes) throws FsException {
    if (lengthBytes < 0 || offset + (long) lengthBytes > bodyLengthBytes) {
      throw new FsException(
          FsError.INVALID, lengthBytes + " bytes of data in a body of " + bodyLengthBytes);
    }
    return lengthBytes <= COPIED_LENGTH_BYTES_MAX
        ? buffer.copy(InHeader.SIZE + offset, lengthBytes)
        : buffer.retainedSlice(InHeader.SIZE + offset, lengthBytes);
  }
}
