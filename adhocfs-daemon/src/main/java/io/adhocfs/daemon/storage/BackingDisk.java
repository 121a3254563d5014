package io.adhocfs.daemon.storage;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.adhocfs.protocol.linux.CLibrary;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.StorageSpace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file system below a directory. Java tells its bytes alone; statvfs tells its inodes too.
 * Linux, 64 bits. Thread-safe.
 */
public final class BackingDisk {
  // struct statvfs of glibc on 64-bit systems.
  private static final int STATVFS_BYTES = 112;
  private static final int FRAGMENT_SIZE_OFFSET = 8;
  private static final int BLOCKS_OFFSET = 16;
  private static final int BLOCKS_AVAILABLE_OFFSET = 32;
  private static final int FILES_OFFSET = 40;
  private static final int FILES_AVAILABLE_OFFSET = 56;

  private static final MethodHandle STATVFS =
      CLibrary.handle("statvfs", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));

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

  /**
   * Asks the file system now.
   *
   * @throws FsException STORAGE_FAILED, naming the directory
   */
  public Room room() throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = FileCalls.cString(arena, directory);
      MemorySegment answer = arena.allocate(STATVFS_BYTES, 8);
      long returned = CLibrary.repeat(errno -> (int) STATVFS.invokeExact(errno, name, answer));
      if (returned < 0) {
        throw failure("statvfs failed with errno " + -returned, null);
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
