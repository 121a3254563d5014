package io.adhocfs.client.transfer.local;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The system calls on files, as section 2 of the manual has them, on 64-bit Linux. Each returns
 * what the C function returns, except that a failure is the negative errno; a call that a signal
 * interrupted is made again.
 *
 * <p>Some go through syscall(2), since the C libraries of older distributions lack them as
 * functions: getdents64, mknodat and renameat2. Every other structure and number used here is the
 * same on x86-64 and aarch64, which is why attributes are read with statx; the few open flags that
 * differ are chosen below.
 */
@SuppressWarnings("restricted") // Calling C is what this class is for; every launcher allows it.
final class LinuxFileCalls {
  static final int EINTR = 4;

  static final int AT_FDCWD = -100;
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_REMOVEDIR = 0x200;
  static final int AT_EMPTY_PATH = 0x1000;

  private static final boolean AARCH64 = System.getProperty("os.arch", "").equals("aarch64");

  static final int O_RDONLY = 0;
  static final int O_WRONLY = 1;
  static final int O_RDWR = 2;
  static final int O_CREAT = 0100;
  static final int O_EXCL = 0200;
  static final int O_NOCTTY = 0400;
  static final int O_TRUNC = 01000;
  static final int O_NONBLOCK = 04000;
  static final int O_CLOEXEC = 02000000;
  static final int O_DIRECTORY = AARCH64 ? 040000 : 0200000;
  static final int O_NOFOLLOW = AARCH64 ? 0100000 : 0400000;

  static final int SEEK_DATA = 3;
  static final int SEEK_HOLE = 4;

  static final int RENAME_NOREPLACE = 1;

  static final int STATX_BASIC_STATS = 0x7ff;
  static final int STATX_BYTES = 256;

