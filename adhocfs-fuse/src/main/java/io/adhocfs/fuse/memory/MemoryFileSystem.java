package io.adhocfs.fuse.memory;

import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.memory.MemoryInode.Position;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.WallClock;
import io.netty.buffer.ByteBuf;
import java.time.InstantSource;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A file system in memory: the reference that benchmarks and tests compare with. A complete {@link
 * InodeFileSystem}, but simple: one lock for names, one per inode for the rest, every call answered
 * before it returns. Thread-safe.
 *
 * <p>Reading does not change access times. No request is ever interrupted, since none waits.
 */
public class MemoryFileSystem implements InodeFileSystem {
  private static final int BLOCK_SIZE_BYTES = 4096;
  private static final long INODES_MAX = 1L << 32;
  private static final byte[] SELF = {'.'};
  private static final byte[] PARENT = {'.', '.'};

  private static final int O_EXCL = 0200;
  private static final int O_TRUNC = 01000;
  private static final int O_APPEND = 02000;
  private static final int RENAME_NOREPLACE = 1;
  private static final int RENAME_EXCHANGE = 2;

  /** An open file. */
  private record Handle(MemoryInode inode, boolean appends) {}

  /** The work of a call between its request and its reply. */
  @FunctionalInterface
  private interface Action {
    void run() throws FsException;
  }

  private final InstantSource clock;
  private final long capacityBytes;
  private final long timeoutNanos;
  private final AtomicLong availableBytes;
  private final AtomicLong lastInode = new AtomicLong(InodeId.ROOT.value());
  private final AtomicLong lastHandle = new AtomicLong();
  private final Map<Long, MemoryInode> inodes = new ConcurrentHashMap<>();
  private final Map<Long, Handle> handles = new ConcurrentHashMap<>();

  /** Guards the entries and parents of all directories. */
  private final Object namespace = new Object();

  /**
   * Makes a file system with only a root, which belongs to this user and group.
   *
   * @param capacityBytes how much file data the file system holds; at most as much as the JVM may
   *     allocate directly
   * @param timeoutNanos how long the kernel may trust names and attributes; 0 = not at all
   */
  public MemoryFileSystem(
      long capacityBytes, long timeoutNanos, int rootUid, int rootGid, InstantSource clock) {
    this.clock = clock;
    this.capacityBytes = capacityBytes;
    this.timeoutNanos = timeoutNanos;
    this.availableBytes = new AtomicLong(capacityBytes);
    inodes.put(
        InodeId.ROOT.value(),
        new MemoryInode(
            InodeId.ROOT,
            NewInode.directory(0755, new Owner(rootUid, rootGid)),
            WallClock.nanos(clock),
            availableBytes));
  }

