package io.adhocfs.client.transfer.local;

import static io.adhocfs.client.transfer.local.LocalDirectory.check;

import io.adhocfs.protocol.linux.CLibrary;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * An open file of this host. All calls may be made from any thread and together; none may be under
 * way when it is closed. Buffers must be native memory. Each call throws {@link FsException} with
 * the path in its message.
 */
public final class LocalFile implements AutoCloseable {
  private static final int ENXIO = 6;

  /** How a file will be read, for the kernel. Codes are POSIX_FADV_*. */
  public enum Advice {
    SEQUENTIAL(2),
    WILL_NEED(3),
    DONT_NEED(4);

    private final int code;

    Advice(int code) {
      this.code = code;
    }
  }

  private final int descriptor;
  private final byte[] path;

  LocalFile(int descriptor, byte[] path) {
    this.descriptor = descriptor;
    this.path = path;
  }

  /** The path it was reached by, for messages. */
  public byte[] path() {
    return path;
  }

  public LocalStatus status() throws FsException {
    return LocalDirectory.status(descriptor, path);
  }

  /** Fills the buffer from the offset on; returns fewer bytes only where the file ends there. */
  public long read(MemorySegment target, long offset) throws FsException {
    long done = 0;
    while (done < target.byteSize()) {
      long count =
          FileCalls.pread(
              descriptor, target.asSlice(done), target.byteSize() - done, offset + done);
      check(count, "read", path);
      if (count == 0) {
        break;
      }
      done += count;
    }
    return done;
  }

  /** Writes all bytes of the buffer at the offset. */
  public void write(MemorySegment source, long offset) throws FsException {
    long done = 0;
    while (done < source.byteSize()) {
      long count =
          FileCalls.pwrite(
              descriptor, source.asSlice(done), source.byteSize() - done, offset + done);
      check(count, "write", path);
      if (count == 0) {
        throw new FsException(
            FsError.STORAGE_FAILED, LocalFiles.display(path) + ": write: took no bytes");
      }
      done += count;
    }
  }

  /** Cuts or grows the file; what it grows by is a hole. */
  public void setSize(long sizeBytes) throws FsException {
    check(FileCalls.ftruncate(descriptor, sizeBytes), "truncate", path);
  }

  /** Reserves disk space without changing the size. NOT_SUPPORTED on many file systems. */
  public void reserve(long offset, long lengthBytes) throws FsException {
    check(
        FileCalls.fallocate(descriptor, FileCalls.FALLOC_FL_KEEP_SIZE, offset, lengthBytes),
        "fallocate",
        path);
  }

  /** Where data begins at or after the offset; -1 where none does up to the end. */
  public long nextData(long offset) throws FsException {
    long found = FileCalls.lseek(descriptor, offset, FileCalls.SEEK_DATA);
    if (found == -ENXIO) {
      return -1;
    }
    check(found, "seek data", path);
    return found;
  }

  /** Where a hole begins at or after an offset within the file; the file's end counts as one. */
  public long nextHole(long offset) throws FsException {
    long found = FileCalls.lseek(descriptor, offset, FileCalls.SEEK_HOLE);
    check(found, "seek hole", path);
    return found;
  }

  public void advise(Advice advice) {
    LinuxFileCalls.posixFadvise(descriptor, 0, 0, advice.code);
  }

  /** Brings the content to the disk. */
  public void sync() throws FsException {
    check(FileCalls.fsync(descriptor), "fsync", path);
  }

  public void setTimes(long atimeNanos, long mtimeNanos) throws FsException {
    LocalDirectory.setTimes(descriptor, path, atimeNanos, mtimeNanos);
  }

  public void setOwner(int uid, int gid) throws FsException {
    check(LinuxFileCalls.fchown(descriptor, uid, gid), "chown", path);
  }

  public void setMode(int mode) throws FsException {
    check(LinuxFileCalls.fchmod(descriptor, mode), "chmod", path);
  }

  /** Its extended attributes of namespace user; none where the file system has no such thing. */
  public List<ExtendedAttribute> userAttributes() throws FsException {
    return LocalAttributes.read(descriptor, path);
  }

  /** Sets an extended attribute; NOT_SUPPORTED where the file system has no such thing. */
  public void setAttribute(ExtendedAttribute attribute) throws FsException {
    LocalAttributes.write(descriptor, path, attribute);
  }

  /**
   * Closes it; network file systems tell of lost writes here.
   *
   * @throws FsException what close(2) says; the file is closed all the same
   */
  @Override
  public void close() throws FsException {
    int returned = FileCalls.close(descriptor);
    if (returned != -CLibrary.EINTR) {
      check(returned, "close", path);
    }
  }
}
