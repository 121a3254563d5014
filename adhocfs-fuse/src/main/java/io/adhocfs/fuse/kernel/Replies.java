package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;
import static io.adhocfs.fuse.kernel.Protocol.U8;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.fuse.InodeFileSystem.Statistics;
import io.adhocfs.fuse.StatValues;
import io.adhocfs.fuse.kernel.Protocol.Attr;
import io.adhocfs.fuse.kernel.Protocol.AttrOut;
import io.adhocfs.fuse.kernel.Protocol.Dirent;
import io.adhocfs.fuse.kernel.Protocol.EntryOut;
import io.adhocfs.fuse.kernel.Protocol.FileLockField;
import io.adhocfs.fuse.kernel.Protocol.GetxattrOut;
import io.adhocfs.fuse.kernel.Protocol.OpenOut;
import io.adhocfs.fuse.kernel.Protocol.OutHeader;
import io.adhocfs.fuse.kernel.Protocol.WriteOut;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FileType;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The answers in the form that the kernel expects: one class per shape of reply body. */
final class Replies {
  private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private Replies() {}

  /** Success without a body. */
  static class Done extends PendingRequest implements InodeFileSystem.DoneReply {
    Done(Incoming incoming) {
      super(incoming);
    }

    @Override
    public final void done() {
      if (takeAnswer()) {
        sendErrno(0);
      }
    }
  }

  /** As {@link Done}, for a lock that another program may have to give up first. */
  static final class Granted extends Done {
    Granted(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean waitsForOthers() {
      return true;
    }
  }

  /** fuse_entry_out: an inode that the kernel may now name by its number. */
  static final class Entry extends PendingRequest implements InodeFileSystem.AttributesReply {
    Entry(Incoming incoming) {
      super(incoming);
    }

    @Override
    public void attributes(FileAttributes attributes) {
      afterDrop(session.pages().current(attributes), () -> send(attributes));
    }

    private void send(FileAttributes attributes) {
      if (takeAnswer()) {
        tell(attributes, true);
        OutBuffer out = OutBuffer.ofThisThread();
        putEntry(out.bytes(), OutBuffer.BODY, attributes, this);
        send(out, EntryOut.SIZE);
      }
    }
  }

  /** fuse_attr_out: the attributes of an inode, for a program that has asked. */
  static class Attributes extends PendingRequest implements InodeFileSystem.AttributesReply {
    Attributes(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public final void attributes(FileAttributes attributes) {
      reply(attributes, StatValues.blocks(attributes));
    }

    @Override
    public final void attributes(FileAttributes attributes, long allocatedBytes) {
      reply(attributes, StatValues.blocks(allocatedBytes));
    }

    private void reply(FileAttributes attributes, long blocks) {
      afterDrop(
          precedesReads() ? session.pages().current(attributes) : null,
          () -> {
            if (takeAnswer()) {
              tell(attributes, false);
              sendAttributes(attributes, blocks);
            }
          });
    }

    /** Whether the asker may next read from the cache, relying on these attributes. */
    protected boolean precedesReads() {
      return true;
    }

    protected void sendAttributes(FileAttributes attributes, long blocks) {
      if (session.pages().tellProgram(attributes)) {
        OutBuffer.ofThisThread().keepFromInode(descriptor(), attributes.id().value());
      }
      sendAttributes(attributes, blocks, attributes.mtimeNanos());
    }

    protected final void sendAttributes(FileAttributes attributes, long blocks, long mtimeNanos) {
      OutBuffer out = OutBuffer.ofThisThread();
      putAttributeAnswer(out, attributes, session.fileSystem());
      out.bytes().set(U64, OutBuffer.BODY + AttrOut.ATTR + Attr.BLOCKS, blocks);
      if (mtimeNanos != attributes.mtimeNanos()) {
        // A program must not be told these attributes.
        out.bytes().set(U64, OutBuffer.BODY + AttrOut.ATTR_VALID, 0);
        out.bytes().set(U64, OutBuffer.BODY + AttrOut.ATTR_VALID_NANOS, 0);
        putTime(
            out.bytes(),
            OutBuffer.BODY + AttrOut.ATTR + Attr.MTIME,
            OutBuffer.BODY + AttrOut.ATTR + Attr.MTIME_NANOS,
            mtimeNanos);
      }
      send(out, AttrOut.SIZE);
    }
  }

