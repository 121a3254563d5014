package io.adhocfs.client.transfer.local;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory for the arguments of one call, one per thread; goes with its thread. */
final class Scratch {
  /** PATH_MAX, with the NUL. */
  static final int PATH_BYTES_MAX = 4096;

  static final int LISTING_BYTES = 32 << 10;

  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  final MemorySegment statx;
  final MemorySegment times;
  final MemorySegment listing;
  final MemorySegment target;
  private final MemorySegment first;
  private final MemorySegment second;

  private Scratch() {
    Arena arena = Arena.ofAuto();
    statx = arena.allocate(FileCalls.STATX_BYTES, 8);
    times = arena.allocate(32, 8);
    listing = arena.allocate(LISTING_BYTES, 8);
    target = arena.allocate(PATH_BYTES_MAX, 8);
    first = arena.allocate(PATH_BYTES_MAX, 8);
    second = arena.allocate(PATH_BYTES_MAX, 8);
  }

  static Scratch get() {
    return OF_THREAD.get();
  }

  /** The path as a C string, until the next call of this method in this thread. */
  MemorySegment path(byte[] path) throws FsException {
    return put(first, path);
  }

  /** A second path, for calls that take two. */
  MemorySegment secondPath(byte[] path) throws FsException {
    return put(second, path);
  }

  private static MemorySegment put(MemorySegment target, byte[] path) throws FsException {
    if (path.length >= PATH_BYTES_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG,
          LocalFiles.display(path) + ": a path of " + path.length + " bytes");
    }
    for (byte b : path) {
      if (b == 0) {
        throw new FsException(FsError.INVALID, LocalFiles.display(path) + ": a NUL byte in a path");
      }
    }
    MemorySegment.copy(path, 0, target, JAVA_BYTE, 0, path.length);
    target.set(JAVA_BYTE, path.length, (byte) 0);
    return target;
  }
}
