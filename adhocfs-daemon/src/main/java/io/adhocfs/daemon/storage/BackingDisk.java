package io.adhocfs.daemon.storage;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.StorageSpace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file system below a directory. Java tells its bytes alone; statvfs tells its inodes too.
 * Linux, 64 bits. Thread-safe.
 */
public final class BackingDisk {
  private static final int EINTR = 4;

  // struct statvfs of glibc on 64-bit systems.
  private static final int STATVFS_BYTES = 112;
  private static final int FRAGMENT_SIZE_OFFSET = 8;
  private static final int BLOCKS_OFFSET = 16;
  private static final int BLOCKS_AVAILABLE_OFFSET = 32;
  private static final int FILES_OFFSET = 40;
  private static final int FILES_AVAILABLE_OFFSET = 56;

  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final Charset PATHS =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
  private static final MethodHandle STATVFS = statvfs();

  /**
   * What a file system has. Inodes are {@link StorageSpace#INODES_UNLIMITED} where it makes them as
   * they are needed.
   *
   * @param availableBytes for those who are not root
   */
  public record Room(
      long totalBytes, long availableBytes, long totalInodes, long availableInodes) {}

  private final Path directory;

  /** The file system below an existing directory. */
  public BackingDisk(Path directory) {
    this.directory = directory;
  }

  // Calling C is what this class is for; launchers allow it with --enable-native-access.
  @SuppressWarnings("restricted")
  private static MethodHandle statvfs() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("statvfs"),
        FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS),
        Linker.Option.captureCallState("errno"));
  }

  /**
   * Asks the file system now.
   *
   * @throws FsException STORAGE_FAILED, naming the directory
   */
  public Room room() throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(CALL_STATE);
      MemorySegment name = arena.allocateFrom(directory.toString(), PATHS);
      MemorySegment answer = arena.allocate(STATVFS_BYTES, 8);
      while ((int) STATVFS.invokeExact(state, name, answer) != 0) {
        int errno = (int) ERRNO.get(state, 0L);
        if (errno != EINTR) {
          throw failure("statvfs failed with errno " + errno, null);
        }
      }
      long fragmentBytes = answer.get(JAVA_LONG, FRAGMENT_SIZE_OFFSET);
      long files = answer.get(JAVA_LONG, FILES_OFFSET);
      return new Room(
          answer.get(JAVA_LONG, BLOCKS_OFFSET) * fragmentBytes,
          answer.get(JAVA_LONG, BLOCKS_AVAILABLE_OFFSET) * fragmentBytes,
          files > 0 ? files : StorageSpace.INODES_UNLIMITED,
          files > 0
              ? Math.max(0, answer.get(JAVA_LONG, FILES_AVAILABLE_OFFSET))
              : StorageSpace.INODES_UNLIMITED);
    } catch (FsException e) {
      throw e;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Names the file system among those of all hosts: by its device number, which holds for as long
   * as the machine is up, and by that boot of the machine.
   *
   * @throws FsException STORAGE_FAILED, naming the directory
   */
  public String name() throws FsException {
    try {
      return bootId() + ":" + Files.getAttribute(directory, "unix:dev");
    } catch (IOException e) {
      throw failure(e.toString(), e);
    }
  }

  /** Names this start of the machine: the kernel draws it anew at each. */
  public static String bootId() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
  }

  private FsException failure(String reason, @Nullable Throwable cause) {
    String message = "asking for the disk below " + directory + ": " + reason;
    return cause == null
        ? new FsException(FsError.STORAGE_FAILED, message)
        : new FsException(FsError.STORAGE_FAILED, message, cause);
  }
}
