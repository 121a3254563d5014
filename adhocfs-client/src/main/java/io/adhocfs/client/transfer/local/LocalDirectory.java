package io.adhocfs.client.transfer.local;

import static io.adhocfs.client.transfer.local.LinuxFileCalls.AT_REMOVEDIR;
import static io.adhocfs.client.transfer.local.LinuxFileCalls.O_DIRECTORY;
import static io.adhocfs.client.transfer.local.LinuxFileCalls.O_NOFOLLOW;
import static io.adhocfs.client.transfer.local.LinuxFileCalls.RENAME_NOREPLACE;
import static io.adhocfs.protocol.linux.FileCalls.AT_EMPTY_PATH;
import static io.adhocfs.protocol.linux.FileCalls.AT_SYMLINK_NOFOLLOW;
import static io.adhocfs.protocol.linux.FileCalls.O_CLOEXEC;
import static io.adhocfs.protocol.linux.FileCalls.O_CREAT;
import static io.adhocfs.protocol.linux.FileCalls.O_EXCL;
import static io.adhocfs.protocol.linux.FileCalls.O_NOCTTY;
import static io.adhocfs.protocol.linux.FileCalls.O_NONBLOCK;
import static io.adhocfs.protocol.linux.FileCalls.O_RDONLY;
import static io.adhocfs.protocol.linux.FileCalls.O_RDWR;
import static io.adhocfs.protocol.linux.FileCalls.STATX_BASIC_STATS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An open directory of this host. Names are resolved in it, so that no rename above it can divert
 * them; none of its calls follows a symbolic link at the name's end. A name may also be a relative
 * path.
 *
 * <p>All calls may be made from any thread, {@link #nextEntries} by one at a time; no call may be
 * under way when it is closed. Each throws {@link FsException} with the path in its message.
 */
public final class LocalDirectory implements AutoCloseable {
  private static final byte[] NOTHING = {};
  private static final int ENOENT = 2;
  private static final int EEXIST = 17;
  private static final int EINVAL = 22;
  private static final int ENOSYS = 38;
  private static final long FUSE_SUPER_MAGIC = 0x65735546L;

  private final int descriptor;
  private final byte[] path;

  private LocalDirectory(int descriptor, byte[] path) {
    this.descriptor = descriptor;
    this.path = path;
  }

  static LocalDirectory open(int parent, byte[] name, byte[] path, boolean followLinks)
      throws FsException {
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followLinks ? 0 : O_NOFOLLOW);
    int opened = FileCalls.openat(parent, Scratch.get().path(name), flags, 0);
    check(opened, "open", path);
    return new LocalDirectory(opened, path);
  }

  static LocalStatus status(int parent, byte[] name, byte[] path, boolean followLinks)
      throws FsException {
    Scratch scratch = Scratch.get();
    int flags = followLinks ? 0 : AT_SYMLINK_NOFOLLOW;
    check(
        FileCalls.statx(parent, scratch.path(name), flags, STATX_BASIC_STATS, scratch.statx),
        "stat",
        path);
    return LocalStatus.of(scratch.statx);
  }

  /** What an open file or directory is. */
  static LocalStatus status(int descriptor, byte[] path) throws FsException {
    Scratch scratch = Scratch.get();
    check(
        FileCalls.statx(
            descriptor, scratch.path(NOTHING), AT_EMPTY_PATH, STATX_BASIC_STATS, scratch.statx),
        "stat",
        path);
    return LocalStatus.of(scratch.statx);
  }

  /** The path it was reached by, for messages. */
  public byte[] path() {
    return path;
  }

  public LocalDirectory openDirectory(byte[] name) throws FsException {
    return open(descriptor, name, pathOf(name), false);
  }

  /** What the directory itself is. */
  public LocalStatus status() throws FsException {
    return status(descriptor, path);
  }

  public LocalStatus status(byte[] name) throws FsException {
    return status(descriptor, name, pathOf(name), false);
  }

  /** As {@link #status(byte[])}, and null where there is nothing of this name. */
  public @Nullable LocalStatus statusIfExists(byte[] name) throws FsException {
    Scratch scratch = Scratch.get();
    int returned =
        FileCalls.statx(
            descriptor, scratch.path(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, scratch.statx);
    if (returned == -ENOENT) {
      return null;
    }
    check(returned, "stat", pathOf(name));
    return LocalStatus.of(scratch.statx);
  }

  /**
   * The next entries in the order of the file system, without "." and ".."; empty at the end. What
   * is made or removed meanwhile may be listed or not.
   */
  public List<LocalEntry> nextEntries() throws FsException {
    MemorySegment listing = Scratch.get().listing;
    var entries = new ArrayList<LocalEntry>();
    while (entries.isEmpty()) {
      long length = LinuxFileCalls.getdents64(descriptor, listing, Scratch.LISTING_BYTES);
      check(length, "list", path);
      if (length == 0) {
        break;
      }
      // struct linux_dirent64: inode (8), offset (8), record length (2), type (1), name, NUL.
      long at = 0;
      while (at < length) {
        int recordBytes = Short.toUnsignedInt(listing.get(JAVA_SHORT, at + 16));
        byte[] name = nameAt(listing, at + 19, recordBytes - 19);
        if (!isDots(name)) {
          entries.add(new LocalEntry(name, typeOf(listing.get(JAVA_BYTE, at + 18))));
        }
        at += recordBytes;
      }
    }
    return entries;
  }

  /** Opens a regular file to read it; anything else opens without waiting, for its status. */
  public LocalFile openToRead(byte[] name) throws FsException {
    return openFile(name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);
  }

  /** Opens an existing file to read and write it, its content kept. */
  public LocalFile openToWrite(byte[] name) throws FsException {
    return openFile(name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);
  }

  /**
   * Makes a file, open to read and write it. EXISTS where there is something of this name.
   *
   * @param mode permissions before the umask
   */
  public LocalFile createFile(byte[] name, int mode) throws FsException {
    return openFile(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  }

  /** Makes a directory with these permissions before the umask. */
  public void makeDirectory(byte[] name, int mode) throws FsException {
    check(
        LinuxFileCalls.mkdirat(descriptor, Scratch.get().path(name), mode), "mkdir", pathOf(name));
  }

  /** The target of a symbolic link. */
  public byte[] readLink(byte[] name) throws FsException {
    Scratch scratch = Scratch.get();
    long length =
        LinuxFileCalls.readlinkat(
            descriptor, scratch.path(name), scratch.target, Scratch.PATH_BYTES_MAX);
    check(length, "readlink", pathOf(name));
    byte[] target = new byte[(int) length];
    MemorySegment.copy(scratch.target, JAVA_BYTE, 0, target, 0, target.length);
    return target;
  }

  public void symlink(byte[] target, byte[] name) throws FsException {
    Scratch scratch = Scratch.get();
    check(
        LinuxFileCalls.symlinkat(scratch.path(target), descriptor, scratch.secondPath(name)),
        "symlink",
        pathOf(name));
  }

  /** Gives a file of another directory one more name, here. */
  public void link(LocalDirectory fromDirectory, byte[] from, byte[] name) throws FsException {
    Scratch scratch = Scratch.get();
    check(
        LinuxFileCalls.linkat(
            fromDirectory.descriptor, scratch.path(from), descriptor, scratch.secondPath(name)),
        "link",
        pathOf(name));
  }

  /** Gives the file at a path (as seen from the working directory) one more name, here. */
  public void linkPath(byte[] from, byte[] name) throws FsException {
    Scratch scratch = Scratch.get();
    check(
        LinuxFileCalls.linkat(
            FileCalls.AT_FDCWD, scratch.path(from), descriptor, scratch.secondPath(name)),
        "link",
        pathOf(name));
  }

  /** Makes a FIFO, socket or device node (or an empty file); permissions before the umask. */
  public void makeNode(byte[] name, FileType type, int mode, long deviceNumber) throws FsException {
    check(
        LinuxFileCalls.mknodat(
            descriptor, Scratch.get().path(name), type.modeBits() | mode, deviceNumber),
        "mknod",
        pathOf(name));
  }

  /** Renames within this directory, atomically; what has the new name is replaced. */
  public void rename(byte[] name, byte[] newName) throws FsException {
    check(rename(name, newName, 0), "rename", pathOf(newName));
  }

  /**
   * As {@link #rename}; EXISTS where there is something of the new name. A file system that cannot
   * do this in one step is asked first: what is made there between the two steps is replaced.
   */
  public void renameToNew(byte[] name, byte[] newName) throws FsException {
    int returned = rename(name, newName, RENAME_NOREPLACE);
    if (returned == -EINVAL || returned == -ENOSYS) {
      if (statusIfExists(newName) != null) {
        throw LocalErrors.of(-EEXIST, "rename", pathOf(newName));
      }
      returned = rename(name, newName, 0);
    }
    check(returned, "rename", pathOf(newName));
  }

  private int rename(byte[] name, byte[] newName, int flags) throws FsException {
    Scratch scratch = Scratch.get();
    return LinuxFileCalls.renameat2(
        descriptor, scratch.path(name), scratch.secondPath(newName), flags);
  }

  /** Removes a name that is no directory's. */
  public void unlink(byte[] name) throws FsException {
    check(LinuxFileCalls.unlinkat(descriptor, Scratch.get().path(name), 0), "unlink", pathOf(name));
  }

  /** As {@link #unlink}; nothing happens where there is nothing of this name. */
  public void unlinkIfExists(byte[] name) throws FsException {
    int returned = LinuxFileCalls.unlinkat(descriptor, Scratch.get().path(name), 0);
    if (returned != -ENOENT) {
      check(returned, "unlink", pathOf(name));
    }
  }

  public void removeDirectory(byte[] name) throws FsException {
    check(
        LinuxFileCalls.unlinkat(descriptor, Scratch.get().path(name), AT_REMOVEDIR),
        "rmdir",
        pathOf(name));
  }

  /** Sets the times of a name, also of a symbolic link itself. */
  public void setTimes(byte[] name, long atimeNanos, long mtimeNanos) throws FsException {
    Scratch scratch = Scratch.get();
    LocalStatus.putTime(scratch.times, 0, atimeNanos);
    LocalStatus.putTime(scratch.times, 16, mtimeNanos);
    check(
        LinuxFileCalls.utimensat(
            descriptor, scratch.path(name), scratch.times, AT_SYMLINK_NOFOLLOW),
        "set times",
        pathOf(name));
  }

  /** Sets the owner of a name, also of a symbolic link itself. */
  public void setOwner(byte[] name, int uid, int gid) throws FsException {
    check(
        LinuxFileCalls.fchownat(
            descriptor, Scratch.get().path(name), uid, gid, AT_SYMLINK_NOFOLLOW),
        "chown",
        pathOf(name));
  }

  /** Sets the permissions of a name that is no symbolic link: those have none. */
  public void setMode(byte[] name, int mode) throws FsException {
    check(
        LinuxFileCalls.fchmodat(descriptor, Scratch.get().path(name), mode), "chmod", pathOf(name));
  }

  /** Sets the times of the directory itself. */
  public void setTimes(long atimeNanos, long mtimeNanos) throws FsException {
    setTimes(descriptor, path, atimeNanos, mtimeNanos);
  }

  /** Sets the owner of the directory itself. */
  public void setOwner(int uid, int gid) throws FsException {
    check(LinuxFileCalls.fchown(descriptor, uid, gid), "chown", path);
  }

  /** Sets the permissions of the directory itself. */
  public void setMode(int mode) throws FsException {
    check(LinuxFileCalls.fchmod(descriptor, mode), "chmod", path);
  }

  /**
   * The directory's own extended attributes of namespace user; none where the file system has no
   * such thing.
   */
  public List<ExtendedAttribute> userAttributes() throws FsException {
    return LocalAttributes.read(descriptor, path);
  }

  /** Sets one of the directory itself; NOT_SUPPORTED where the file system has no such thing. */
  public void setAttribute(ExtendedAttribute attribute) throws FsException {
    LocalAttributes.write(descriptor, path, attribute);
  }

  /** Whether the directory lies on a FUSE mount. */
  public boolean isOnFuse() throws FsException {
    // f_type is the first field of struct statfs, 8 bytes on 64-bit systems; 120 bytes in all.
    MemorySegment statfs = Scratch.get().statx;
    check(LinuxFileCalls.fstatfs(descriptor, statfs), "statfs", path);
    return statfs.get(JAVA_LONG, 0) == FUSE_SUPER_MAGIC;
  }

  @Override
  public void close() {
    FileCalls.close(descriptor);
  }

  static void setTimes(int descriptor, byte[] path, long atimeNanos, long mtimeNanos)
      throws FsException {
    MemorySegment times = Scratch.get().times;
    LocalStatus.putTime(times, 0, atimeNanos);
    LocalStatus.putTime(times, 16, mtimeNanos);
    check(LinuxFileCalls.futimens(descriptor, times), "set times", path);
  }

  static void check(long returned, String call, byte[] path) throws FsException {
    if (returned < 0) {
      throw LocalErrors.of(returned, call, path);
    }
  }

  private LocalFile openFile(byte[] name, int flags, int mode) throws FsException {
    int opened = FileCalls.openat(descriptor, Scratch.get().path(name), flags | O_CLOEXEC, mode);
    if (opened < 0) {
      throw LocalErrors.of(opened, "open", pathOf(name));
    }
    return new LocalFile(opened, pathOf(name));
  }

  private byte[] pathOf(byte[] name) {
    return LocalFiles.join(path, name);
  }

  private static byte[] nameAt(MemorySegment listing, long start, int lengthMax) {
    int length = 0;
    while (length < lengthMax && listing.get(JAVA_BYTE, start + length) != 0) {
      length++;
    }
    byte[] name = new byte[length];
    MemorySegment.copy(listing, JAVA_BYTE, start, name, 0, length);
    return name;
  }

  private static boolean isDots(byte[] name) {
    return name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
  }

  private static @Nullable FileType typeOf(byte code) {
    return switch (code) {
      case 1, 2, 4, 6, 8, 10, 12 -> FileType.ofCode(code);
      default -> null;
    };
  }
}
