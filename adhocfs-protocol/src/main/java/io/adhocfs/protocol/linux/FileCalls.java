package io.adhocfs.protocol.linux;

import static io.adhocfs.protocol.linux.CLibrary.handle;
import static io.adhocfs.protocol.linux.CLibrary.once;
import static io.adhocfs.protocol.linux.CLibrary.repeat;
import static io.adhocfs.protocol.linux.CLibrary.variadic;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.file.Path;

/**
 * System calls on files that more than one module makes, as section 2 of the manual has them, on
 * 64-bit Linux. Each returns what the C function returns, except that a failure is the negative
 * errno; a call that a signal interrupted is made again. Thread-safe.
 *
 * <p>Every number used here is the same on x86-64 and aarch64.
 */
public final class FileCalls {
  public static final int AT_FDCWD = -100;
  public static final int AT_SYMLINK_NOFOLLOW = 0x100;
  public static final int AT_EMPTY_PATH = 0x1000;

  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0100;
  public static final int O_EXCL = 0200;
  public static final int O_NOCTTY = 0400;
  public static final int O_NONBLOCK = 04000;
  public static final int O_CLOEXEC = 02000000;

  public static final int SEEK_DATA = 3;
  public static final int SEEK_HOLE = 4;

  public static final int FALLOC_FL_KEEP_SIZE = 1;
  public static final int FALLOC_FL_PUNCH_HOLE = 2;

  public static final int STATX_SIZE = 0x200;
  public static final int STATX_BLOCKS = 0x400;
  public static final int STATX_BASIC_STATS = 0x7ff;

  /** The length of struct statx, which is aligned to eight. */
  public static final int STATX_BYTES = 256;

  /** Where a field of struct statx is. */
  public static final int STATX_SIZE_OFFSET = 40;

  /** Where a field of struct statx is, in units of 512 bytes. */
  public static final int STATX_BLOCKS_OFFSET = 48;

  private static final Charset PATHS =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private static final MethodHandle OPENAT =
      variadic("openat", 3, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle PREAD =
      handle("pread", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle PWRITE =
      handle("pwrite", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle FTRUNCATE =
      handle("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle FALLOCATE =
      handle(
          "fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle LSEEK =
      handle("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FSYNC =
      handle("fsync", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle STATX =
      handle(
          "statx", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle GETEUID = handle("geteuid", FunctionDescriptor.of(JAVA_INT));

  private FileCalls() {}

  /** The path as a C string. */
  public static MemorySegment cString(Arena arena, Path path) {
    return arena.allocateFrom(path.toString(), PATHS);
  }

  public static int openat(int directory, MemorySegment path, int flags, int mode) {
    return (int) repeat(errno -> (int) OPENAT.invokeExact(errno, directory, path, flags, mode));
  }

  /** Never made twice: after EINTR the descriptor is closed all the same. */
  public static int close(int descriptor) {
    return (int) once(errno -> (int) CLOSE.invokeExact(errno, descriptor));
  }

  /** The memory must be native, and is kept alive during the call. */
  public static long pread(int descriptor, MemorySegment target, long length, long offset) {
    return repeat(errno -> (long) PREAD.invokeExact(errno, descriptor, target, length, offset));
  }

  /** The memory must be native, and is kept alive during the call. */
  public static long pwrite(int descriptor, MemorySegment source, long length, long offset) {
    return repeat(errno -> (long) PWRITE.invokeExact(errno, descriptor, source, length, offset));
  }

  public static int ftruncate(int descriptor, long size) {
    return (int) repeat(errno -> (int) FTRUNCATE.invokeExact(errno, descriptor, size));
  }

  public static int fallocate(int descriptor, int mode, long offset, long length) {
    return (int)
        repeat(errno -> (int) FALLOCATE.invokeExact(errno, descriptor, mode, offset, length));
  }

  public static long lseek(int descriptor, long offset, int whence) {
    return repeat(errno -> (long) LSEEK.invokeExact(errno, descriptor, offset, whence));
  }

  public static int fsync(int descriptor) {
    return (int) repeat(errno -> (int) FSYNC.invokeExact(errno, descriptor));
  }

  public static int statx(
      int directory, MemorySegment path, int flags, int mask, MemorySegment target) {
    return (int)
        repeat(errno -> (int) STATX.invokeExact(errno, directory, path, flags, mask, target));
  }

  public static int effectiveUserId() {
    return (int) once(errno -> (int) GETEUID.invokeExact(errno));
  }
}