  /**
   * As {@link Attributes}, for the kernel itself, which asks before it reads from its page cache.
   */
  static class KernelAttributes extends Attributes {
    KernelAttributes(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected final void sendAttributes(FileAttributes attributes, long blocks) {
      sendAttributes(
          attributes, blocks, session.pages().tell(attributes, session.asksForEachUse(attributes)));
    }
  }

  /**
   * As {@link KernelAttributes}, after a change of the attributes. Waits for nothing: the kernel
   * may hold the inode until the answer.
   */
  static final class ChangedAttributes extends KernelAttributes {
    ChangedAttributes(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean precedesReads() {
      return false;
    }
  }

  /** fuse_open_out. */
  static final class Open extends PendingRequest implements InodeFileSystem.OpenReply {
    Open(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public void opened(long handle, OpenMode mode, FileAttributes attributes) {
      CachedPages.Opening opening = session.pages().opened(attributes, mode, false);
      afterDrop(opening.drop(), () -> send(handle, opening.mode()));
    }

    /** A directory needs no handle. */
    void openedDirectory() {
      send(0, OpenMode.CACHED);
    }

    private void send(long handle, OpenMode mode) {
      if (takeAnswer()) {
        OutBuffer out = OutBuffer.ofThisThread();
        putOpen(out.bytes(), OutBuffer.BODY, handle, mode);
        send(out, OpenOut.SIZE);
      }
    }
  }

  /** fuse_entry_out, then fuse_open_out. */
  static final class Create extends PendingRequest implements InodeFileSystem.CreateReply {
    Create(Incoming incoming) {
      super(incoming);
    }

    @Override
    public void created(FileAttributes attributes, long handle, OpenMode mode) {
      CachedPages.Opening opening = session.pages().opened(attributes, mode, true);
      afterDrop(opening.drop(), () -> send(attributes, handle, opening.mode()));
    }

    private void send(FileAttributes attributes, long handle, OpenMode mode) {
      if (takeAnswer()) {
        tell(attributes, true);
        OutBuffer out = OutBuffer.ofThisThread();
        putEntry(out.bytes(), OutBuffer.BODY, attributes, this);
        putOpen(out.bytes(), OutBuffer.BODY + EntryOut.SIZE, handle, mode);
        send(out, EntryOut.SIZE + OpenOut.SIZE);
      }
    }
  }

  /** The bytes of a file, sent without a copy if they lie outside the heap. */
  static final class Data extends PendingRequest implements InodeFileSystem.DataReply {
    private final int lengthBytesMax;

    Data(Incoming incoming, int lengthBytesMax) {
      super(incoming);
      this.lengthBytesMax = lengthBytesMax;
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public void data(ByteBuf data) {
      try {
        if (!takeAnswer()) {
          return;
        }
        if (data.readableBytes() > lengthBytesMax) {
          LOG.error(
              "the file system has answered {} bytes to a read of {}",
              data.readableBytes(),
              lengthBytesMax);
          sendErrno(Errnos.EIO);
          return;
        }
        try {
          OutBuffer.ofThisThread().send(descriptor(), unique(), data);
        } finally {
          session.forget(this);
        }
      } finally {
        data.release();
      }
    }
  }

  /** fuse_lk_out. */
  static final class Lock extends PendingRequest implements InodeFileSystem.LockReply {
    Lock(Incoming incoming) {
      super(incoming);
    }

    @Override
    public void lock(FileLock lock) {
      if (takeAnswer()) {
        OutBuffer out = OutBuffer.ofThisThread();
        MemorySegment bytes = out.bytes();
        int type =
            switch (lock.mode()) {
              case NONE -> FileLockField.UNLOCK;
              case SHARED -> FileLockField.READ;
              case EXCLUSIVE -> FileLockField.WRITE;
            };
        bytes.set(U64, OutBuffer.BODY + FileLockField.START, lock.first());
        bytes.set(U64, OutBuffer.BODY + FileLockField.END, lock.last());
        bytes.set(U32, OutBuffer.BODY + FileLockField.TYPE, type);
        bytes.set(U32, OutBuffer.BODY + FileLockField.PID, lock.pid());
        send(out, FileLockField.SIZE);
      }
    }
  }

