package io.adhocfs.client.transfer.local;

import static io.adhocfs.protocol.linux.CLibrary.handle;
import static io.adhocfs.protocol.linux.CLibrary.once;
import static io.adhocfs.protocol.linux.CLibrary.repeat;
import static io.adhocfs.protocol.linux.CLibrary.variadic;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The system calls on files that nothing but staging makes, beside those of {@link
 * io.adhocfs.protocol.linux.FileCalls} and with the same manners: a failure is the negative errno,
 * and a call that a signal interrupted is made again.
 *
 * <p>Some go through syscall(2), since the C libraries of older distributions lack them as
 * functions: getdents64, mknodat and renameat2. Every other structure and number used here is the
 * same on x86-64 and aarch64, which is why attributes are read with statx; the few open flags that
 * differ are chosen below.
 */
final class LinuxFileCalls {
  static final int AT_REMOVEDIR = 0x200;

  private static final boolean AARCH64 = System.getProperty("os.arch", "").equals("aarch64");

  static final int O_DIRECTORY = AARCH64 ? 040000 : 0200000;
  static final int O_NOFOLLOW = AARCH64 ? 0100000 : 0400000;

  static final int RENAME_NOREPLACE = 1;

  private static final long SYSCALL_GETDENTS64 = AARCH64 ? 61 : 217;
  private static final long SYSCALL_MKNODAT = AARCH64 ? 33 : 259;
  private static final long SYSCALL_RENAMEAT2 = AARCH64 ? 276 : 316;

  private static final MethodHandle MKDIRAT =
      handle("mkdirat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
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
  private static final MethodHandle POSIX_FADVISE =
      handle(
          "posix_fadvise",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
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
  private static final MethodHandle GETEGID = handle("getegid", FunctionDescriptor.of(JAVA_INT));

  private LinuxFileCalls() {}

  static int mkdirat(int directory, MemorySegment path, int mode) {
    return (int) repeat(errno -> (int) MKDIRAT.invokeExact(errno, directory, path, mode));
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

  /** Returns nothing: advice that is not taken does no harm. */
  static void posixFadvise(int descriptor, long offset, long length, int advice) {
    once(errno -> (int) POSIX_FADVISE.invokeExact(errno, descriptor, offset, length, advice));
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

  static int effectiveGroupId() {
    return (int) once(errno -> (int) GETEGID.invokeExact(errno));
  }
}