  @Override
  public void lookup(Request request, long directory, EntryName name, AttributesReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode found;
          synchronized (namespace) {
            found = require(directory(directory), name);
          }
          reply.attributes(found.attributes());
        });
  }

  @Override
  public void getAttributes(Request request, long inode, long handle, AttributesReply reply) {
    answer(reply, () -> reply.attributes(inode(inode).attributes()));
  }

  @Override
  public void setAttributes(
      Request request,
      long inode,
      long handle,
      AttributeChange change,
      OptionalLong sizeBytes,
      AttributesReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode target = inode(inode);
          synchronized (target) {
            apply(change, sizeBytes, target);
          }
          reply.attributes(target.attributes());
        });
  }

  /** With the inode locked. */
  private void apply(AttributeChange change, OptionalLong sizeBytes, MemoryInode target)
      throws FsException {
    long now = WallClock.nanos(clock);
    if (sizeBytes.isPresent()) {
      if (target.isDirectory()) {
        throw new FsException(FsError.IS_DIRECTORY, "truncate of " + target.id);
      }
      if (target.type != FileType.REGULAR) {
        throw new FsException(FsError.INVALID, "truncate of " + target.id);
      }
      target.data.truncate(sizeBytes.getAsLong());
      target.mtimeNanos = now;
    }
    if (change.setsMode()) {
      target.mode = change.mode();
    }
    if (change.setsUid()) {
      target.uid = change.uid();
    }
    if (change.setsGid()) {
      target.gid = change.gid();
    }
    if (change.setsAtime()) {
      target.atimeNanos = change.atimeNanos();
    }
    if (change.setsMtime()) {
      target.mtimeNanos = change.mtimeNanos();
    }
    target.ctimeNanos = change.at(now).ctimeNanos();
  }

  @Override
  public void readLink(Request request, long inode, LinkReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode link = inode(inode);
          if (link.type != FileType.SYMLINK) {
            throw new FsException(FsError.INVALID, "readlink of " + link.id);
          }
          reply.target(link.linkTarget.clone());
        });
  }

  @Override
  public void make(
      Request request, long directory, EntryName name, NewInode newInode, AttributesReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode made;
          synchronized (namespace) {
            made = make(directory(directory), name, newInode);
          }
          reply.attributes(made.attributes());
        });
  }

  /** With the namespace locked. */
  private MemoryInode make(MemoryInode directory, EntryName name, NewInode newInode)
      throws FsException {
    requireAbsent(directory, name);
    long now = WallClock.nanos(clock);
    MemoryInode made =
        new MemoryInode(
            new InodeId(lastInode.incrementAndGet()),
            newInode.madeIn(directory.attributes()),
            now,
            availableBytes);
    inodes.put(made.id.value(), made);
    attach(directory, name, made, now);
    return made;
  }

  @Override
  public void unlink(Request request, long directory, EntryName name, DoneReply reply) {
    answer(
        reply,
        () -> {
          synchronized (namespace) {
            MemoryInode parent = directory(directory);
            MemoryInode removed = require(parent, name);
            if (removed.isDirectory()) {
              throw new FsException(FsError.IS_DIRECTORY, "unlink of " + name);
            }
            remove(parent, name, removed);
          }
          reply.done();
        });
  }

  @Override
  public void removeDirectory(Request request, long directory, EntryName name, DoneReply reply) {
    answer(
        reply,
        () -> {
          synchronized (namespace) {
            MemoryInode parent = directory(directory);
            MemoryInode removed = require(parent, name);
            if (!removed.isDirectory()) {
              throw new FsException(FsError.NOT_DIRECTORY, "rmdir of " + name);
            }
            requireEmpty(removed, name);
            remove(parent, name, removed);
          }
          reply.done();
        });
  }

  @Override
  public void rename(
      Request request,
      long directory,
      EntryName name,
      long newDirectory,
      EntryName newName,
      int flags,
      DoneReply reply) {
    answer(
        reply,
        () -> {
          synchronized (namespace) {
            MemoryInode from = directory(directory);
            MemoryInode to = directory(newDirectory);
            if (flags == RENAME_EXCHANGE) {
              exchange(from, name, to, newName);
            } else {
              move(from, name, to, newName, flags == RENAME_NOREPLACE);
            }
          }
          reply.done();
        });
  }

  private void move(
      MemoryInode from, EntryName name, MemoryInode to, EntryName newName, boolean noReplace)
      throws FsException {
    MemoryInode moved = require(from, name);
    requireNotAbove(moved, to);
    MemoryInode replaced = to.entries.get(Position.of(newName));
    if (replaced != null) {
      if (noReplace) {
        throw new FsException(FsError.EXISTS, "rename to " + newName);
      }
      if (replaced == moved) {
        return; // Two names of one file: POSIX says that both stay.
      }
      if (moved.isDirectory() && !replaced.isDirectory()) {
        throw new FsException(FsError.NOT_DIRECTORY, "rename of a directory to " + newName);
      }
      if (!moved.isDirectory() && replaced.isDirectory()) {
        throw new FsException(FsError.IS_DIRECTORY, "rename to " + newName);
      }
      if (replaced.isDirectory()) {
        requireEmpty(replaced, newName);
      }
      remove(to, newName, replaced);
    }
    long now = WallClock.nanos(clock);
    detach(from, name, moved, now);
    attach(to, newName, moved, now);
    moved.changeLinkCount(0, now);
  }

  private void exchange(MemoryInode from, EntryName name, MemoryInode to, EntryName newName)
      throws FsException {
    MemoryInode first = require(from, name);
    MemoryInode second = require(to, newName);
    requireNotAbove(first, to);
    requireNotAbove(second, from);
    long now = WallClock.nanos(clock);
    detach(from, name, first, now);
    detach(to, newName, second, now);
    attach(to, newName, first, now);
    attach(from, name, second, now);
    first.changeLinkCount(0, now);
    second.changeLinkCount(0, now);
  }

  /** Refuses a move of a directory into itself or below itself. */
  private static void requireNotAbove(MemoryInode moved, MemoryInode target) throws FsException {
    MemoryInode ancestor = target;
    while (ancestor != moved) {
      if (ancestor.parent == ancestor) {
        return;
      }
      ancestor = ancestor.parent;
    }
    throw new FsException(FsError.INVALID, "rename of a directory into itself");
  }

  @Override
  public void link(
      Request request, long inode, long newDirectory, EntryName newName, AttributesReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode target;
          synchronized (namespace) {
            target = inode(inode);
            MemoryInode parent = directory(newDirectory);
            if (target.isDirectory()) {
              throw new FsException(FsError.NOT_PERMITTED, "link to a directory");
            }
            if (target.attributes().linkCount() == 0) {
              throw new FsException(FsError.NOT_FOUND, "link to a removed file");
            }
            requireAbsent(parent, newName);
            long now = WallClock.nanos(clock);
            target.changeLinkCount(1, now);
            attach(parent, newName, target, now);
          }
          reply.attributes(target.attributes());
        });
  }

  @Override
  public void open(Request request, long inode, int flags, OpenReply reply) {
    answer(
        reply,
        () -> {
          long handle;
          FileAttributes attributes;
          synchronized (namespace) {
            MemoryInode file = inode(inode);
            handle = openHandle(file, flags);
            attributes = file.attributes();
          }
          reply.opened(handle, OpenMode.CACHED, attributes);
        });
  }

  @Override
  public void create(
      Request request,
      long directory,
      EntryName name,
      NewInode newInode,
      int flags,
      CreateReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode file;
          long handle;
          synchronized (namespace) {
            MemoryInode parent = directory(directory);
            MemoryInode existing = parent.entries.get(Position.of(name));
            if (existing != null && (flags & O_EXCL) != 0) {
              throw new FsException(FsError.EXISTS, "create of " + name);
            }
            file = existing != null ? existing : make(parent, name, newInode);
            handle = openHandle(file, flags);
          }
          reply.created(file.attributes(), handle, OpenMode.CACHED);
        });
  }

  /** With the namespace locked, so that the file cannot be removed meanwhile. */
  private long openHandle(MemoryInode file, int flags) throws FsException {
    if (file.isDirectory()) {
      throw new FsException(FsError.IS_DIRECTORY, "open of " + file.id);
    }
    synchronized (file) {
      if ((flags & O_TRUNC) != 0 && file.data.sizeBytes() > 0) {
        file.data.truncate(0);
        file.contentChanged(WallClock.nanos(clock));
      }
      file.opened();
    }
    long handle = lastHandle.incrementAndGet();
    handles.put(handle, new Handle(file, (flags & O_APPEND) != 0));
    return handle;
  }

  @Override
  public void read(
      Request request, long inode, long handle, long offset, int lengthBytes, DataReply reply) {
    answer(
        reply,
        () -> {
          MemoryInode file = handle(handle).inode();
          ByteBuf data;
          synchronized (file) {
            data = file.data.read(offset, lengthBytes);
          }
          reply.data(data);
        });
  }

  @Override
  public void write(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    answer(
        reply,
        () -> {
          int length = data.readableBytes();
          try {
            Handle open = handle(handle);
            MemoryInode file = open.inode();
            synchronized (file) {
              file.data.write(open.appends() ? file.data.sizeBytes() : offset, data);
              file.contentChanged(WallClock.nanos(clock));
            }
          } finally {
            data.release();
          }
          reply.written(length);
        });
  }

  @Override
  public void flush(Request request, long inode, long handle, DoneReply reply) {
    reply.done();
  }

  @Override
  public void fsync(Request request, long inode, long handle, boolean dataOnly, DoneReply reply) {
    reply.done();
  }

  @Override
  public void release(Request request, long inode, long handle, DoneReply reply) {
    Handle closed = handles.remove(handle);
    if (closed != null) {
      closed.inode().closed();
      dropIfUnused(closed.inode());
    }
    reply.done();
  }

  @Override
  public void readDirectory(
      Request request, long inode, long cookie, boolean withAttributes, DirectoryReply reply) {
    answer(
        reply,
        () -> {
          synchronized (namespace) {
            list(directory(inode), cookie, withAttributes, reply);
          }
          reply.done();
        });
  }

  private static void list(
      MemoryInode directory, long cookie, boolean withAttributes, DirectoryReply reply) {
    if (cookie < 1 && !reply.add(SELF, directory.id.value(), FileType.DIRECTORY, 1, null)) {
      return;
    }
    if (cookie < 2
        && !reply.add(PARENT, directory.parent.id.value(), FileType.DIRECTORY, 2, null)) {
      return;
    }
    for (Map.Entry<Position, MemoryInode> entry :
        directory.entries.tailMap(Position.behind(cookie), false).entrySet()) {
      EntryName name = entry.getKey().name();
      MemoryInode inode = entry.getValue();
      if (name != null
          && !reply.add(
              name.bytes(),
              inode.id.value(),
              inode.type,
              name.hash(),
              withAttributes ? inode.attributes() : null)) {
        return;
      }
    }
  }

  @Override
  public void fsyncDirectory(Request request, long inode, boolean dataOnly, DoneReply reply) {
    reply.done();
  }

  @Override
  public void statistics(Request request, StatisticsReply reply) {
    reply.statistics(
        new Statistics(
            capacityBytes,
            Math.max(0, availableBytes.get()),
            INODES_MAX,
            INODES_MAX - inodes.size(),
            BLOCK_SIZE_BYTES));
  }

  @Override
  public long timeoutNanos(@Nullable FileAttributes attributes) {
    return timeoutNanos;
  }

  private static void answer(Reply reply, Action action) {
    try {
      action.run();
    } catch (FsException refused) {
      reply.error(refused.error());
    }
  }

  private MemoryInode inode(long number) throws FsException {
    MemoryInode inode = inodes.get(number);
    if (inode == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + number);
    }
    return inode;
  }

  private MemoryInode directory(long number) throws FsException {
    MemoryInode directory = inode(number);
    if (!directory.isDirectory()) {
      throw new FsException(FsError.NOT_DIRECTORY, "inode " + number);
    }
    return directory;
  }

  private Handle handle(long number) throws FsException {
    Handle handle = handles.get(number);
    if (handle == null) {
      throw new FsException(FsError.BAD_HANDLE, "handle " + number);
    }
    return handle;
  }

  private static MemoryInode require(MemoryInode directory, EntryName name) throws FsException {
    MemoryInode found = directory.entries.get(Position.of(name));
    if (found == null) {
      throw new FsException(FsError.NOT_FOUND, name.toString());
    }
    return found;
  }

  private static void requireAbsent(MemoryInode directory, EntryName name) throws FsException {
    if (directory.attributes().linkCount() == 0) {
      throw new FsException(FsError.NOT_FOUND, "a new entry in a removed directory");
    }
    if (directory.entries.containsKey(Position.of(name))) {
      throw new FsException(FsError.EXISTS, name.toString());
    }
  }

  private static void requireEmpty(MemoryInode directory, EntryName name) throws FsException {
    if (!directory.entries.isEmpty()) {
      throw new FsException(FsError.NOT_EMPTY, name.toString());
    }
  }

  /** Removes a name for good; the inode goes with its last name and handle. */
  private void remove(MemoryInode directory, EntryName name, MemoryInode removed) {
    long now = WallClock.nanos(clock);
    detach(directory, name, removed, now);
    removed.changeLinkCount(removed.isDirectory() ? -2 : -1, now);
    dropIfUnused(removed);
  }

  private static void attach(
      MemoryInode directory, EntryName name, MemoryInode inode, long nowNanos) {
    directory.entries.put(Position.of(name), inode);
    if (inode.isDirectory()) {
      inode.parent = directory;
      directory.changeLinkCount(1, nowNanos);
    }
    directory.contentChanged(nowNanos);
  }

  private static void detach(
      MemoryInode directory, EntryName name, MemoryInode inode, long nowNanos) {
    directory.entries.remove(Position.of(name));
    if (inode.isDirectory()) {
      directory.changeLinkCount(-1, nowNanos);
    }
    directory.contentChanged(nowNanos);
  }

  private void dropIfUnused(MemoryInode inode) {
    if (inode.isUnused()) {
      inodes.remove(inode.id.value());
    }
  }
}