  /** fuse_write_out. */
  static class Written extends PendingRequest implements InodeFileSystem.WriteReply {
    Written(Incoming incoming) {
      super(incoming);
    }

    @Override
    public void written(int lengthBytes) {
      if (takeAnswer()) {
        OutBuffer out = OutBuffer.ofThisThread();
        out.bytes().set(U64, OutBuffer.BODY + WriteOut.LENGTH, lengthBytes);
        send(out, WriteOut.SIZE);
      }
    }
  }

  /** As {@link Written}, for bytes that the kernel has put into its cache. */
  static final class WrittenThroughCache extends Written {
    private final long node;
    private final long since;
    private final long offset;

    /**
     * @param since see {@link CachedPages#written}
     */
    WrittenThroughCache(Incoming incoming, long since, long offset) {
      super(incoming);
      this.node = incoming.node();
      this.since = since;
      this.offset = offset;
    }

    @Override
    public void written(int lengthBytes) {
      session.pages().written(node, since, offset, lengthBytes);
      super.written(lengthBytes);
    }
  }

  /** fuse_lseek_out. */
  static final class Sought extends PendingRequest implements InodeFileSystem.SeekReply {
    Sought(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public void found(long offset) {
      if (takeAnswer()) {
        OutBuffer out = OutBuffer.ofThisThread();
        out.bytes().set(U64, OutBuffer.BODY + Protocol.Lseek.OUT_OFFSET, offset);
        send(out, Protocol.Lseek.OUT_SIZE);
      }
    }

    @Override
    public void nothing() {
      answer(Errnos.ENXIO);
    }
  }

  /** The target of a symbolic link, without an end mark. */
  static final class Link extends PendingRequest implements InodeFileSystem.LinkReply {
    Link(Incoming incoming) {
      super(incoming);
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public void target(byte[] target) {
      if (takeAnswer()) {
        try {
          OutBuffer.ofThisThread().send(descriptor(), unique(), Unpooled.wrappedBuffer(target));
        } finally {
          session.forget(this);
        }
      }
    }
  }

  /** The bytes of an extended attribute or of a list of names, or the number of these bytes. */
  static final class Bytes extends PendingRequest implements InodeFileSystem.BytesReply {
    private final int lengthBytesMax;

    Bytes(Incoming incoming, int lengthBytesMax) {
      super(incoming);
      this.lengthBytesMax = lengthBytesMax;
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public void bytes(byte[] bytes) {
      if (!takeAnswer()) {
        return;
      }
      if (lengthBytesMax == 0) {
        OutBuffer out = OutBuffer.ofThisThread();
        // The unused half of the word becomes 0.
        out.bytes().set(U64, OutBuffer.BODY + GetxattrOut.LENGTH, bytes.length);
        send(out, GetxattrOut.SIZE);
      } else if (bytes.length > lengthBytesMax) {
        sendErrno(Errnos.ERANGE);
      } else {
        try {
          OutBuffer.ofThisThread().send(descriptor(), unique(), Unpooled.wrappedBuffer(bytes));
        } finally {
          session.forget(this);
        }
      }
    }
  }

  /** fuse_kstatfs. */
  static final class Statfs extends PendingRequest implements InodeFileSystem.StatisticsReply {
    Statfs(Incoming incoming) {
      super(incoming);
    }

    @Override
    public void statistics(Statistics statistics) {
      if (takeAnswer()) {
        OutBuffer out = OutBuffer.ofThisThread();
        MemorySegment body =
            out.bytes().asSlice(OutBuffer.BODY, Protocol.Statfs.SIZE).fill((byte) 0);
        int blockSize = statistics.blockSizeBytes();
        body.set(U64, Protocol.Statfs.BLOCKS, statistics.totalBytes() / blockSize);
        body.set(U64, Protocol.Statfs.BLOCKS_FREE, statistics.availableBytes() / blockSize);
        body.set(U64, Protocol.Statfs.BLOCKS_AVAILABLE, statistics.availableBytes() / blockSize);
        body.set(U64, Protocol.Statfs.FILES, statistics.inodesTotal());
        body.set(U64, Protocol.Statfs.FILES_FREE, statistics.inodesFree());
        body.set(U32, Protocol.Statfs.BLOCK_SIZE, blockSize);
        body.set(U32, Protocol.Statfs.NAME_LENGTH_MAX, EntryName.LENGTH_MAX);
        body.set(U32, Protocol.Statfs.FRAGMENT_SIZE, blockSize);
        send(out, Protocol.Statfs.SIZE);
      }
    }
  }

