package io.adhocfs.fuse.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
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
import java.nio.charset.StandardCharsets;

/**
 * The system calls that the driver needs and Java lacks, as in section 2 of the manual. Each
 * returns what the C function returns, except that a failure is the negative errno (the kernel's
 * own convention), so that no caller reads errno after something else has overwritten it.
 */
@SuppressWarnings("restricted") // Calling C is what this class is for.
final class LinuxCalls {
  static final int O_RDWR = 2;
  static final int O_CLOEXEC = 02000000;

  static final long MS_RDONLY = 1;
  static final long MS_NOSUID = 2;
  static final long MS_NODEV = 4;
  static final long MS_NOEXEC = 8;

  static final int MNT_DETACH = 2;
  static final int UMOUNT_NOFOLLOW = 8;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup C_LIBRARY = LINKER.defaultLookup();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final MemoryLayout CAPTURE_LAYOUT = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE_LAYOUT.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /**
   * One segment for errno per thread: allocating one per call would cost more than the call. The
   * memory is freed with the thread.
   */
  private static final ThreadLocal<MemorySegment> CAPTURED =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CAPTURE_LAYOUT));

  private static final MethodHandle OPEN =
      variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle READ =
      handle("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle WRITE =
      handle("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle WRITEV =
      handle("writev", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle IOCTL =
      variadic("ioctl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
  private static final MethodHandle MOUNT =
      handle(
          "mount", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
  private static final MethodHandle UMOUNT2 =
      handle("umount2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle PRCTL =
      variadic(
          "prctl",
          1,
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle CHDIR =
      handle("chdir", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  private static final MethodHandle SOCKETPAIR =
      handle("socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle RECVMSG =
      handle("recvmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FCNTL =
      variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle POLL =
      handle("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle WAITPID =
      handle("waitpid", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle POSIX_SPAWNP =
      handle(
          "posix_spawnp",
          FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  private static final MethodHandle GETEUID = plain("geteuid");
  private static final MethodHandle GETUID = plain("getuid");
  private static final MethodHandle GETGID = plain("getgid");
  private static final MethodHandle GETPAGESIZE = plain("getpagesize");

  private LinuxCalls() {}

  static int open(MemorySegment path, int flags) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) OPEN.invokeExact(captured, path, flags, 0), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int close(int descriptor) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) CLOSE.invokeExact(captured, descriptor), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static long read(int descriptor, MemorySegment target, long lengthBytes) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((long) READ.invokeExact(captured, descriptor, target, lengthBytes), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static long write(int descriptor, MemorySegment source, long lengthBytes) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((long) WRITE.invokeExact(captured, descriptor, source, lengthBytes), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** The vectors are an array of struct iovec: address, length. */
  static long writev(int descriptor, MemorySegment vectors, int count) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((long) WRITEV.invokeExact(captured, descriptor, vectors, count), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int ioctl(int descriptor, long request, MemorySegment argument) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) IOCTL.invokeExact(captured, descriptor, request, argument), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int mount(
      MemorySegment source,
      MemorySegment target,
      MemorySegment type,
      long flags,
      MemorySegment options) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result(
          (int) MOUNT.invokeExact(captured, source, target, type, flags, options), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int umount2(MemorySegment target, int flags) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) UMOUNT2.invokeExact(captured, target, flags), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int prctl(int option, long argument) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) PRCTL.invokeExact(captured, option, argument, 0L, 0L, 0L), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int chdir(MemorySegment path) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) CHDIR.invokeExact(captured, path), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int socketpair(int domain, int type, int protocol, MemorySegment descriptors) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result(
          (int) SOCKETPAIR.invokeExact(captured, domain, type, protocol, descriptors), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static long recvmsg(int descriptor, MemorySegment message, int flags) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((long) RECVMSG.invokeExact(captured, descriptor, message, flags), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int fcntl(int descriptor, int command, int argument) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) FCNTL.invokeExact(captured, descriptor, command, argument), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int poll(MemorySegment entries, long count, int timeoutMillis) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) POLL.invokeExact(captured, entries, count, timeoutMillis), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int waitpid(int pid, MemorySegment status, int options) {
    try {
      MemorySegment captured = CAPTURED.get();
      return result((int) WAITPID.invokeExact(captured, pid, status, options), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Returns 0 or the negative errno; looks the program up in PATH. */
  static int posixSpawn(
      MemorySegment pid, MemorySegment file, MemorySegment arguments, MemorySegment environment) {
    try {
      MemorySegment captured = CAPTURED.get();
      return -(int)
          POSIX_SPAWNP.invokeExact(
              captured, pid, file, MemorySegment.NULL, MemorySegment.NULL, arguments, environment);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int effectiveUserId() {
    return call(GETEUID);
  }

  static int userId() {
    return call(GETUID);
  }

  static int groupId() {
    return call(GETGID);
  }

  static int pageSizeBytes() {
    return call(GETPAGESIZE);
  }

  /** A text for the negative errno of a failed call, like that of strerror(3). */
  static String describe(long negativeErrno) {
    return switch ((int) -negativeErrno) {
      case 1 -> "operation not permitted";
      case 2 -> "no such file or directory";
      case 13 -> "permission denied";
      case 16 -> "busy";
      case 19 -> "no such device";
      case 20 -> "not a directory";
      case 22 -> "invalid argument";
      case 107 -> "transport endpoint is not connected";
      default -> "errno " + -negativeErrno;
    };
  }

  /** The bytes with a NUL behind them. */
  static MemorySegment cString(Arena arena, byte[] bytes) {
    MemorySegment segment = arena.allocate(bytes.length + 1L);
    MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, bytes.length);
    return segment;
  }

  static MemorySegment cString(Arena arena, String text) {
    return cString(arena, text.getBytes(StandardCharsets.UTF_8));
  }

  private static int call(MethodHandle handle) {
    try {
      return (int) handle.invokeExact();
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static int result(int returned, MemorySegment captured) {
    return returned >= 0 ? returned : -(int) ERRNO.get(captured, 0L);
  }

  private static long result(long returned, MemorySegment captured) {
    return returned >= 0 ? returned : -(int) ERRNO.get(captured, 0L);
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

  private static MethodHandle plain(String name) {
    return LINKER.downcallHandle(
        C_LIBRARY.findOrThrow(name), FunctionDescriptor.of(JAVA_INT), new Linker.Option[0]);
  }
}
