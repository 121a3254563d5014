package io.adhocfs.fuse;

import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.NewInode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A file system as the kernel sees one: inodes by number, names as bytes, no paths. Drivers call
 * this interface; the adapter to the client implements it, and so does a file system in memory, for
 * tests and as the reference of benchmarks.
 *
 * <p>Every call returns at once and is answered through its reply: exactly once, from any thread,
 * possibly before the call returns. Errors are answered too; a call never throws. Calls come from
 * several threads; two calls of one program may be under way together. The kernel has already
 * checked permissions.
 *
 * <p>A {@link Request} tells when the program has been interrupted; the implementation may then
 * answer {@link FsError#INTERRUPTED} early, but need not.
 */
public interface InodeFileSystem {

  /** One request: its caller, and whether the answer is still wanted. */
  interface Request {
    Caller caller();

    /**
     * Runs the action once, on any thread, as soon as the program is interrupted; at once if the
     * program already was interrupted. At most one action is kept.
     */
    void onInterrupt(Runnable action);

    /**
     * For a write, truncation or change of owner: whether it must also clear the file's set-id
     * bits.
     */
    default boolean clearsSetId() {
      return false;
    }
  }

  /** Takes the answer of a request. The first answer counts; later ones are dropped. */
  interface Reply {
    void error(FsError error);
  }

  /** For requests that answer nothing but success. */
  interface DoneReply extends Reply {
    void done();
  }

  /** For requests that answer an inode. */
  interface AttributesReply extends Reply {
    void attributes(FileAttributes attributes);

    /** As {@link #attributes(FileAttributes)}, with the space that the inode takes, in bytes. */
    default void attributes(FileAttributes attributes, long allocatedBytes) {
      attributes(attributes);
    }
  }

  /** For lseek with SEEK_DATA or SEEK_HOLE. */
  interface SeekReply extends Reply {
    void found(long offset);

    /** The offset is at or past the end, or no data follows: ENXIO. */
    void nothing();
  }

  /** How the kernel should treat an open file. */
  record OpenMode(boolean directIo, boolean keepCache) {
    public static final OpenMode CACHED = new OpenMode(false, false);
  }

  /** For open. */
  interface OpenReply extends Reply {
    /**
     * Answers.
     *
     * @param attributes of the file, as known when the file was opened
     */
    void opened(long handle, OpenMode mode, FileAttributes attributes);
  }

  /** For create: the inode and an open handle on it. */
  interface CreateReply extends Reply {
    void created(FileAttributes attributes, long handle, OpenMode mode);
  }

  /** For read. The reply takes the buffer over and releases it. */
  interface DataReply extends Reply {
    /** The bytes; fewer than asked for means the file ends there. */
    void data(ByteBuf data);
  }

  /** For write. */
  interface WriteReply extends Reply {
    void written(int lengthBytes);
  }

  /** For readlink: the target's bytes. */
  interface LinkReply extends Reply {
    void target(byte[] target);
  }

  /** For getxattr and listxattr: the value, or the names with a 0 behind each. */
  interface BytesReply extends Reply {
    void bytes(byte[] bytes);
  }

  /** For statfs. Sizes in bytes. */
  record Statistics(
      long totalBytes,
      long availableBytes,
      long inodesTotal,
      long inodesFree,
      int blockSizeBytes) {}

  interface StatisticsReply extends Reply {
    void statistics(Statistics statistics);
  }

  /**
   * For readdir: entries are offered one by one until the reply is full, then {@link #done}.
   * Single-threaded for one request.
   */
  interface DirectoryReply extends DoneReply {
    /**
     * Adds an entry whose successor is found by asking again with this cookie.
     *
     * @param name bytes of the name; "." and ".." are offered like any other
     * @param attributes of the entry, if the listing is with attributes and these are known; null =
     *     only number and type
     * @return false if the entry did not fit: it was not added, and no further entry will be
     */
    boolean add(
        byte[] name,
        long inode,
        FileType type,
        long nextCookie,
        @Nullable FileAttributes attributes);
  }

  /** The entry of this name in a directory. NOT_FOUND is the ordinary answer for a new name. */
  void lookup(Request request, long directory, EntryName name, AttributesReply reply);

  /** The current attributes of an inode; handle -1 = none. */
  void getAttributes(Request request, long inode, long handle, AttributesReply reply);

  /**
   * Changes attributes, and truncates the file up or down if a size is given.
   *
   * @param handle -1 = none
   */
  void setAttributes(
      Request request,
      long inode,
      long handle,
      AttributeChange change,
      OptionalLong sizeBytes,
      AttributesReply reply);

  void readLink(Request request, long inode, LinkReply reply);

  /**
   * mknod(2), mkdir(2) and symlink(2): makes an inode of any type without opening it.
   *
   * @param newInode belongs to the request's caller
   */
  void make(
      Request request, long directory, EntryName name, NewInode newInode, AttributesReply reply);

  void unlink(Request request, long directory, EntryName name, DoneReply reply);

  void removeDirectory(Request request, long directory, EntryName name, DoneReply reply);

  /** rename2: flags are Linux's RENAME_NOREPLACE (1) and RENAME_EXCHANGE (2). */
  void rename(
      Request request,
      long directory,
      EntryName name,
      long newDirectory,
      EntryName newName,
      int flags,
      DoneReply reply);

  void link(
      Request request, long inode, long newDirectory, EntryName newName, AttributesReply reply);

  /** open(2) of an existing file; flags are Linux's open flags (O_TRUNC included when set). */
  void open(Request request, long inode, int flags, OpenReply reply);

  /**
   * Atomic create and open.
   *
   * @param newInode a regular file that belongs to the request's caller
   * @param flags Linux's open flags (O_EXCL decides on an existing name)
   */
  void create(
      Request request,
      long directory,
      EntryName name,
      NewInode newInode,
      int flags,
      CreateReply reply);

  void read(
      Request request, long inode, long handle, long offset, int lengthBytes, DataReply reply);

  /**
   * Writes all bytes of the buffer. From this call on, the buffer belongs to the file system, which
   * releases it. Appending handles ignore the offset.
   */
  void write(Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply);

  /**
   * As {@link #write}, but always at the offset, even through an appending handle: for pages of the
   * kernel's cache, which the kernel writes through any handle, and for a descriptor that does not
   * append any more.
   */
  default void writeAt(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    write(request, inode, handle, offset, data, reply);
  }

  /** fallocate(2); the mode has Linux's FALLOC_FL_ flags. */
  default void allocate(
      Request request,
      long inode,
      long handle,
      int mode,
      long offset,
      long lengthBytes,
      DoneReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  /**
   * lseek(2) with SEEK_HOLE or SEEK_DATA: finds the next hole or data from an offset on. This
   * implementation answers as if no file had holes.
   */
  default void seek(
      Request request, long inode, long handle, long offset, boolean hole, SeekReply reply) {
    getAttributes(
        request,
        inode,
        handle,
        new AttributesReply() {
          @Override
          public void attributes(FileAttributes attributes) {
            if (offset >= attributes.sizeBytes()) {
              reply.nothing();
            } else {
              reply.found(hole ? attributes.sizeBytes() : offset);
            }
          }

          @Override
          public void error(FsError error) {
            reply.error(error);
          }
        });
  }

  /** copy_file_range(2) inside the file system; may copy less than asked for. */
  default void copyRange(
      Request request,
      long inode,
      long handle,
      long offset,
      long targetInode,
      long targetHandle,
      long targetOffset,
      long lengthBytes,
      WriteReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  /** Called at every close(2) of a descriptor: reports errors of earlier writes. */
  void flush(Request request, long inode, long handle, DoneReply reply);

  /**
   * As {@link #flush(Request, long, long, DoneReply)}, and releases all ranges of the inode that
   * the lock owner has locked.
   */
  default void flush(Request request, long inode, long handle, long lockOwner, DoneReply reply) {
    flush(request, inode, handle, reply);
  }

  /** For the test of a lock. */
  interface LockReply extends Reply {
    /** The lock that is in the way; mode NONE if there is none. */
    void lock(FileLock lock);
  }

  /**
   * Whether this file system keeps locks; else the kernel keeps the locks of this mount by itself.
   */
  default boolean keepsLocks() {
    return false;
  }

  /** F_GETLK: finds the lock that keeps an owner from setting a lock. */
  default void testLock(
      Request request, long inode, long handle, long owner, FileLock lock, LockReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  /**
   * fcntl(2) locks (F_SETLK, F_SETLKW and their open-file-description forms) and flock(2).
   *
   * @param owner the kernel's number of a process or an open file description
   * @param waits whether to wait for the lock, until the program is interrupted; else WOULD_BLOCK
   */
  default void setLock(
      Request request,
      long inode,
      long handle,
      long owner,
      FileLock lock,
      boolean waits,
      DoneReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  void fsync(Request request, long inode, long handle, boolean dataOnly, DoneReply reply);

  /** The last close of a handle; the kernel does not wait for the answer. */
  void release(Request request, long inode, long handle, DoneReply reply);

  /**
   * The entries after a cookie (0 = from the start). With attributes, the kernel counts each entry
   * as looked up.
   */
  void readDirectory(
      Request request, long inode, long cookie, boolean withAttributes, DirectoryReply reply);

  void fsyncDirectory(Request request, long inode, boolean dataOnly, DoneReply reply);

  void statistics(Request request, StatisticsReply reply);

  /**
   * Whether this file system obeys {@link Request#clearsSetId}; if not, the kernel clears the bits
   * itself, by the mode that it remembers.
   */
  default boolean obeysClearsSetId() {
    return false;
  }

  /**
   * Whether this file system keeps extended attributes; if not, the four methods below are not
   * called, and the kernel stops asking.
   */
  default boolean keepsExtendedAttributes() {
    return false;
  }

  /** setxattr(2): flags are XATTR_CREATE (1) and XATTR_REPLACE (2). */
  default void setExtendedAttribute(
      Request request, long inode, byte[] name, byte[] value, int flags, DoneReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  default void getExtendedAttribute(Request request, long inode, byte[] name, BytesReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  default void listExtendedAttributes(Request request, long inode, BytesReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  default void removeExtendedAttribute(Request request, long inode, byte[] name, DoneReply reply) {
    reply.error(FsError.NOT_SUPPORTED);
  }

  /**
   * A number for the data that the kernel's page cache of a file may hold: as long as the number
   * stays the same, the pages may stay, whatever the modification time says. Called often; must not
   * block.
   */
  default long pagesStamp(FileAttributes attributes) {
    return attributes.dataVersion();
  }

  /** The page cache of the kernel that a file system is mounted in. Thread-safe. */
  interface PageCache {
    /**
     * Has the kernel drop pages that are older than these attributes of an open file; completes
     * when the kernel has done so. The answer to a read or write must never wait for this.
     */
    CompletableFuture<Void> dropOlder(FileAttributes attributes);
  }

  /**
   * Called once, with the page cache whose pages have to be dropped when a file is changed past
   * this mount.
   */
  default void mounted(PageCache pageCache) {}

  /**
   * The last byte of a file that is open and not empty; an empty buffer if the byte is not known.
   * The receiver releases the buffer.
   */
  default CompletableFuture<ByteBuf> lastByte(FileAttributes attributes) {
    return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
  }

  /**
   * How long the kernel may trust an inode's attributes and names, in nanoseconds; 0 = not at all.
   *
   * @param attributes null = for all inodes, for a driver that cannot tell the kernel a timeout for
   *     each
   */
  long timeoutNanos(@Nullable FileAttributes attributes);
}
