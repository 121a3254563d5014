package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U16;
import static io.adhocfs.fuse.kernel.Protocol.U32;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.kernel.Protocol.InHeader;
import io.adhocfs.fuse.kernel.Protocol.Init;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * FUSE_INIT: the first request of a mount, in which the kernel and the driver say what they
 * support.
 */
final class Handshake {
  private static final int BUFFER_BYTES = 1 << 20 | 1 << 12;

  /** FUSE_MAX_MAX_PAGES: a request carried 32 pages before the limit could be negotiated. */
  private static final int PAGES_MAX_WITHOUT_NEGOTIATION = 32;

  private Handshake() {}

  /**
   * What both sides agreed on.
   *
   * @param flags of fuse_init_out, both words
   */
  record Agreement(int minor, long flags, int ioLengthBytesMax) {}

  /**
   * Waits for the kernel's offer, which the kernel sends when it mounts, and answers it.
   *
   * @throws FsException NOT_SUPPORTED if the kernel is too old, STORAGE_FAILED if there is no offer
   */
  static Agreement perform(int descriptor, MountOptions options, InodeFileSystem fileSystem)
      throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment request = arena.allocate(BUFFER_BYTES);
      long length = LinuxCalls.read(descriptor, request, BUFFER_BYTES);
      while (length == -Errnos.EINTR) {
        length = LinuxCalls.read(descriptor, request, BUFFER_BYTES);
      }
      if (length < 0) {
        throw new FsException(
            FsError.STORAGE_FAILED,
            "no first request from the kernel: " + LinuxCalls.describe(length));
      }
      if (length < InHeader.SIZE + Init.IN_SIZE_SHORT
          || request.get(U32, InHeader.OPCODE) != Opcode.INIT.code()) {
        throw new FsException(
            FsError.BAD_MESSAGE,
            "the kernel's first request is not FUSE_INIT, " + length + " bytes");
      }
      return answer(descriptor, request, length, options, fileSystem);
    }
  }

  private static Agreement answer(
      int descriptor,
      MemorySegment request,
      long lengthBytes,
      MountOptions options,
      InodeFileSystem fileSystem)
      throws FsException {
    long unique = request.get(Protocol.U64, InHeader.UNIQUE);
    MemorySegment offer = request.asSlice(InHeader.SIZE, lengthBytes - InHeader.SIZE);
    int major = offer.get(U32, Init.IN_MAJOR);
    int minor = offer.get(U32, Init.IN_MINOR);
    OutBuffer out = OutBuffer.ofThisThread();
    if (major != Protocol.MAJOR || minor < Protocol.MINOR_MIN) {
      out.sendError(descriptor, unique, Errnos.EPROTO);
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "the kernel speaks version "
              + major
              + "."
              + minor
              + " of the FUSE protocol; this driver needs "
              + Protocol.MAJOR
              + "."
              + Protocol.MINOR_MIN
              + " or later (Linux 5.4)");
    }
    long offered = Integer.toUnsignedLong(offer.get(U32, Init.IN_FLAGS));
    if ((offered & Init.INIT_EXT) != 0 && lengthBytes >= InHeader.SIZE + Init.IN_SIZE) {
      offered |= Integer.toUnsignedLong(offer.get(U32, Init.IN_FLAGS2)) << 32;
    }
    Agreement agreement = agree(minor, offered, options, fileSystem);

    MemorySegment body = out.bytes().asSlice(OutBuffer.BODY, Init.OUT_SIZE).fill((byte) 0);
    body.set(U32, Init.OUT_MAJOR, Protocol.MAJOR);
    body.set(U32, Init.OUT_MINOR, agreement.minor());
    body.set(
        U32,
        Init.OUT_MAX_READAHEAD,
        (int)
            Math.min(
                Integer.toUnsignedLong(offer.get(U32, Init.IN_MAX_READAHEAD)),
                options.readaheadBytesMax()));
    body.set(U32, Init.OUT_FLAGS, (int) agreement.flags());
    body.set(U32, Init.OUT_FLAGS2, (int) (agreement.flags() >>> 32));
    body.set(U16, Init.OUT_MAX_BACKGROUND, (short) options.backgroundRequestsMax());
    body.set(U16, Init.OUT_CONGESTION_THRESHOLD, (short) options.congestionThreshold());
    body.set(U32, Init.OUT_MAX_WRITE, agreement.ioLengthBytesMax());
    body.set(U32, Init.OUT_TIME_GRANULARITY, 1);
    body.set(
        U16,
        Init.OUT_MAX_PAGES,
        (short) Math.max(1, agreement.ioLengthBytesMax() / LinuxCalls.pageSizeBytes()));
    out.send(descriptor, unique, Init.OUT_SIZE);
    return agreement;
  }

  private static Agreement agree(
      int kernelMinor, long offered, MountOptions options, InodeFileSystem fileSystem) {
    long wanted =
        Init.ASYNC_READ
            | Init.ATOMIC_O_TRUNC
            | Init.EXPORT_SUPPORT
            | Init.BIG_WRITES
            | Init.PARALLEL_DIROPS
            | Init.MAX_PAGES
            | Init.DO_READDIRPLUS
            | Init.READDIRPLUS_AUTO
            | Init.INIT_EXT
            | Init.DIRECT_IO_ALLOW_MMAP
            // Without this flag the kernel keeps the old last page, with a zeroed tail, when
            // another mount makes a file longer.
            | Init.AUTO_INVAL_DATA;
    if (options.asynchronousDirectIo()) {
      wanted |= Init.ASYNC_DIO;
    }
    if (fileSystem.obeysClearsSetId()) {
      // This flag also lets the kernel remember that a file has no set-id bits and no
      // security.capability; without the flag, the kernel asks for that attribute before every
      // write.
      wanted |= Init.HANDLE_KILLPRIV_V2;
    }
    if (fileSystem.keepsLocks()) {
      wanted |= Init.POSIX_LOCKS | Init.FLOCK_LOCKS;
    }
    long flags = wanted & offered;
    int ioLengthMax =
        (flags & Init.MAX_PAGES) != 0
            ? options.ioLengthBytesMax()
            : Math.min(
                options.ioLengthBytesMax(),
                PAGES_MAX_WITHOUT_NEGOTIATION * LinuxCalls.pageSizeBytes());
    return new Agreement(Math.min(kernelMinor, Protocol.MINOR_MAX), flags, ioLengthMax);
  }
}
