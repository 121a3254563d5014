package io.adhocfs.daemon.chunk;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.Charset;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * System calls on files that Java's channels do not offer: punching holes, growing a sparse file,
 * asking for allocated blocks, and the number of an error, which decides between a full and a
 * broken disk. Linux, 64 bits. Memory is passed as addresses, which stay the caller's to keep
 * alive. Thread-safe.
 */
final class NativeFile {
  private static final int ENOENT = 2;
  private static final int EINTR = 4;
  private static final int EEXIST = 17;
  private static final int ENOSPC = 28;
  private static final int ENOSYS = 38;
  private static final int EOPNOTSUPP = 95;
  private static final int EDQUOT = 122;

  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0x40;
  private static final int O_EXCL = 0x80;
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int AT_FDCWD = -100;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_SIZE_AND_BLOCKS = 0x200 | 0x400;
  private static final int STATX_BYTES = 256;
  private static final int STATX_SIZE_OFFSET = 40;
  private static final int STATX_BLOCKS_OFFSET = 48;
  private static final int BLOCK_BYTES = 512;

  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final Charset PATHS =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private static final MethodHandle OPEN =
      function("open", true, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      function("close", false, FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle PREAD =
      function(
          "pread",
          false,
          FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle PWRITE =
      function(
          "pwrite",
          false,
          FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle FTRUNCATE =
      function("ftruncate", false, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle FALLOCATE =
      function(
          "fallocate",
          false,
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle LSEEK =
      function("lseek", false, FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FSYNC =
      function("fsync", false, FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle STATX =
      function(
          "statx",
          false,
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));

  /** What a thread needs for a call: room for errno and for an answer of statx. */
  private record Scratch(MemorySegment callState, MemorySegment status) {
    int errno() {
      return (int) ERRNO.get(callState, 0L);
    }
  }

  private static final ThreadLocal<Scratch> SCRATCH =
      ThreadLocal.withInitial(() -> {
        Arena arena = Arena.ofAuto();
        return new Scratch(arena.allocate(CALL_STATE), arena.allocate(STATX_BYTES, 8));
      });

  private static final MemorySegment EMPTY_PATH = Arena.global().allocateFrom("");

  private NativeFile() {}

  // Calling C is what this class is for; launchers allow it with --enable-native-access.
  @SuppressWarnings("restricted")
  private static MethodHandle function(
      String name, boolean variadic, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    Linker.Option errno = Linker.Option.captureCallState("errno");
    MemorySegment address = linker.defaultLookup().findOrThrow(name);
    return variadic
        ? linker.downcallHandle(address, descriptor, errno, Linker.Option.firstVariadicArg(2))
        : linker.downcallHandle(address, descriptor, errno);
  }

  /**
   * As {@link Disk#open}.
   *
   * @return its descriptor, or -1
   */
  static int open(Path path, boolean create) throws FsException {
    Scratch scratch = SCRATCH.get();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString(), PATHS);
      int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
      while (true) {
        int descriptor = (int) OPEN.invokeExact(scratch.callState(), name, flags, 0600);
        if (descriptor >= 0) {
          return descriptor;
        }
        int errno = scratch.errno();
        if (errno == (create ? EEXIST : ENOENT)) {
          return -1;
        }
        if (errno != EINTR) {
          throw failure("opening " + path, errno);
        }
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void close(int descriptor) {
    try {
      // Linux closes the descriptor whatever close answers: trying again might close another's.
      int _ = (int) CLOSE.invokeExact(SCRATCH.get().callState(), descriptor);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads until everything is there or the file ends.
   *
   * @return bytes read
   */
  static long read(int descriptor, long address, long length, long position) throws FsException {
    Scratch scratch = SCRATCH.get();
    long done = 0;
    try {
      while (done < length) {
        long count =
            (long)
                PREAD.invokeExact(
                    scratch.callState(),
                    descriptor,
                    address + done,
                    length - done,
                    position + done);
        if (count == 0) {
          return done;
        }
        if (count > 0) {
          done += count;
        } else if (scratch.errno() != EINTR) {
          throw failure("reading", scratch.errno());
        }
      }
      return done;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Writes everything, or fails with NO_SPACE or STORAGE_FAILED after some of it. */
  static void write(int descriptor, long address, long length, long position) throws FsException {
    Scratch scratch = SCRATCH.get();
    long done = 0;
    try {
      while (done < length) {
        long count =
            (long)
                PWRITE.invokeExact(
                    scratch.callState(),
                    descriptor,
                    address + done,
                    length - done,
                    position + done);
        if (count > 0) {
          done += count;
        } else if (count == 0) {
          throw failure("writing nothing of " + (length - done) + " bytes", ENOSPC);
        } else if (scratch.errno() != EINTR) {
          throw failure("writing", scratch.errno());
        }
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Makes a file this long; what is new is a hole. */
  static void setSize(int descriptor, long sizeBytes) throws FsException {
    Scratch scratch = SCRATCH.get();
    try {
      while ((int) FTRUNCATE.invokeExact(scratch.callState(), descriptor, sizeBytes) != 0) {
        if (scratch.errno() != EINTR) {
          throw failure("growing to " + sizeBytes + " bytes", scratch.errno());
        }
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * Gives the blocks of a range back; it reads as zeros.
   *
   * @return false where the file system cannot do that
   */
  static boolean punch(int descriptor, long position, long length) throws FsException {
    Scratch scratch = SCRATCH.get();
    try {
      while ((int)
              FALLOCATE.invokeExact(
                  scratch.callState(),
                  descriptor,
                  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  position,
                  length)
          != 0) {
        int errno = scratch.errno();
        if (errno == EOPNOTSUPP || errno == ENOSYS) {
          return false;
        }
        if (errno != EINTR) {
          throw failure("punching " + length + " bytes at " + position, errno);
        }
      }
      return true;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Where the next data from a position on begins; negative = there is none. */
  static long data(int descriptor, long position) {
    return seek(descriptor, position, SEEK_DATA);
  }

  /** Where the next hole from a position on begins; negative = the file ends before. */
  static long hole(int descriptor, long position) {
    return seek(descriptor, position, SEEK_HOLE);
  }

  private static long seek(int descriptor, long position, int whence) {
    try {
      return (long) LSEEK.invokeExact(SCRATCH.get().callState(), descriptor, position, whence);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  static void sync(int descriptor) throws FsException {
    Scratch scratch = SCRATCH.get();
    try {
      while ((int) FSYNC.invokeExact(scratch.callState(), descriptor) != 0) {
        if (scratch.errno() != EINTR) {
          throw failure("syncing", scratch.errno());
        }
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static Disk.Extent extent(int descriptor) throws FsException {
    Disk.Extent extent = extent(descriptor, EMPTY_PATH, AT_EMPTY_PATH);
    if (extent == null) {
      throw new FsException(FsError.STORAGE_FAILED, "an open file has no status");
    }
    return extent;
  }

  /** Size and space of a file, or null if there is none. */
  static Disk.@Nullable Extent extent(Path path) throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      return extent(AT_FDCWD, arena.allocateFrom(path.toString(), PATHS), 0);
    }
  }

  private static Disk.@Nullable Extent extent(int descriptor, MemorySegment path, int flags)
      throws FsException {
    Scratch scratch = SCRATCH.get();
    try {
      int result =
          (int)
              STATX.invokeExact(
                  scratch.callState(),
                  descriptor,
                  path,
                  flags,
                  STATX_SIZE_AND_BLOCKS,
                  scratch.status());
      if (result != 0) {
        if (scratch.errno() == ENOENT) {
          return null;
        }
        throw failure("asking for the status", scratch.errno());
      }
      return new Disk.Extent(
          scratch.status().get(JAVA_LONG, STATX_SIZE_OFFSET),
          scratch.status().get(JAVA_LONG, STATX_BLOCKS_OFFSET) * BLOCK_BYTES);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static FsException failure(String doing, int errno) {
    FsError error = errno == ENOSPC || errno == EDQUOT ? FsError.NO_SPACE : FsError.STORAGE_FAILED;
    return new FsException(error, doing + " failed with errno " + errno);
  }

  /** Method handles declare Throwable; what comes out of ours is an FsException or a defect. */
  private static FsException unexpected(Throwable e) {
    return switch (e) {
      case FsException failure -> failure;
      case RuntimeException defect -> throw defect;
      case Error error -> throw error;
      default -> throw new IllegalStateException(e);
    };
  }
}
