package io.adhocfs.it.posix;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The system calls on files that Java has no words for. The static methods make one in this
 * process; what fails throws, naming its errno. An instance is a process of its own, compiled from
 * system-calls.c and linux-calls.c, that makes chains of them, also as another user; it is not
 * thread-safe.
 */
@SuppressWarnings("restricted")
final class SystemCalls implements AutoCloseable {
  static final int O_RDWR = 2;
  static final int O_WRONLY = 1;
  static final int O_CREAT = 0100;
  static final int O_TRUNC = 01000;
  static final int O_APPEND = 02000;
  static final int O_DIRECT = 040000;
  static final int SEEK_END = 2;
  static final int SEEK_DATA = 3;
  static final int SEEK_HOLE = 4;
  static final int KEEP_SIZE = 1;
  static final int PUNCH_HOLE = 2;
  static final int COLLAPSE_RANGE = 8;
  static final int ZERO_RANGE = 0x10;
  static final int INSERT_RANGE = 0x20;
  static final int ENXIO = 6;
  static final int EFBIG = 27;
  static final int EOPNOTSUPP = 95;

  /** A call that failed. */
  static final class Errno extends IOException {
    private static final long serialVersionUID = 1;
    final int number;

    Errno(String call, int number) {
      super(call + " failed with errno " + number);
      this.number = number;
    }
  }

