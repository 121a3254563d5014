package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;
import static io.adhocfs.fuse.kernel.Protocol.U8;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.kernel.Protocol.InvalidInode;
import io.adhocfs.fuse.kernel.Protocol.OutHeader;
import io.adhocfs.fuse.kernel.Protocol.Store;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The buffer in which one thread builds a reply and hands it to the kernel. Each thread has its
 * own: the thread that completes a request writes the answer, without a lock or a copy on the heap.
 */
final class OutBuffer {
  private static final Logger LOG = LoggerFactory.getLogger(OutBuffer.class);

  /** Where a reply's body starts. */
  static final int BODY = OutHeader.SIZE;

  private static final int SIZE_BYTES = 512;
  private static final int VECTOR_SIZE_BYTES = 16;

  /**
   * Data in more pieces than this is copied into one piece first; the kernel would take up to 1,024
   * pieces.
   */
  private static final int VECTORS_MAX = 256;

  private static final ThreadLocal<OutBuffer> MINE = ThreadLocal.withInitial(OutBuffer::new);

  /** Both segments are freed with the thread. */
  private final MemorySegment bytes = Arena.ofAuto().allocate(SIZE_BYTES, 8);

  private final MemorySegment vectors =
      Arena.ofAuto().allocate((long) VECTORS_MAX * VECTOR_SIZE_BYTES, 8);

  private OutBuffer() {}

  static OutBuffer ofThisThread() {
    return MINE.get();
  }

  /** The memory to put the body into, at {@link #BODY}; up to {@value #SIZE_BYTES} in all. */
  MemorySegment bytes() {
    return bytes;
  }

  /** Sends an answer without a body: errno 0 for success. */
  void sendError(int descriptor, long unique, int errno) {
    putHeader(bytes, OutHeader.SIZE, -errno, unique);
    check(LinuxCalls.write(descriptor, bytes, OutHeader.SIZE), unique);
  }

  /**
   * Has the kernel ignore, for an inode, all attributes that it has asked for up to now: programs
   * get them, the kernel's inode does not. To be called before the answer with the attributes is
   * built.
   */
  void keepFromInode(int descriptor, long node) {
    invalidate(descriptor, node, InvalidInode.ATTRIBUTES_ONLY, 0);
  }

  /**
   * Has the kernel drop pages of an inode, and ignore attributes as {@link #keepFromInode} does.
   * Returns when the kernel has done so: the kernel waits for pages that are being read or written,
   * so a caller must not hold up the answers to these reads and writes.
   *
   * @param lengthBytes 0 = to the end
   */
  void dropPages(int descriptor, long node, long offset, long lengthBytes) {
    invalidate(descriptor, node, offset, lengthBytes);
  }

  private void invalidate(int descriptor, long node, long offset, long lengthBytes) {
    putHeader(bytes, BODY + InvalidInode.SIZE, InvalidInode.CODE, 0);
    bytes.set(U64, BODY + InvalidInode.NODE, node);
    bytes.set(U64, BODY + InvalidInode.OFFSET, offset);
    bytes.set(U64, BODY + InvalidInode.LENGTH, lengthBytes);
    check(LinuxCalls.write(descriptor, bytes, BODY + InvalidInode.SIZE), 0);
  }

  /**
   * Puts a few bytes of a file into the kernel's cache; the kernel's size of the file then covers
   * them. Waits as {@link #dropPages} does.
   */
  void store(int descriptor, long node, long offset, ByteBuf data) {
    int length = data.readableBytes();
    putHeader(bytes, BODY + Store.SIZE + length, Store.CODE, 0);
    bytes.set(U64, BODY + Store.NODE, node);
    bytes.set(U64, BODY + Store.OFFSET, offset);
    // The unused half of the word becomes 0.
    bytes.set(U64, BODY + Store.LENGTH, length);
    for (int i = 0; i < length; i++) {
      bytes.set(U8, BODY + Store.SIZE + i, data.getByte(data.readerIndex() + i));
    }
    check(LinuxCalls.write(descriptor, bytes, BODY + Store.SIZE + length), 0);
  }

  /** Sends the reply whose body is in {@link #bytes()}. */
  void send(int descriptor, long unique, int bodyLengthBytes) {
    sendWhole(descriptor, unique, bytes, bodyLengthBytes);
  }

  /** Sends a reply that was built elsewhere, with room for the header in front. */
  void sendWhole(int descriptor, long unique, MemorySegment reply, int bodyLengthBytes) {
    int length = OutHeader.SIZE + bodyLengthBytes;
    putHeader(reply, length, 0, unique);
    check(LinuxCalls.write(descriptor, reply, length), unique);
  }

  /** Sends the readable bytes as the body, without a copy if they lie outside the heap. */
  void send(int descriptor, long unique, ByteBuf data) {
    int length = data.readableBytes();
    if (length == 0) {
      sendError(descriptor, unique, 0);
      return;
    }
    putHeader(bytes, OutHeader.SIZE + length, 0, unique);
    putVector(0, bytes.address(), OutHeader.SIZE);
    if (data.hasMemoryAddress()) {
      putVector(1, data.memoryAddress() + data.readerIndex(), length);
      check(LinuxCalls.writev(descriptor, vectors, 2), unique);
    } else if (data.isDirect() && data.nioBufferCount() < VECTORS_MAX) {
      int count = 1;
      for (ByteBuffer part : data.nioBuffers()) {
        if (part.hasRemaining()) {
          putVector(count++, MemorySegment.ofBuffer(part).address(), part.remaining());
        }
      }
      check(LinuxCalls.writev(descriptor, vectors, count), unique);
    } else {
      ByteBuf gathered = PooledByteBufAllocator.DEFAULT.directBuffer(length, length);
      try {
        gathered.writeBytes(data, data.readerIndex(), length);
        putVector(1, MemorySegment.ofBuffer(gathered.nioBuffer()).address(), length);
        check(LinuxCalls.writev(descriptor, vectors, 2), unique);
      } finally {
        gathered.release();
      }
    }
  }

  private void putVector(int index, long address, long lengthBytes) {
    vectors.set(U64, (long) index * VECTOR_SIZE_BYTES, address);
    vectors.set(U64, (long) index * VECTOR_SIZE_BYTES + 8, lengthBytes);
  }

  private static void putHeader(MemorySegment reply, int lengthBytes, int error, long unique) {
    reply.set(U32, OutHeader.LENGTH, lengthBytes);
    reply.set(U32, OutHeader.ERROR, error);
    reply.set(U64, OutHeader.UNIQUE, unique);
  }

  private static void check(long result, long unique) {
    if (result >= 0) {
      return;
    }
    switch ((int) -result) {
      case Errnos.ENOENT, Errnos.ENODEV, Errnos.ECONNABORTED -> {
        // The kernel has given up the request or the whole mount: no program waits.
      }
      default ->
          LOG.error("the kernel refused the reply to {}: {}", unique, LinuxCalls.describe(result));
    }
  }
}
