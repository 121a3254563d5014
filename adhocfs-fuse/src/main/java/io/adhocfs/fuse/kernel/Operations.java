package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.kernel.Protocol.CopyFileRangeIn;
import io.adhocfs.fuse.kernel.Protocol.CreateIn;
import io.adhocfs.fuse.kernel.Protocol.FallocateIn;
import io.adhocfs.fuse.kernel.Protocol.FileLockField;
import io.adhocfs.fuse.kernel.Protocol.FsyncIn;
import io.adhocfs.fuse.kernel.Protocol.GetattrIn;
import io.adhocfs.fuse.kernel.Protocol.GetxattrIn;
import io.adhocfs.fuse.kernel.Protocol.HandleIn;
import io.adhocfs.fuse.kernel.Protocol.InterruptIn;
import io.adhocfs.fuse.kernel.Protocol.LinkIn;
import io.adhocfs.fuse.kernel.Protocol.LkIn;
import io.adhocfs.fuse.kernel.Protocol.Lseek;
import io.adhocfs.fuse.kernel.Protocol.MkdirIn;
import io.adhocfs.fuse.kernel.Protocol.MknodIn;
import io.adhocfs.fuse.kernel.Protocol.OpenIn;
import io.adhocfs.fuse.kernel.Protocol.ReadIn;
import io.adhocfs.fuse.kernel.Protocol.Rename2In;
import io.adhocfs.fuse.kernel.Protocol.RenameIn;
import io.adhocfs.fuse.kernel.Protocol.SetattrIn;
import io.adhocfs.fuse.kernel.Protocol.SetxattrIn;
import io.adhocfs.fuse.kernel.Protocol.WriteIn;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.NewInode;
import io.netty.buffer.ByteBuf;
import java.util.OptionalLong;

/**
 * Turns requests into calls of the file system, one method per request; {@link Opcode} says which
 * method. For a request that cannot be decoded, the method throws and the reader answers.
 */
final class Operations {
  private static final long NO_HANDLE = -1;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final int O_APPEND = 02000;
  private static final int O_DIRECT = 040000;
  private static final int RENAME_NOREPLACE = 1;
  private static final int RENAME_EXCHANGE = 2;

  /**
   * The largest directory listing in bytes; the kernel asks for a page or for the size of the
   * user's buffer.
   */
  private static final int LISTING_LENGTH_BYTES_MAX = 1 << 20;

  private final InodeFileSystem fileSystem;

  Operations(InodeFileSystem fileSystem) {
    this.fileSystem = fileSystem;
  }

  void lookup(Incoming in) throws FsException {
    byte[] name = in.string(0);
    if (isText(name, ".")) {
      Replies.Entry reply = in.begin(new Replies.Entry(in));
      fileSystem.getAttributes(reply, in.node(), NO_HANDLE, reply);
    } else if (isText(name, "..")) {
      lookupParent(in);
    } else {
      EntryName entryName = EntryName.of(name);
      Replies.Entry reply = in.begin(new Replies.Entry(in));
      fileSystem.lookup(reply, in.node(), entryName, reply);
    }
  }

  /** Needed by a file server that has an inode's number but not its path (FUSE_EXPORT_SUPPORT). */
  private void lookupParent(Incoming in) {
    Replies.Entry reply = in.begin(new Replies.Entry(in));
    fileSystem.getAttributes(
        reply,
        in.node(),
        NO_HANDLE,
        new InodeFileSystem.AttributesReply() {
          @Override
          public void attributes(FileAttributes attributes) {
            if (attributes.parent().exists()) {
              fileSystem.getAttributes(reply, attributes.parent().value(), NO_HANDLE, reply);
            } else {
              reply.error(FsError.NOT_DIRECTORY);
            }
          }

          @Override
          public void error(FsError error) {
            reply.error(error);
          }
        });
  }

  /**
   * There is nothing to forget: an inode's number identifies the inode as long as the instance
   * lives.
   */
  void forget(@SuppressWarnings("unused") Incoming in) {}

