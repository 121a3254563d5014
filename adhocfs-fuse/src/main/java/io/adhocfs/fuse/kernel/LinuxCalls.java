package io.adhocfs.fuse.kernel;

import static io.adhocfs.protocol.linux.CLibrary.handle;
import static io.adhocfs.protocol.linux.CLibrary.result;
import static io.adhocfs.protocol.linux.CLibrary.variadic;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.adhocfs.protocol.linux.CLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * The system calls that the driver needs and Java lacks, as in section 2 of the manual. Each
 * returns what the C function returns, except that a failure is the negative errno (the kernel's
 * own convention), so that no caller reads errno after something else has overwritten it.
 */
final class LinuxCalls {
  static final long MS_RDONLY = 1;
  static final long MS_NOSUID = 2;
  static final long MS_NODEV = 4;
  static final long MS_NOEXEC = 8;

  static final int MNT_DETACH = 2;
  static final int UMOUNT_NOFOLLOW = 8;

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
  private static final MethodHandle GETUID = handle("getuid", FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle GETGID = handle("getgid", FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle GETPAGESIZE =
      handle("getpagesize", FunctionDescriptor.of(JAVA_INT));

  private LinuxCalls() {}

  static long read(int descriptor, MemorySegment target, long lengthBytes) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((long) READ.invokeExact(captured, descriptor, target, lengthBytes), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static long write(int descriptor, MemorySegment source, long lengthBytes) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((long) WRITE.invokeExact(captured, descriptor, source, lengthBytes), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** The vectors are an array of struct iovec: address, length. */
  static long writev(int descriptor, MemorySegment vectors, int count) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((long) WRITEV.invokeExact(captured, descriptor, vectors, count), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int ioctl(int descriptor, long request, MemorySegment argument) {
    try {
      MemorySegment captured = CLibrary.captured();
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
      MemorySegment captured = CLibrary.captured();
      return result(
          (int) MOUNT.invokeExact(captured, source, target, type, flags, options), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int umount2(MemorySegment target, int flags) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) UMOUNT2.invokeExact(captured, target, flags), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int prctl(int option, long argument) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) PRCTL.invokeExact(captured, option, argument, 0L, 0L, 0L), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int chdir(MemorySegment path) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) CHDIR.invokeExact(captured, path), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int socketpair(int domain, int type, int protocol, MemorySegment descriptors) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result(
          (int) SOCKETPAIR.invokeExact(captured, domain, type, protocol, descriptors), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static long recvmsg(int descriptor, MemorySegment message, int flags) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((long) RECVMSG.invokeExact(captured, descriptor, message, flags), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int fcntl(int descriptor, int command, int argument) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) FCNTL.invokeExact(captured, descriptor, command, argument), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int poll(MemorySegment entries, long count, int timeoutMillis) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) POLL.invokeExact(captured, entries, count, timeoutMillis), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static int waitpid(int pid, MemorySegment status, int options) {
    try {
      MemorySegment captured = CLibrary.captured();
      return result((int) WAITPID.invokeExact(captured, pid, status, options), captured);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Returns 0 or the negative errno; looks the program up in PATH. */
  static int posixSpawn(
      MemorySegment pid, MemorySegment file, MemorySegment arguments, MemorySegment environment) {
    try {
      MemorySegment captured = CLibrary.captured();
      return -(int)
          POSIX_SPAWNP.invokeExact(
              captured, pid, file, MemorySegment.NULL, MemorySegment.NULL, arguments, environment);
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
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
    return (int) CLibrary.once(captured -> (int) handle.invokeExact(captured));
  }
}