  private static final long SYSCALL_GETDENTS64 = AARCH64 ? 61 : 217;
  private static final long SYSCALL_MKNODAT = AARCH64 ? 33 : 259;
  private static final long SYSCALL_RENAMEAT2 = AARCH64 ? 276 : 316;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup C_LIBRARY = LINKER.defaultLookup();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final MemoryLayout CAPTURE_LAYOUT = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE_LAYOUT.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /** One segment per thread: allocating one per call would cost more than the call. */
  private static final ThreadLocal<MemorySegment> CAPTURED =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CAPTURE_LAYOUT));

  private static final MethodHandle OPENAT =
      variadic("openat", 3, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle MKDIRAT =
      handle("mkdirat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle STATX =
      handle(
          "statx", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle READLINKAT =
      handle("readlinkat", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));
  private static final MethodHandle SYMLINKAT =
      handle("symlinkat", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
  private static final MethodHandle LINKAT =
      handle(
          "linkat",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle UNLINKAT =
      handle("unlinkat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle UTIMENSAT =
      handle("utimensat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle FUTIMENS =
      handle("futimens", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle FCHMODAT =
      handle("fchmodat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle FCHMOD =
      handle("fchmod", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle FCHOWNAT =
      handle(
          "fchownat",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle FCHOWN =
      handle("fchown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
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
  private static final MethodHandle POSIX_FADVISE =
      handle(
          "posix_fadvise",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FSYNC =
      handle("fsync", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle FSTATFS =
      handle("fstatfs", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle FLISTXATTR =
      handle("flistxattr", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle FGETXATTR =
      handle("fgetxattr", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));
  private static final MethodHandle FSETXATTR =
      handle(
          "fsetxattr",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle GETDENTS64 =
      variadic(
          "syscall", 1, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG));
  private static final MethodHandle MKNODAT =
      variadic(
          "syscall",
          1,
          FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle RENAMEAT2 =
      variadic(
          "syscall",
          1,
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG));
  private static final MethodHandle GETEUID =
      LINKER.downcallHandle(C_LIBRARY.findOrThrow("geteuid"), FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle GETEGID =
      LINKER.downcallHandle(C_LIBRARY.findOrThrow("getegid"), FunctionDescriptor.of(JAVA_INT));

  private LinuxFileCalls() {}

  /** A call whose failure is -1 with errno; C's int or long. */
  @FunctionalInterface
  private interface Call {
    long make(MemorySegment captured) throws Throwable;
  }

  static int openat(int directory, MemorySegment path, int flags, int mode) {
    return (int) repeat(errno -> (int) OPENAT.invokeExact(errno, directory, path, flags, mode));
  }

  /** Never made twice: after EINTR the descriptor is closed all the same. */
  static int close(int descriptor) {
    return (int) once(errno -> (int) CLOSE.invokeExact(errno, descriptor));
  }

  static int mkdirat(int directory, MemorySegment path, int mode) {
    return (int) repeat(errno -> (int) MKDIRAT.invokeExact(errno, directory, path, mode));
  }

  static int statx(int directory, MemorySegment path, int flags, int mask, MemorySegment target) {
    return (int)
        repeat(errno -> (int) STATX.invokeExact(errno, directory, path, flags, mask, target));
  }

  static long readlinkat(int directory, MemorySegment path, MemorySegment target, long length) {
    return repeat(errno -> (long) READLINKAT.invokeExact(errno, directory, path, target, length));
  }

  static int symlinkat(MemorySegment target, int directory, MemorySegment path) {
    return (int) repeat(errno -> (int) SYMLINKAT.invokeExact(errno, target, directory, path));
  }

  static int linkat(int fromDirectory, MemorySegment from, int toDirectory, MemorySegment to) {
    return (int)
        repeat(errno -> (int) LINKAT.invokeExact(errno, fromDirectory, from, toDirectory, to, 0));
  }

  static int unlinkat(int directory, MemorySegment path, int flags) {
    return (int) repeat(errno -> (int) UNLINKAT.invokeExact(errno, directory, path, flags));
  }

  static int utimensat(int directory, MemorySegment path, MemorySegment times, int flags) {
    return (int) repeat(errno -> (int) UTIMENSAT.invokeExact(errno, directory, path, times, flags));
  }

  static int futimens(int descriptor, MemorySegment times) {
    return (int) repeat(errno -> (int) FUTIMENS.invokeExact(errno, descriptor, times));
  }

  static int fchmodat(int directory, MemorySegment path, int mode) {
    return (int) repeat(errno -> (int) FCHMODAT.invokeExact(errno, directory, path, mode, 0));
  }

  static int fchmod(int descriptor, int mode) {
    return (int) repeat(errno -> (int) FCHMOD.invokeExact(errno, descriptor, mode));
  }

  static int fchownat(int directory, MemorySegment path, int uid, int gid, int flags) {
    return (int)
        repeat(errno -> (int) FCHOWNAT.invokeExact(errno, directory, path, uid, gid, flags));
  }

  static int fchown(int descriptor, int uid, int gid) {
    return (int) repeat(errno -> (int) FCHOWN.invokeExact(errno, descriptor, uid, gid));
  }

  static long pread(int descriptor, MemorySegment target, long length, long offset) {
    return repeat(errno -> (long) PREAD.invokeExact(errno, descriptor, target, length, offset));
  }

  static long pwrite(int descriptor, MemorySegment source, long length, long offset) {
    return repeat(errno -> (long) PWRITE.invokeExact(errno, descriptor, source, length, offset));
  }

  static int ftruncate(int descriptor, long size) {
    return (int) repeat(errno -> (int) FTRUNCATE.invokeExact(errno, descriptor, size));
  }

  static int fallocate(int descriptor, int mode, long offset, long length) {
    return (int)
        repeat(errno -> (int) FALLOCATE.invokeExact(errno, descriptor, mode, offset, length));
  }

  static long lseek(int descriptor, long offset, int whence) {
    return repeat(errno -> (long) LSEEK.invokeExact(errno, descriptor, offset, whence));
  }

  /** Returns nothing: advice that is not taken does no harm. */
  static void posixFadvise(int descriptor, long offset, long length, int advice) {
    once(errno -> (int) POSIX_FADVISE.invokeExact(errno, descriptor, offset, length, advice));
  }

  static int fsync(int descriptor) {
    return (int) repeat(errno -> (int) FSYNC.invokeExact(errno, descriptor));
  }

  static int fstatfs(int descriptor, MemorySegment target) {
    return (int) repeat(errno -> (int) FSTATFS.invokeExact(errno, descriptor, target));
  }

  static long flistxattr(int descriptor, MemorySegment names, long length) {
    return repeat(errno -> (long) FLISTXATTR.invokeExact(errno, descriptor, names, length));
  }

  static long fgetxattr(int descriptor, MemorySegment name, MemorySegment value, long length) {
    return repeat(errno -> (long) FGETXATTR.invokeExact(errno, descriptor, name, value, length));
  }

  static int fsetxattr(int descriptor, MemorySegment name, MemorySegment value, long length) {
    return (int)
        repeat(errno -> (int) FSETXATTR.invokeExact(errno, descriptor, name, value, length, 0));
  }

  static long getdents64(int descriptor, MemorySegment target, long length) {
    return repeat(errno ->
        (long)
            GETDENTS64.invokeExact(errno, SYSCALL_GETDENTS64, (long) descriptor, target, length));
  }

  static int mknodat(int directory, MemorySegment path, int mode, long device) {
    return (int)
        repeat(errno ->
            (long)
                MKNODAT.invokeExact(
                    errno, SYSCALL_MKNODAT, (long) directory, path, (long) mode, device));
  }

  /** Renames within a directory. */
  static int renameat2(int directory, MemorySegment from, MemorySegment to, int flags) {
    return (int)
        repeat(errno ->
            (long)
                RENAMEAT2.invokeExact(
                    errno,
                    SYSCALL_RENAMEAT2,
                    (long) directory,
                    from,
                    (long) directory,
                    to,
                    (long) flags));
  }

  static int effectiveUserId() {
    return identity(GETEUID);
  }

  static int effectiveGroupId() {
    return identity(GETEGID);
  }

  private static int identity(MethodHandle handle) {
    try {
      return (int) handle.invokeExact();
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static long repeat(Call call) {
    long returned;
    do {
      returned = once(call);
    } while (returned == -EINTR);
    return returned;
  }

  private static long once(Call call) {
    MemorySegment captured = CAPTURED.get();
    try {
      long returned = call.make(captured);
      return returned == -1 ? -(int) ERRNO.get(captured, 0L) : returned;
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(C_LIBRARY.findOrThrow(name), descriptor, CAPTURE_ERRNO);
  }

  private static MethodHandle variadic(
      String name, int fixedArguments, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        C_LIBRARY.findOrThrow(name),
        descriptor,
        CAPTURE_ERRNO,
        Linker.Option.firstVariadicArg(fixedArguments));
  }
}