  void getAttributes(Incoming in) throws FsException {
    in.requireBody(GetattrIn.SIZE);
    boolean hasHandle = (in.u32(GetattrIn.FLAGS) & GetattrIn.HAS_HANDLE) != 0;
    FileAttributes told = hasHandle ? null : in.session().told().recall(in.node(), in.pid());
    if (told != null) {
      Replies.sendAttributes(in, told);
      return;
    }
    Replies.Attributes reply =
        in.begin(hasHandle ? new Replies.KernelAttributes(in) : new Replies.Attributes(in));
    fileSystem.getAttributes(
        reply, in.node(), hasHandle ? in.u64(GetattrIn.HANDLE) : NO_HANDLE, reply);
  }

  void setAttributes(Incoming in) throws FsException {
    in.requireBody(SetattrIn.SIZE);
    int valid = in.u32(SetattrIn.VALID);
    boolean hasSize = (valid & SetattrIn.HAS_SIZE) != 0;
    boolean hasHandle = (valid & SetattrIn.HAS_HANDLE) != 0;
    long sizeBytes = in.u64(SetattrIn.SIZE_BYTES);
    if (hasSize && sizeBytes < 0) {
      throw new FsException(FsError.INVALID, "a size of " + sizeBytes);
    }
    // A time that is to be "now" comes with the kernel's time beside the flag, which is used.
    AttributeChange change = AttributeChange.NONE;
    if ((valid & SetattrIn.HAS_MODE) != 0) {
      change = change.withMode(in.u32(SetattrIn.MODE) & FileAttributes.MODE_MASK);
    }
    if ((valid & SetattrIn.HAS_UID) != 0) {
      change = change.withUid(in.u32(SetattrIn.UID));
    }
    if ((valid & SetattrIn.HAS_GID) != 0) {
      change = change.withGid(in.u32(SetattrIn.GID));
    }
    if ((valid & SetattrIn.HAS_ATIME) != 0) {
      change = change.withAtimeNanos(nanos(in, SetattrIn.ATIME, SetattrIn.ATIME_NANOS));
    }
    if ((valid & SetattrIn.HAS_MTIME) != 0) {
      change = change.withMtimeNanos(nanos(in, SetattrIn.MTIME, SetattrIn.MTIME_NANOS));
    }
    if ((valid & SetattrIn.HAS_CTIME) != 0) {
      change = change.withCtimeNanos(nanos(in, SetattrIn.CTIME, SetattrIn.CTIME_NANOS));
    }
    Replies.Attributes reply = in.begin(new Replies.ChangedAttributes(in));
    // The kernel leaves it to us to clear set-id bits,before a write or after a chown(2) that names
    // no owner: a request that changes no attribute asks for just that.
    reply.clearsSetId(
        (valid & SetattrIn.KILL_SET_ID) != 0 || (valid & SetattrIn.ALL_ATTRIBUTES) == 0);
    fileSystem.setAttributes(
        reply,
        in.node(),
        hasHandle ? in.u64(SetattrIn.HANDLE) : NO_HANDLE,
        change,
        hasSize ? OptionalLong.of(sizeBytes) : OptionalLong.empty(),
        reply);
  }

  /**
   * The time in nanoseconds. A time that 64 bits cannot hold becomes the nearest one that they can.
   */
  private static long nanos(Incoming in, int secondsOffset, int nanosOffset) {
    long seconds = in.u64(secondsOffset);
    long secondsMax = Long.MAX_VALUE / NANOS_PER_SECOND - 1;
    return Math.clamp(seconds, -secondsMax, secondsMax) * NANOS_PER_SECOND + in.u32(nanosOffset);
  }

  void readLink(Incoming in) {
    Replies.Link reply = in.begin(new Replies.Link(in));
    fileSystem.readLink(reply, in.node(), reply);
  }