  private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final ThreadLocal<MemorySegment> STATES =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));

  private static final MethodHandle OPEN =
      call("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT), 2);
  private static final MethodHandle CLOSE =
      call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final FunctionDescriptor TRANSFER =
      FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle PREAD = call("pread", TRANSFER);
  private static final MethodHandle PWRITE = call("pwrite", TRANSFER);
  private static final MethodHandle FTRUNCATE =
      call("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle FALLOCATE =
      call("fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle LSEEK =
      call("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FSYNC =
      call("fsync", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle COPY =
      call(
          "copy_file_range",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MMAP =
      call(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      call("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle MSYNC =
      call("msync", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;
  private static final int MS_SYNC = 4;

  private static final int ANSWER_SECONDS_MAX = 120;
  private static final List<String> SOURCES =
      List.of("system-calls.c", "system-calls.h", "linux-calls.c");

  private final Path directory;
  private final Process process;
  private final BufferedWriter calls;
  private final BufferedReader answers;

  private SystemCalls(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
    this.calls = process.outputWriter(ISO_8859_1);
    this.answers = process.inputReader(ISO_8859_1);
  }

  private static MethodHandle call(String name, FunctionDescriptor descriptor) {
    return call(name, descriptor, -1);
  }

  private static MethodHandle call(String name, FunctionDescriptor descriptor, int variadicFrom) {
    Linker linker = Linker.nativeLinker();
    MemorySegment address = linker.defaultLookup().findOrThrow(name);
    Linker.Option errno = Linker.Option.captureCallState("errno");
    return variadicFrom < 0
        ? linker.downcallHandle(address, descriptor, errno)
        : linker.downcallHandle(
            address, descriptor, errno, Linker.Option.firstVariadicArg(variadicFrom));
  }

  @FunctionalInterface
  private interface Body {
    long run(MemorySegment state) throws Throwable;
  }

  private static long check(String name, Body body) throws Errno {
    MemorySegment state = STATES.get();
    long result;
    try {
      result = body.run(state);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    if (result == -1) {
      throw new Errno(name, (int) ERRNO.get(state, 0L));
    }
    return result;
  }

  static int open(Path path, int flags) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString());
      return (int) check("open", s -> (int) OPEN.invokeExact(s, name, flags, 0644));
    }
  }

  static void close(int file) throws Errno {
    long _ = check("close", s -> (int) CLOSE.invokeExact(s, file));
  }

  /** All that is there, up to the length. */
  static byte[] read(int file, long offset, int length) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      // Aligned, for O_DIRECT on other file systems.
      MemorySegment memory = arena.allocate(Math.max(1, length), 4096);
      long done = 0;
      while (done < length) {
        long from = done;
        long count =
            check(
                "pread",
                s ->
                    (long)
                        PREAD.invokeExact(
                            s, file, memory.asSlice(from), length - from, offset + from));
        if (count == 0) {
          break;
        }
        done += count;
      }
      return memory.asSlice(0, done).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }
  }

  /** One call; where the kernel takes only a part, that is a failure. */
  static void write(int file, long offset, byte[] bytes) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(Math.max(1, bytes.length), 4096);
      MemorySegment.copy(
          bytes, 0, memory, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, bytes.length);
      long count =
          check(
              "pwrite",
              s -> (long) PWRITE.invokeExact(s, file, memory, (long) bytes.length, offset));
      if (count != bytes.length) {
        throw new AssertionError(count + " of " + bytes.length + " bytes written");
      }
    }
  }

  static void truncate(int file, long size) throws Errno {
    long _ = check("ftruncate", s -> (int) FTRUNCATE.invokeExact(s, file, size));
  }

  static void allocate(int file, int mode, long offset, long length) throws Errno {
    long _ = check("fallocate", s -> (int) FALLOCATE.invokeExact(s, file, mode, offset, length));
  }

  static long seek(int file, long offset, int whence) throws Errno {
    return check("lseek", s -> (long) LSEEK.invokeExact(s, file, offset, whence));
  }

  static void sync(int file) throws Errno {
    long _ = check("fsync", s -> (int) FSYNC.invokeExact(s, file));
  }

  /** How many bytes were copied. */
  static long copy(int source, long from, int target, long to, long length) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocateFrom(JAVA_LONG, from);
      MemorySegment out = arena.allocateFrom(JAVA_LONG, to);
      return check(
          "copy_file_range", s -> (long) COPY.invokeExact(s, source, in, target, out, length, 0));
    }
  }

  /** Does something with a shared mapping of a file from its start. */
  static void mapped(
      int file, long length, boolean sync, java.util.function.Consumer<MemorySegment> action)
      throws Errno {
    long address =
        check(
            "mmap",
            s -> (long) MMAP.invokeExact(s, 0L, length, PROT_READ_WRITE, MAP_SHARED, file, 0L));
    try {
      action.accept(MemorySegment.ofAddress(address).reinterpret(length));
      if (sync) {
        long _ = check("msync", s -> (int) MSYNC.invokeExact(s, address, length, MS_SYNC));
      }
    } finally {
      long _ = check("munmap", s -> (int) MUNMAP.invokeExact(s, address, length));
    }
  }

  static SystemCalls start() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("adhocfs-calls-");
    Path program = directory.resolve("system-calls");
    for (String name : SOURCES) {
      try (InputStream in = SystemCalls.class.getResourceAsStream(name)) {
        Files.copy(java.util.Objects.requireNonNull(in), directory.resolve(name));
      }
    }
    Process compiler =
        new ProcessBuilder(
                List.of(
                    "gcc",
                    "-O1",
                    "-Wall",
                    "-o",
                    program.toString(),
                    "system-calls.c",
                    "linux-calls.c"))
            .directory(directory.toFile())
            .inheritIO()
            .start();
    if (compiler.waitFor() != 0) {
      throw new AssertionError("gcc can't compile " + SOURCES);
    }
    Process process =
        new ProcessBuilder(program.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    return new SystemCalls(directory, process);
  }

  /** Runs a chain of calls and answers what they return, separated by " | ". */
  String run(String chain) throws IOException, InterruptedException {
    calls.write(chain);
    calls.newLine();
    calls.flush();
    CompletableFuture<String> line =
        CompletableFuture.supplyAsync(() -> {
          try {
            return String.valueOf(answers.readLine());
          } catch (IOException e) {
            return e.toString();
          }
        });
    try {
      return line.get(ANSWER_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw new AssertionError("no answer to: " + chain, e);
    }
  }

  @Override
  public void close() throws IOException {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }
}
