package io.adhocfs.fuse;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The files that the kernel has open, by the numbers that the kernel names them by. No number is
 * used twice. Thread-safe.
 */
final class FileHandles {
  /** Stands for "no handle" in requests. */
  static final long NONE = -1;

  private final Map<Long, FileHandle> handles = new ConcurrentHashMap<>();
  private final AtomicLong lastNumber = new AtomicLong();

  /** Keeps a handle until it is removed, and returns its number. */
  long keep(FileHandle handle) {
    long number = lastNumber.incrementAndGet();
    handles.put(number, handle);
    return number;
  }

  /** The handle of a number; null if there is none. */
  @Nullable FileHandle find(long number) {
    return handles.get(number);
  }

  /**
   * The handle that a program uses, whose open has thus returned to the program.
   *
   * @throws FsException BAD_HANDLE if there is none of this number
   */
  FileHandle used(long number) throws FsException {
    FileHandle handle = handles.get(number);
    if (handle == null) {
      throw new FsException(FsError.BAD_HANDLE, "there is no handle " + number);
    }
    if (!handle.appends()) {
      handle.pages().opened();
    }
    return handle;
  }

  /** Forgets a handle and returns it; null if there is none of this number. */
  @Nullable FileHandle remove(long number) {
    return handles.remove(number);
  }
}