  void symlink(Incoming in) throws FsException {
    byte[] name = in.string(0);
    byte[] target = in.string(name.length + 1);
    EntryName entryName = EntryName.of(name);
    if (target.length == 0) {
      throw new FsException(FsError.NOT_FOUND, "a symbolic link with an empty target");
    }
    Replies.Entry reply = in.begin(new Replies.Entry(in));
    NewInode link = NewInode.symlink(target, reply.caller().owner());
    fileSystem.make(reply, in.node(), entryName, link, reply);
    DirectoryPrefetch.start(in);
  }

  void makeNode(Incoming in) throws FsException {
    in.requireBody(MknodIn.SIZE);
    int mode = in.u32(MknodIn.MODE);
    EntryName name = EntryName.of(in.string(MknodIn.SIZE));
    FileType type = fileType(mode);
    if (type == FileType.DIRECTORY || type == FileType.SYMLINK) {
      throw new FsException(FsError.INVALID, "mknod of a " + type);
    }
    Replies.Entry reply = in.begin(new Replies.Entry(in));
    NewInode node =
        NewInode.node(
            type,
            mode & FileAttributes.MODE_MASK,
            reply.caller().owner(),
            Integer.toUnsignedLong(in.u32(MknodIn.DEVICE)));
    fileSystem.make(reply, in.node(), name, node, reply);
  }

  private static FileType fileType(int mode) throws FsException {
    try {
      return FileType.ofMode(mode);
    } catch (IllegalArgumentException unknown) {
      throw new FsException(FsError.INVALID, "mode " + Integer.toOctalString(mode), unknown);
    }
  }

  void makeDirectory(Incoming in) throws FsException {
    in.requireBody(MkdirIn.SIZE);
    int mode = in.u32(MkdirIn.MODE) & FileAttributes.MODE_MASK;
    EntryName name = EntryName.of(in.string(MkdirIn.SIZE));
    Replies.Entry reply = in.begin(new Replies.Entry(in));
    NewInode made = NewInode.directory(mode, reply.caller().owner());
    fileSystem.make(reply, in.node(), name, made, reply);
  }

  void unlink(Incoming in) throws FsException {
    EntryName name = EntryName.of(in.string(0));
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.unlink(reply, in.node(), name, reply);
    DirectoryPrefetch.start(in);
  }

  void removeDirectory(Incoming in) throws FsException {
    EntryName name = EntryName.of(in.string(0));
    Replies.Done reply = in.begin(new Replies.Done(in));
    reply.changesUnknown();
    fileSystem.removeDirectory(reply, in.node(), name, reply);
  }

  void rename(Incoming in) throws FsException {
    in.requireBody(RenameIn.SIZE);
    rename(in, in.u64(RenameIn.NEW_DIRECTORY), 0, RenameIn.SIZE);
  }