  /**
   * A row of fuse_dirent, or of fuse_entry_out + fuse_dirent when the kernel wants attributes.
   *
   * <p>Entries that share a cookie are kept together, since the kernel continues with the cookie of
   * the last entry and would skip the rest: if an entry does not fit, the entries before it with
   * the same cookie are removed again.
   *
   * <p>A lock guards against an interruption that answers with an error, and returns the buffer,
   * while another thread still adds entries.
   */
  static final class Directory extends PendingRequest implements InodeFileSystem.DirectoryReply {
    private final NativeBuffer buffer;
    private final MemorySegment bytes;
    private final int limit;
    private final boolean withAttributes;
    private int end = OutHeader.SIZE;
    private int groupStart = OutHeader.SIZE;
    private long groupCookie = -1;
    private boolean full;

    Directory(Incoming incoming, int lengthBytesMax, boolean withAttributes) {
      super(incoming);
      this.limit = OutHeader.SIZE + lengthBytesMax;
      this.buffer = NativeBuffer.allocate(limit);
      this.bytes = buffer.segment();
      this.withAttributes = withAttributes;
    }

    @Override
    protected boolean namesInodeOnly() {
      return true;
    }

    @Override
    public synchronized boolean add(
        byte[] name,
        long inode,
        FileType type,
        long nextCookie,
        @Nullable FileAttributes attributes) {
      if (full) {
        return false;
      }
      if (nextCookie != groupCookie) {
        groupCookie = nextCookie;
        groupStart = end;
      }
      int entrySize = withAttributes ? EntryOut.SIZE : 0;
      int size = entrySize + Dirent.sizeBytes(name.length);
      if (end + size > limit) {
        full = true;
        if (groupStart > OutHeader.SIZE) {
          end = groupStart;
        }
        return false;
      }
      if (withAttributes) {
        if (attributes == null || isSelfOrParent(name)) {
          // Node 0: only the name counts, and the entry has not been looked up.
          bytes.asSlice(end, EntryOut.SIZE).fill((byte) 0);
        } else {
          putEntry(bytes, end, attributes, this);
        }
      }
      int dirent = end + entrySize;
      bytes.set(U64, dirent + Dirent.INODE, inode);
      bytes.set(U64, dirent + Dirent.NEXT_COOKIE, nextCookie);
      bytes.set(U32, dirent + Dirent.NAME_LENGTH, name.length);
      bytes.set(U32, dirent + Dirent.TYPE, type.code());
      MemorySegment.copy(name, 0, bytes, U8, dirent + Dirent.NAME, name.length);
      for (int i = dirent + Dirent.NAME + name.length; i < end + size; i++) {
        bytes.set(U8, i, (byte) 0);
      }
      end += size;
      return true;
    }

    @Override
    public synchronized void done() {
      if (takeAnswer()) {
        full = true;
        try {
          OutBuffer.ofThisThread().sendWhole(descriptor(), unique(), bytes, end - OutHeader.SIZE);
        } finally {
          buffer.release();
          session.forget(this);
        }
      }
    }

    @Override
    protected synchronized void discardReply() {
      full = true;
      buffer.release();
    }

    private static boolean isSelfOrParent(byte[] name) {
      return name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
    }
  }

  /** Answers at once, without asking the file system. */
  static void sendAttributes(Incoming in, FileAttributes attributes) {
    OutBuffer out = OutBuffer.ofThisThread();
    if (in.session().pages().tellProgram(attributes)) {
      out.keepFromInode(in.descriptor(), in.node());
    }
    putAttributeAnswer(out, attributes, in.session().fileSystem());
    out.send(in.descriptor(), in.unique(), AttrOut.SIZE);
  }