  void renameWithFlags(Incoming in) throws FsException {
    in.requireBody(Rename2In.SIZE);
    int flags = in.u32(Rename2In.FLAGS);
    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0
        || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) {
      throw new FsException(FsError.INVALID, "rename flags " + flags);
    }
    rename(in, in.u64(Rename2In.NEW_DIRECTORY), flags, Rename2In.SIZE);
  }

  private void rename(Incoming in, long newDirectory, int flags, int namesOffset)
      throws FsException {
    byte[] oldName = in.string(namesOffset);
    byte[] newName = in.string(namesOffset + oldName.length + 1);
    EntryName oldEntry = EntryName.of(oldName);
    EntryName newEntry = EntryName.of(newName);
    Replies.Done reply = in.begin(new Replies.Done(in));
    reply.alsoChanges(newDirectory);
    reply.changesUnknown();
    fileSystem.rename(reply, in.node(), oldEntry, newDirectory, newEntry, flags, reply);
  }

  void link(Incoming in) throws FsException {
    in.requireBody(LinkIn.SIZE);
    EntryName name = EntryName.of(in.string(LinkIn.SIZE));
    Replies.Entry reply = in.begin(new Replies.Entry(in));
    reply.alsoChanges(in.u64(LinkIn.OLD_NODE));
    fileSystem.link(reply, in.u64(LinkIn.OLD_NODE), in.node(), name, reply);
  }

  void open(Incoming in) throws FsException {
    in.requireBody(OpenIn.SIZE);
    Replies.Open reply = in.begin(new Replies.Open(in));
    reply.clearsSetId((in.u32(OpenIn.OPEN_FLAGS) & OpenIn.KILL_SET_ID) != 0);
    fileSystem.open(reply, in.node(), in.u32(OpenIn.FLAGS), reply);
  }

  void create(Incoming in) throws FsException {
    in.requireBody(CreateIn.SIZE);
    EntryName name = EntryName.of(in.string(CreateIn.SIZE));
    int mode = in.u32(CreateIn.MODE) & FileAttributes.MODE_MASK;
    Replies.Create reply = in.begin(new Replies.Create(in));
    reply.clearsSetId((in.u32(CreateIn.OPEN_FLAGS) & OpenIn.KILL_SET_ID) != 0);
    NewInode file = NewInode.regularFile(mode, reply.caller().owner());
    fileSystem.create(reply, in.node(), name, file, in.u32(CreateIn.FLAGS), reply);
    DirectoryPrefetch.start(in);
  }

  void read(Incoming in) throws FsException {
    in.requireBody(ReadIn.SIZE);
    int length = in.u32(ReadIn.LENGTH);
    if (length < 0 || length > in.session().ioLengthBytesMax()) {
      throw new FsException(FsError.INVALID, "a read of " + length + " bytes");
    }
    in.session().pages().reads(in.node());
    Replies.Data reply = in.begin(new Replies.Data(in, length));
    fileSystem.read(reply, in.node(), in.u64(ReadIn.HANDLE), in.u64(ReadIn.OFFSET), length, reply);
  }

  void write(Incoming in) throws FsException {
    in.requireBody(WriteIn.SIZE);
    ByteBuf data = in.data(WriteIn.SIZE, in.u32(WriteIn.LENGTH));
    int openFlags = in.u32(WriteIn.OPEN_FLAGS);
    boolean isFromCache = (in.u32(WriteIn.WRITE_FLAGS) & WriteIn.FROM_CACHE) != 0;
    boolean appends = !isFromCache && (openFlags & O_APPEND) != 0;
    long handle = in.u64(WriteIn.HANDLE);
    long offset = in.u64(WriteIn.OFFSET);
    // No program waits for pages that the kernel writes back, or for each piece of direct I/O.
    Replies.Written reply =
        in.begin(
            isFromCache || (openFlags & (O_APPEND | O_DIRECT)) != 0
                ? new Replies.Written(in)
                : new Replies.WrittenThroughCache(
                    in, in.session().pages().waits(in.pid()), offset));
    reply.clearsSetId((in.u32(WriteIn.WRITE_FLAGS) & WriteIn.KILL_SET_ID) != 0);
    if (appends) {
      fileSystem.write(reply, in.node(), handle, offset, data, reply);
    } else {
      fileSystem.writeAt(reply, in.node(), handle, offset, data, reply);
    }
  }

  void allocate(Incoming in) throws FsException {
    in.requireBody(FallocateIn.SIZE);
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.allocate(
        reply,
        in.node(),
        in.u64(FallocateIn.HANDLE),
        in.u32(FallocateIn.MODE),
        in.u64(FallocateIn.OFFSET),
        in.u64(FallocateIn.LENGTH),
        reply);
  }

  void seek(Incoming in) throws FsException {
    in.requireBody(Lseek.SIZE);
    int whence = in.u32(Lseek.WHENCE);
    long offset = in.u64(Lseek.OFFSET);
    if (whence != Lseek.SEEK_DATA && whence != Lseek.SEEK_HOLE) {
      throw new FsException(FsError.INVALID, "lseek with " + whence);
    }
    Replies.Sought reply = in.begin(new Replies.Sought(in));
    if (offset < 0) {
      reply.nothing();
    } else {
      fileSystem.seek(
          reply, in.node(), in.u64(Lseek.HANDLE), offset, whence == Lseek.SEEK_HOLE, reply);
    }
  }

  void copyRange(Incoming in) throws FsException {
    in.requireBody(CopyFileRangeIn.SIZE);
    Replies.Written reply = in.begin(new Replies.Written(in));
    reply.alsoChanges(in.u64(CopyFileRangeIn.TARGET_NODE));
    fileSystem.copyRange(
        reply,
        in.node(),
        in.u64(CopyFileRangeIn.HANDLE),
        in.u64(CopyFileRangeIn.OFFSET),
        in.u64(CopyFileRangeIn.TARGET_NODE),
        in.u64(CopyFileRangeIn.TARGET_HANDLE),
        in.u64(CopyFileRangeIn.TARGET_OFFSET),
        in.u64(CopyFileRangeIn.LENGTH),
        reply);
  }

  void flush(Incoming in) throws FsException {
    in.requireBody(HandleIn.SIZE);
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.flush(reply, in.node(), in.u64(HandleIn.HANDLE), in.u64(HandleIn.LOCK_OWNER), reply);
  }

  void testLock(Incoming in) throws FsException {
    FileLock lock = lock(in);
    Replies.Lock reply = in.begin(new Replies.Lock(in));
    fileSystem.testLock(reply, in.node(), in.u64(LkIn.HANDLE), in.u64(LkIn.OWNER), lock, reply);
  }

  void setLock(Incoming in) throws FsException {
    setLock(in, false);
  }

  void awaitLock(Incoming in) throws FsException {
    setLock(in, true);
  }

  private void setLock(Incoming in, boolean waits) throws FsException {
    FileLock lock = lock(in);
    Replies.Done reply = in.begin(waits ? new Replies.Granted(in) : new Replies.Done(in));
    fileSystem.setLock(
        reply, in.node(), in.u64(LkIn.HANDLE), in.u64(LkIn.OWNER), lock, waits, reply);
  }

  private static FileLock lock(Incoming in) throws FsException {
    in.requireBody(LkIn.SIZE);
    LockMode mode =
        switch (in.u32(LkIn.TYPE)) {
          case FileLockField.READ -> LockMode.SHARED;
          case FileLockField.WRITE -> LockMode.EXCLUSIVE;
          case FileLockField.UNLOCK -> LockMode.NONE;
          default -> throw new FsException(FsError.INVALID, "a lock " + in.u32(LkIn.TYPE));
        };
    int pid = in.u32(LkIn.PID);
    if ((in.u32(LkIn.FLAGS) & LkIn.FLOCK) != 0) {
      return FileLock.whole(mode, pid);
    }
    long first = in.u64(LkIn.START);
    long last = in.u64(LkIn.END);
    if (first < 0 || last < first) {
      throw new FsException(FsError.INVALID, "a lock from " + first + " to " + last);
    }
    return new FileLock(LockKind.POSIX, mode, first, last, pid);
  }

  void fsync(Incoming in) throws FsException {
    in.requireBody(FsyncIn.SIZE);
    boolean dataOnly = (in.u32(FsyncIn.FLAGS) & FsyncIn.DATA_ONLY) != 0;
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.fsync(reply, in.node(), in.u64(FsyncIn.HANDLE), dataOnly, reply);
  }

  void release(Incoming in) throws FsException {
    in.requireBody(HandleIn.SIZE);
    in.session().pages().closed(in.node());
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.release(reply, in.node(), in.u64(HandleIn.HANDLE), reply);
  }

  /**
   * Answers at once, without a handle. If this request were not supported (ENOSYS), the kernel
   * would open directories by itself and cache their listings, and only the modification time would
   * tell it of changes.
   */
  void openDirectory(Incoming in) {
    in.begin(new Replies.Open(in)).openedDirectory();
  }

  void readDirectory(Incoming in) throws FsException {
    readDirectory(in, false);
  }

  void readDirectoryWithAttributes(Incoming in) throws FsException {
    readDirectory(in, true);
  }

  private void readDirectory(Incoming in, boolean withAttributes) throws FsException {
    in.requireBody(ReadIn.SIZE);
    int length = in.u32(ReadIn.LENGTH);
    if (length < 0) {
      throw new FsException(FsError.INVALID, "a listing of " + length + " bytes");
    }
    Replies.Directory reply =
        in.begin(
            new Replies.Directory(in, Math.min(length, LISTING_LENGTH_BYTES_MAX), withAttributes));
    fileSystem.readDirectory(reply, in.node(), in.u64(ReadIn.OFFSET), withAttributes, reply);
  }

  void fsyncDirectory(Incoming in) throws FsException {
    in.requireBody(FsyncIn.SIZE);
    boolean dataOnly = (in.u32(FsyncIn.FLAGS) & FsyncIn.DATA_ONLY) != 0;
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.fsyncDirectory(reply, in.node(), dataOnly, reply);
  }

  void statistics(Incoming in) {
    Replies.Statfs reply = in.begin(new Replies.Statfs(in));
    fileSystem.statistics(reply, reply);
  }

  void setExtendedAttribute(Incoming in) throws FsException {
    if (!fileSystem.keepsExtendedAttributes()) {
      notImplemented(in);
      return;
    }
    in.requireBody(SetxattrIn.SIZE);
    byte[] name = in.string(SetxattrIn.SIZE);
    byte[] value = in.bytes(SetxattrIn.SIZE + name.length + 1, in.u32(SetxattrIn.LENGTH));
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.setExtendedAttribute(reply, in.node(), name, value, in.u32(SetxattrIn.FLAGS), reply);
  }

  void getExtendedAttribute(Incoming in) throws FsException {
    if (!fileSystem.keepsExtendedAttributes()) {
      notImplemented(in);
      return;
    }
    in.requireBody(GetxattrIn.SIZE);
    byte[] name = in.string(GetxattrIn.SIZE);
    Replies.Bytes reply = in.begin(new Replies.Bytes(in, in.u32(GetxattrIn.LENGTH)));
    fileSystem.getExtendedAttribute(reply, in.node(), name, reply);
  }

  void listExtendedAttributes(Incoming in) throws FsException {
    if (!fileSystem.keepsExtendedAttributes()) {
      notImplemented(in);
      return;
    }
    in.requireBody(GetxattrIn.SIZE);
    Replies.Bytes reply = in.begin(new Replies.Bytes(in, in.u32(GetxattrIn.LENGTH)));
    fileSystem.listExtendedAttributes(reply, in.node(), reply);
  }

  void removeExtendedAttribute(Incoming in) throws FsException {
    if (!fileSystem.keepsExtendedAttributes()) {
      notImplemented(in);
      return;
    }
    byte[] name = in.string(0);
    Replies.Done reply = in.begin(new Replies.Done(in));
    fileSystem.removeExtendedAttribute(reply, in.node(), name, reply);
  }

  /**
   * A waiting program has got a signal. If its request is not known here, the request has been
   * answered, or the reader that has it is about to announce it: the kernel knows which.
   */
  void interrupt(Incoming in) throws FsException {
    in.requireBody(InterruptIn.SIZE);
    PendingRequest interrupted = in.session().find(in.u64(InterruptIn.UNIQUE));
    if (interrupted != null) {
      in.session().interrupts().interrupted(interrupted);
    } else {
      in.session().requeueInterrupt(in.unique());
    }
  }

  /**
   * Directories have no handles; releases of directories that were opened before we said so mean
   * nothing.
   */
  void succeed(Incoming in) {
    in.answer(0);
  }

  /**
   * For most requests, the kernel remembers this answer and does without such requests from then
   * on.
   */
  void notImplemented(Incoming in) {
    in.answer(Errnos.ENOSYS);
  }

  /** A request that cannot come: the negotiation is over before requests are read. */
  void unexpected(Incoming in) {
    in.answer(Errnos.EIO);
  }

  private static boolean isText(byte[] name, String text) {
    if (name.length != text.length()) {
      return false;
    }
    for (int i = 0; i < name.length; i++) {
      if (name[i] != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