  private static void putAttributeAnswer(
      OutBuffer out, FileAttributes attributes, InodeFileSystem fileSystem) {
    MemorySegment bytes = out.bytes();
    long timeoutNanos = fileSystem.timeoutNanos(attributes);
    bytes.set(U64, OutBuffer.BODY + AttrOut.ATTR_VALID, timeoutNanos / NANOS_PER_SECOND);
    // The unused half of the word behind the field becomes 0.
    bytes.set(U64, OutBuffer.BODY + AttrOut.ATTR_VALID_NANOS, timeoutNanos % NANOS_PER_SECOND);
    putAttributes(bytes, OutBuffer.BODY + AttrOut.ATTR, attributes);
  }

  private static void putEntry(
      MemorySegment bytes, int offset, FileAttributes attributes, PendingRequest request) {
    long timeoutNanos = request.session.fileSystem().timeoutNanos(attributes);
    long mtimeNanos = request.session.pages().tell(attributes, timeoutNanos == 0);
    bytes.set(U64, offset + EntryOut.NODE, attributes.id().value());
    bytes.set(U64, offset + EntryOut.GENERATION, 0);
    bytes.set(U64, offset + EntryOut.ENTRY_VALID, timeoutNanos / NANOS_PER_SECOND);
    bytes.set(U64, offset + EntryOut.ATTR_VALID, timeoutNanos / NANOS_PER_SECOND);
    int timeoutRest = (int) (timeoutNanos % NANOS_PER_SECOND);
    bytes.set(U32, offset + EntryOut.ENTRY_VALID_NANOS, timeoutRest);
    bytes.set(U32, offset + EntryOut.ATTR_VALID_NANOS, timeoutRest);
    putAttributes(bytes, offset + EntryOut.ATTR, attributes);
    if (mtimeNanos != attributes.mtimeNanos()) {
      // A program must not be told these attributes.
      bytes.set(U64, offset + EntryOut.ATTR_VALID, 0);
      bytes.set(U32, offset + EntryOut.ATTR_VALID_NANOS, 0);
      int attr = offset + EntryOut.ATTR;
      putTime(bytes, attr + Attr.MTIME, attr + Attr.MTIME_NANOS, mtimeNanos);
    }
  }

  private static void putAttributes(MemorySegment bytes, int offset, FileAttributes attributes) {
    bytes.set(U64, offset + Attr.INODE, attributes.id().value());
    bytes.set(U64, offset + Attr.SIZE_BYTES, StatValues.sizeBytes(attributes));
    bytes.set(U64, offset + Attr.BLOCKS, StatValues.blocks(attributes));
    putTime(bytes, offset + Attr.ATIME, offset + Attr.ATIME_NANOS, attributes.atimeNanos());
    putTime(bytes, offset + Attr.MTIME, offset + Attr.MTIME_NANOS, attributes.mtimeNanos());
    putTime(bytes, offset + Attr.CTIME, offset + Attr.CTIME_NANOS, attributes.ctimeNanos());
    bytes.set(U32, offset + Attr.MODE, attributes.fullMode());
    bytes.set(U32, offset + Attr.LINK_COUNT, attributes.linkCount());
    bytes.set(U32, offset + Attr.UID, attributes.uid());
    bytes.set(U32, offset + Attr.GID, attributes.gid());
    bytes.set(U32, offset + Attr.DEVICE, (int) attributes.deviceNumber());
    bytes.set(U32, offset + Attr.BLOCK_SIZE, StatValues.blockSizeBytes(attributes));
    bytes.set(U32, offset + Attr.FLAGS, 0);
  }

  /** Times before 1970 have negative seconds, and nanoseconds that count upwards all the same. */
  private static void putTime(
      MemorySegment bytes, int secondsOffset, int nanosOffset, long timeNanos) {
    bytes.set(U64, secondsOffset, Math.floorDiv(timeNanos, NANOS_PER_SECOND));
    bytes.set(U32, nanosOffset, (int) Math.floorMod(timeNanos, NANOS_PER_SECOND));
  }

  private static void putOpen(MemorySegment bytes, int offset, long handle, OpenMode mode) {
    int flags =
        (mode.directIo() ? OpenOut.DIRECT_IO | OpenOut.PARALLEL_DIRECT_WRITES : 0)
            | (mode.keepCache() ? OpenOut.KEEP_CACHE : 0);
    bytes.set(U64, offset + OpenOut.HANDLE, handle);
    // The unused half of the word becomes 0.
    bytes.set(U64, offset + OpenOut.FLAGS, flags);
  }
}
