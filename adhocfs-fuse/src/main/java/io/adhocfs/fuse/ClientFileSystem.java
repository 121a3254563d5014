package io.adhocfs.fuse;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AttributeChange;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.Job;
import io.adhocfs.client.NewInode;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.Owner;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockMode;
import io.netty.buffer.ByteBuf;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An instance as the kernel sees it: turns each request into calls of the client, and their answer
 * into the reply, on the thread that brings the answer. No thread waits. An interrupted request
 * ends at once.
 *
 * <p>Caching is strict unless the switch {@code cache} says otherwise for a file: the kernel trusts
 * neither names nor attributes. Reads through ordinary handles use the last attributes that the
 * client has got, which the kernel has just asked for; handles that bypass the page cache ask the
 * owner.
 */
public final class ClientFileSystem implements InodeFileSystem {
  private static final Logger log = LoggerFactory.getLogger(ClientFileSystem.class);

  private static final int O_WRONLY = 1;
  private static final int O_ACCMODE = 3;
  private static final int O_EXCL = 0200;
  private static final int O_TRUNC = 01000;
  private static final int O_APPEND = 02000;
  private static final int O_DSYNC = 010000;
  private static final int O_DIRECT = 040000;
  private static final int O_NOATIME = 01000000;
  private static final int RENAME_NOREPLACE = 1;
  private static final int RENAME_EXCHANGE = 2;

  private static final long NO_HANDLE = -1;

  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 0x10;

  private static final int MODE_MASK = 07777;

  /** The unit in which statfs counts. */
  private static final int BLOCK_SIZE_BYTES = 4096;

  private static final byte[] SELF = {'.'};
  private static final byte[] PARENT = {'.', '.'};
  private static final long SELF_COOKIE = 1;
  private static final long PARENT_COOKIE = 2;

  /** Pages of a listing: the first fits a small reply, later ones grow for large replies. */
  private static final int FIRST_PAGE_BYTES = 4 << 10;

  private static final int PAGE_BYTES_MAX = 64 << 10;

  /** At most one warning in this time: otherwise a dead node would fill the log. */
  private static final long WARNING_PERIOD_NANOS = 1_000_000_000L;

  /**
   * A file that the kernel has open.
   *
   * @param direct whether the kernel bypasses its page cache, so that reads ask the owner for the
   *     size
   * @param writesThrough whether each write has to be stored before it returns, whatever the
   *     switches say
   * @param access moves the access time when the file is read; null = reading does not move it
   * @param capability removes the file's capability when the file is written; null = the kernel
   *     does so
   */
  private record Handle(
      OpenFile file,
      boolean appends,
      boolean direct,
      boolean writesThrough,
      CachedVersions.Pages pages,
      @Nullable AccessTime access,
      @Nullable WrittenCapability capability) {
    CompletableFuture<Void> tellAccess() {
      return access == null
          ? CompletableFuture.completedFuture(null)
          : access.tell(file.lastKnownAttributes());
    }
  }

  private final InodeOperations inodes;
  private final Callers callers;
  private final boolean keepsLocks;
  private final SwitchAttributes switches;
  private final LongSupplier nanoTime;
  private final CachedVersions cachedVersions = new CachedVersions();
  private final DirectoriesSeen directoriesSeen = new DirectoriesSeen();
  private final Map<Long, Handle> handles = new ConcurrentHashMap<>();
  private final AtomicLong lastHandle = new AtomicLong();
  private final AtomicLong nextWarningNanos;
  private final AtomicLong warningsDropped = new AtomicLong();

  /** A file system over a client. The caller closes the client after the unmount. */
  public ClientFileSystem(AdhocFileSystem client) {
    this(client, new Callers(client, Job.NONE), true, SwitchAttributes.NONE);
  }

  /**
   * As {@link #ClientFileSystem(AdhocFileSystem)}, with jobs, locks and switches.
   *
   * @param callers finds the originators of requests
   * @param keepsLocks whether locks hold among all mounts; else the kernel keeps the locks of this
   *     mount
   * @param switches the switches that extended attributes name
   */
  public ClientFileSystem(
      AdhocFileSystem client, Callers callers, boolean keepsLocks, SwitchAttributes switches) {
    this(client.inodes(), callers, keepsLocks, switches, System::nanoTime);
  }

  ClientFileSystem(
      InodeOperations inodes,
      Callers callers,
      boolean keepsLocks,
      SwitchAttributes switches,
      LongSupplier nanoTime) {
    this.inodes = inodes;
    this.callers = callers;
    this.keepsLocks = keepsLocks;
    this.switches = switches;
    this.nanoTime = nanoTime;
    this.nextWarningNanos = new AtomicLong(nanoTime.getAsLong());
  }

  /**
   * Starts an operation and answers with its outcome; an interrupt of the program cancels the
   * operation.
   *
   * @param call starts the operation; an exception that it throws is answered too
   */
  private <T> void answer(Request request, Reply reply, Call<T> call, Consumer<? super T> success) {
    answer(request, reply, call, success, failure -> refuse(reply, failure));
  }

  /**
   * As {@link #answer(Request, Reply, Call, Consumer)}, with an answer of its own for failures.
   *
   * @param refusal answers a failure
   */
  private <T> void answer(
      Request request,
      Reply reply,
      Call<T> call,
      Consumer<? super T> success,
      Consumer<FsException> refusal) {
    callers.run(request.caller(), () -> start(request, reply, call, success, refusal));
  }

  /**
   * As {@link #answer(Request, Reply, Call, Consumer)}, for a request that a program makes while it
   * closes a file.
   */
  private <T> void answerClosing(
      Request request, Reply reply, Call<T> call, Consumer<? super T> success) {
    callers.runClosing(
        request.caller(),
        () -> start(request, reply, call, success, failure -> refuse(reply, failure)));
  }

  private <T> void start(
      Request request,
      Reply reply,
      Call<T> call,
      Consumer<? super T> success,
      Consumer<FsException> refusal) {
    CompletableFuture<T> future;
    try {
      future = call.start();
    } catch (FsException e) {
      refusal.accept(e);
      return;
    } catch (RuntimeException e) {
      refuse(reply, defect(e));
      return;
    }
    CompletableFuture<Boolean> _ =
        future.handle((value, failure) -> {
          if (failure != null) {
            refusal.accept(failureOf(failure));
            return false;
          }
          try {
            success.accept(value);
          } catch (RuntimeException e) {
            refuse(reply, defect(e));
          }
          return true;
        });
    if (!future.isDone()) {
      request.onInterrupt(() -> future.cancel(true));
    }
  }

  @FunctionalInterface
  private interface Call<T> {
    CompletableFuture<T> start() throws FsException;
  }

  private static FsException failureOf(Throwable failure) {
    Throwable cause = FsException.unwrapped(failure);
    return switch (cause) {
      case FsException answer -> answer;
      case CancellationException e -> new FsException(FsError.INTERRUPTED, "interrupted", e);
      default -> defect(cause);
    };
  }

  private static FsException defect(Throwable cause) {
    log.error("a defect in the mount", cause);
    return new FsException(FsError.INTERNAL, "a defect in the mount: " + cause, cause);
  }

  private void refuse(Reply reply, FsException failure) {
    switch (failure.error()) {
      case TIMED_OUT, CORRUPT, STORAGE_FAILED, REFUSED, SESSION_EXPIRED, INTERNAL, BAD_MESSAGE ->
          warn(failure);
      default -> {}
    }
    reply.error(failure.error());
  }

  /** An error number says little about why a switch is refused, so the log says why. */
  private void refuseSwitch(Reply reply, FsException failure) {
    switch (failure.error()) {
      case NO_ATTRIBUTE, EXISTS, INTERRUPTED -> {}
      default -> warn(failure);
    }
    reply.error(failure.error());
  }

  private void warn(FsException failure) {
    long now = nanoTime.getAsLong();
    long next = nextWarningNanos.get();
    if (now - next < 0 || !nextWarningNanos.compareAndSet(next, now + WARNING_PERIOD_NANOS)) {
      warningsDropped.incrementAndGet();
      return;
    }
    long dropped = warningsDropped.getAndSet(0);
    log.warn(
        "{}: {}{}",
        failure.error(),
        failure.getMessage(),
        dropped == 0 ? "" : " (and " + dropped + " failures since the last message)");
  }

  private static Owner owner(Request request) {
    return new Owner(request.caller().uid(), request.caller().gid());
  }

  private Handle handle(long number) throws FsException {
    Handle handle = handles.get(number);
    if (handle == null) {
      throw new FsException(FsError.BAD_HANDLE, "there is no handle " + number);
    }
    if (!handle.appends) {
      handle.pages.opened();
    }
    return handle;
  }

  private Handle newHandle(OpenFile file, int flags) {
    boolean appends = (flags & O_APPEND) != 0;
    boolean direct = appends || (flags & O_DIRECT) != 0;
    return new Handle(
        file,
        appends,
        direct,
        direct || (flags & O_DSYNC) != 0,
        cachedVersions.of(file.inode().value(), file.ownVersions()),
        inodes.keepsAccessTimes(file.lastKnownAttributes()) && (flags & O_NOATIME) == 0
            ? new AccessTime(inodes, InstantSource.system())
            : null,
        direct ? new WrittenCapability(inodes) : null);
  }

  private long keep(Handle handle) {
    long number = lastHandle.incrementAndGet();
    handles.put(number, handle);
    return number;
  }

  @Override
  public long pagesStamp(FileAttributes attributes) {
    return cachedVersions.stamp(attributes, inodes.ownVersions(attributes.id()));
  }

  @Override
  public void mounted(PageCache pageCache) {
    inodes.keptBy(inode ->
        inodes
            .getAttributes(inode)
            .thenCompose(pageCache::dropOlder)
            .exceptionally(failure -> {
              // A removed file has no pages that matter, and an owner that cannot be asked now is
              // asked at each use.
              log.debug("pages of inode {} stay", inode, failure);
              return null;
            }));
  }

  /** How the client keeps the file: the kernel reads through handles that may read. */
  private static InodeOperations.Keeping keeping(int flags) {
    return (flags & O_ACCMODE) == O_WRONLY
        ? InodeOperations.Keeping.NOTHING
        : InodeOperations.Keeping.READ_DATA;
  }

  @Override
  public CompletableFuture<ByteBuf> lastByte(FileAttributes attributes) {
    return inodes.readOpen(attributes, attributes.sizeBytes() - 1, 1);
  }

  private static OpenMode mode(Handle handle, int flags) {
    AccessTime access = handle.access;
    boolean seesRead =
        access != null
            && (flags & O_ACCMODE) != O_WRONLY
            && access.isDue(handle.file.lastKnownAttributes());
    // Only the owner knows where an append goes, so the kernel must not cache by offset.
    return handle.appends
        ? new OpenMode(true, false)
        : new OpenMode(false, handle.pages.areAlone() && !seesRead);
  }

  @Override
  public void lookup(Request request, long directory, EntryName name, AttributesReply reply) {
    answer(
        request,
        reply,
        () -> inodes.lookup(new InodeId(directory), name),
        found -> {
          directoriesSeen.told(found);
          reply.attributes(found);
        });
  }

  @Override
  public void getAttributes(Request request, long inode, long handle, AttributesReply reply) {
    answer(
        request,
        reply,
        () -> {
          // Programs read from the page cache only while the handle is still valid.
          Handle open = handles.get(handle);
          return open == null
              ? inodes.getAttributes(new InodeId(inode))
              : open.file.attributesAsync();
        },
        now -> {
          directoriesSeen.told(now);
          if (handle == NO_HANDLE && now.mayHaveHoles()) {
            answer(
                request,
                reply,
                () -> inodes.allocatedBytes(now),
                bytes -> reply.attributes(now, bytes));
          } else {
            // With a handle the kernel asks for its own use, before reads and appends: it needs no
            // block count.
            reply.attributes(now);
          }
        },
        failure -> {
          FileAttributes removed = removedDirectory(inode, failure);
          if (removed == null) {
            refuse(reply, failure);
          } else {
            reply.attributes(removed);
          }
        });
  }

  /**
   * The attributes of a directory that has been removed and may still be open; null for anything
   * else.
   */
  private @Nullable FileAttributes removedDirectory(long inode, FsException failure) {
    return failure.error() == FsError.NOT_FOUND
        ? directoriesSeen.removed(new InodeId(inode))
        : null;
  }

  @Override
  public void setAttributes(
      Request request, long inode, long handle, AttributeChange change, AttributesReply reply) {
    var id = new InodeId(inode);
    io.adhocfs.client.AttributeChange others = others(change);
    answer(
        request,
        reply,
        () -> {
          if (change.sizeBytes() == AttributeChange.UNCHANGED) {
            return inodes.setAttributes(
                id, request.clearsSetId() ? others.withSetIdCleared() : others);
          }
          Handle open = handles.get(handle);
          CompletableFuture<FileAttributes> cut =
              open == null
                  ? inodes.truncate(id, change.sizeBytes())
                  : open.file.truncateAsync(change.sizeBytes());
          return others.isEmpty()
              ? cut.thenCompose(now -> cleared(request, now))
              : cut.thenCompose(_ ->
                  inodes.setAttributes(
                      id, request.clearsSetId() ? others.withSetIdCleared() : others));
        },
        reply::attributes);
  }

  /** Clears set-id bits if the request wants that and the file has any. */
  private CompletableFuture<FileAttributes> cleared(Request request, FileAttributes attributes) {
    return request.clearsSetId() && attributes.modeWithoutSetId() != attributes.mode()
        ? inodes.setAttributes(
            attributes.id(), io.adhocfs.client.AttributeChange.NONE.withSetIdCleared())
        : CompletableFuture.completedFuture(attributes);
  }

  private static io.adhocfs.client.AttributeChange others(AttributeChange change) {
    io.adhocfs.client.AttributeChange others = io.adhocfs.client.AttributeChange.NONE;
    if (change.mode() != AttributeChange.UNCHANGED) {
      others = others.withMode(change.mode() & MODE_MASK);
    }
    if (change.uid() != AttributeChange.UNCHANGED) {
      others = others.withUid((int) change.uid());
    }
    if (change.gid() != AttributeChange.UNCHANGED) {
      others = others.withGid((int) change.gid());
    }
    if (change.atimeNanos() != null) {
      others = others.withAtimeNanos(change.atimeNanos());
    }
    if (change.mtimeNanos() != null) {
      others = others.withMtimeNanos(change.mtimeNanos());
    }
    if (change.ctimeNanos() != null) {
      others = others.withCtimeNanos(change.ctimeNanos());
    }
    return others;
  }

  @Override
  public void readLink(Request request, long inode, LinkReply reply) {
    answer(request, reply, () -> inodes.readSymlink(new InodeId(inode)), reply::target);
  }

  @Override
  public void makeNode(
      Request request,
      long directory,
      EntryName name,
      FileType type,
      int mode,
      long deviceNumber,
      AttributesReply reply) {
    answer(
        request,
        reply,
        () -> {
          if (type == FileType.DIRECTORY || type == FileType.SYMLINK) {
            throw new FsException(FsError.INVALID, "mknod of a " + type);
          }
          return inodes.create(
              new InodeId(directory),
              name,
              NewInode.node(type, mode & MODE_MASK, owner(request), deviceNumber));
        },
        reply::attributes);
  }

  @Override
  public void makeDirectory(
      Request request, long directory, EntryName name, int mode, AttributesReply reply) {
    answer(
        request,
        reply,
        () -> inodes.makeDirectory(new InodeId(directory), name, mode & MODE_MASK, owner(request)),
        made -> {
          directoriesSeen.told(made);
          reply.attributes(made);
        });
  }

  @Override
  public void symlink(
      Request request, long directory, EntryName name, byte[] target, AttributesReply reply) {
    answer(
        request,
        reply,
        () -> {
          if (target.length == 0) {
            throw new FsException(FsError.NOT_FOUND, "a symbolic link with an empty target");
          }
          return inodes.create(
              new InodeId(directory), name, NewInode.symlink(target, owner(request)));
        },
        reply::attributes);
  }

  @Override
  public void unlink(Request request, long directory, EntryName name, DoneReply reply) {
    answer(request, reply, () -> inodes.unlink(new InodeId(directory), name), _ -> reply.done());
  }

  @Override
  public void removeDirectory(Request request, long directory, EntryName name, DoneReply reply) {
    answer(
        request,
        reply,
        () -> inodes.removeDirectory(new InodeId(directory), name),
        _ -> reply.done());
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
        request,
        reply,
        () ->
            inodes.rename(
                new InodeId(directory),
                name,
                new InodeId(newDirectory),
                newName,
                renameMode(flags)),
        _ -> reply.done());
  }

  private static RenameMode renameMode(int flags) throws FsException {
    return switch (flags) {
      case 0 -> RenameMode.REPLACE;
      case RENAME_NOREPLACE -> RenameMode.NO_REPLACE;
      case RENAME_EXCHANGE -> RenameMode.EXCHANGE;
      default -> throw new FsException(FsError.INVALID, "rename with flags " + flags);
    };
  }

  @Override
  public void link(
      Request request, long inode, long newDirectory, EntryName newName, AttributesReply reply) {
    answer(
        request,
        reply,
        () -> inodes.link(new InodeId(inode), new InodeId(newDirectory), newName),
        reply::attributes);
  }

  @Override
  public void open(Request request, long inode, int flags, OpenReply reply) {
    // The kernel checks what a descriptor may do, and itself reads through write-only descriptors.
    answer(
        request,
        reply,
        () ->
            (flags & O_TRUNC) != 0
                ? inodes
                    .openTruncated(new InodeId(inode), keeping(flags))
                    .thenCompose(
                        file -> cleared(request, file.lastKnownAttributes()).thenApply(_ -> file))
                : inodes.open(new InodeId(inode), keeping(flags)),
        file -> {
          Handle handle = newHandle(file, flags);
          reply.opened(keep(handle), mode(handle, flags), file.lastKnownAttributes());
        });
  }

  @Override
  public void create(
      Request request, long directory, EntryName name, int mode, int flags, CreateReply reply) {
    answer(
        request,
        reply,
        () ->
            inodes
                .createAndOpen(
                    new InodeId(directory),
                    name,
                    NewInode.regularFile(mode & MODE_MASK, owner(request)),
                    (flags & O_EXCL) != 0,
                    (flags & O_TRUNC) != 0,
                    keeping(flags))
                // A file that this call has made keeps the bits that the program asked for.
                .thenCompose(created ->
                    created.existed()
                        ? cleared(request, created.file().lastKnownAttributes())
                            .thenApply(_ -> created)
                        : CompletableFuture.completedFuture(created)),
        created -> {
          OpenFile file = created.file();
          Handle handle = newHandle(file, flags);
          reply.created(file.lastKnownAttributes(), keep(handle), mode(handle, flags));
        });
  }

  @Override
  public void read(
      Request request, long inode, long handle, long offset, int lengthBytes, DataReply reply) {
    answer(
        request,
        reply,
        () -> {
          Handle open = handle(handle);
          if (open.access != null) {
            open.access.read(open.file.lastKnownAttributes());
          }
          FileAttributes known = open.direct ? null : open.file.lastKnownAttributes();
          return open.file.readBuffer(offset, lengthBytes, known);
        },
        reply::data);
  }

  @Override
  public void write(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    Handle open = handles.get(handle);
    write(request, open, open != null && open.appends, offset, data, reply);
  }

  @Override
  public void writeAt(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    write(request, handles.get(handle), false, offset, data, reply);
  }

  private void write(
      Request request,
      @Nullable Handle open,
      boolean appends,
      long offset,
      ByteBuf data,
      WriteReply reply) {
    if (open == null) {
      data.release();
      reply.error(FsError.BAD_HANDLE);
      return;
    }
    FileAttributes known = open.file.lastKnownAttributes();
    boolean setIdGoes = request.clearsSetId() && known.modeWithoutSetId() != known.mode();
    WrittenCapability capability = open.capability;
    if (capability != null && !capability.mayBeThere(known)) {
      capability = null;
    }
    if (!setIdGoes && capability == null) {
      transfer(request, open, appends, offset, data, reply);
      return;
    }
    CompletableFuture<?> capabilityGone =
        capability == null ? CompletableFuture.completedFuture(null) : capability.clear(known);
    CompletableFuture<Boolean> _ =
        capabilityGone
            .thenCompose(_ -> cleared(request, known))
            .handle((_, failure) -> {
              if (failure == null) {
                transfer(request, open, appends, offset, data, reply);
              } else {
                data.release();
                refuse(reply, failureOf(failure));
              }
              return true;
            });
  }

  private void transfer(
      Request request, Handle open, boolean appends, long offset, ByteBuf data, WriteReply reply) {
    int length = data.readableBytes();
    Runnable success =
        () -> {
          writtenPast(open);
          reply.written(length);
        };
    Consumer<FsException> refusal =
        failure -> {
          writtenPast(open);
          refuse(reply, failure);
        };
    if (appends) {
      answer(request, reply, () -> open.file.appendBuffer(data), _ -> success.run(), refusal);
    } else {
      answer(
          request,
          reply,
          () ->
              open.writesThrough
                  ? open.file.writeBufferThrough(offset, data)
                  : open.file.writeBuffer(offset, data),
          _ -> success.run(),
          refusal);
    }
  }

  /**
   * After a write past the page cache, pages that others have read meanwhile may be older than the
   * write.
   */
  private void writtenPast(Handle open) {
    if (open.direct) {
      open.file.disown();
      cachedVersions.writtenPast(open.file.inode().value());
    }
  }

  @Override
  public void allocate(
      Request request,
      long inode,
      long handle,
      int mode,
      long offset,
      long lengthBytes,
      DoneReply reply) {
    answer(
        request,
        reply,
        () -> {
          OpenFile file = handle(handle).file;
          return switch (mode) {
            case 0 -> file.allocateAsync(offset, lengthBytes, false);
            case FALLOC_FL_KEEP_SIZE -> file.allocateAsync(offset, lengthBytes, true);
            case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE ->
                file.punchAsync(offset, lengthBytes);
            case FALLOC_FL_ZERO_RANGE -> file.zeroAsync(offset, lengthBytes);
            default -> throw new FsException(FsError.NOT_SUPPORTED, "fallocate of mode " + mode);
          };
        },
        _ -> reply.done());
  }

  @Override
  public void seek(
      Request request, long inode, long handle, long offset, boolean hole, SeekReply reply) {
    answer(
        request,
        reply,
        () -> handle(handle).file.seekAsync(offset, hole),
        found -> {
          if (found < 0) {
            reply.nothing();
          } else {
            reply.found(found);
          }
        });
  }

  @Override
  public void copyRange(
      Request request,
      long inode,
      long handle,
      long offset,
      long targetInode,
      long targetHandle,
      long targetOffset,
      long lengthBytes,
      WriteReply reply) {
    answer(
        request,
        reply,
        () ->
            handle(handle)
                .file
                .copyAsync(offset, handle(targetHandle).file, targetOffset, lengthBytes),
        copied -> reply.written(Math.toIntExact(copied)));
  }

  @Override
  public void flush(Request request, long inode, long handle, DoneReply reply) {
    answerClosing(
        request,
        reply,
        () -> {
          Handle open = handle(handle);
          return open.access == null
              ? open.file.flushAsync()
              : open.tellAccess().thenCompose(_ -> open.file.flushAsync());
        },
        _ -> reply.done());
  }

  @Override
  public void flush(Request request, long inode, long handle, long lockOwner, DoneReply reply) {
    answerClosing(
        request,
        reply,
        () -> {
          Handle open = handle(handle);
          return open.access == null
              ? open.file.releaseLocksAsync(lockOwner)
              : open.tellAccess().thenCompose(_ -> open.file.releaseLocksAsync(lockOwner));
        },
        _ -> reply.done());
  }

  @Override
  public boolean keepsLocks() {
    return keepsLocks;
  }

  @Override
  public void testLock(
      Request request, long inode, long handle, long owner, FileLock lock, LockReply reply) {
    answer(request, reply, () -> handle(handle).file.testLockAsync(owner, lock), reply::lock);
  }

  @Override
  public void setLock(
      Request request,
      long inode,
      long handle,
      long owner,
      FileLock lock,
      boolean waits,
      DoneReply reply) {
    answer(
        request,
        reply,
        () -> {
          OpenFile file = handle(handle).file;
          return waits && lock.mode() != LockMode.NONE
              ? file.awaitLockAsync(owner, lock)
              : file.setLockAsync(owner, lock);
        },
        _ -> reply.done());
  }

  @Override
  public void fsync(Request request, long inode, long handle, boolean dataOnly, DoneReply reply) {
    answer(request, reply, () -> handle(handle).file.syncAsync(), _ -> reply.done());
  }

  @Override
  public void release(Request request, long inode, long handle, DoneReply reply) {
    // Cannot be interrupted: the kernel has forgotten the handle, so it must go here too.
    Handle open = handles.remove(handle);
    if (open == null) {
      reply.error(FsError.BAD_HANDLE);
      return;
    }
    cachedVersions.closing(inode, open.file.ownVersions());
    CompletableFuture<Boolean> _ =
        open.file
            .closeAsync()
            .handle((_, failure) -> {
              if (failure == null) {
                reply.done();
              } else {
                refuse(reply, failureOf(failure));
              }
              return true;
            });
  }

  @Override
  public void readDirectory(
      Request request, long inode, long cookie, boolean withAttributes, DirectoryReply reply) {
    new Listing(request, new InodeId(inode), withAttributes, reply).start(cookie);
  }

  /**
   * One reply to readdir: pages are fetched until the reply is full. Of several names with the same
   * hash, all but the last carry the cookie before them, so that no name is left out if the reply
   * ends among these names; a name may then be listed twice.
   */
  private final class Listing {
    private final Request request;
    private final InodeId directory;
    private final boolean withAttributes;
    private final DirectoryReply reply;
    private int pageBytes = FIRST_PAGE_BYTES;

    Listing(Request request, InodeId directory, boolean withAttributes, DirectoryReply reply) {
      this.request = request;
      this.directory = directory;
      this.withAttributes = withAttributes;
      this.reply = reply;
    }

    void start(long cookie) {
      if (cookie >= PARENT_COOKIE) {
        // The cookie of ".." is below the hash of every name.
        entriesAfter(cookie);
        return;
      }
      answer(
          request,
          reply,
          () -> inodes.getAttributes(directory),
          attributes -> {
            if (!attributes.isDirectory()) {
              reply.error(FsError.NOT_DIRECTORY);
            } else if ((cookie >= SELF_COOKIE
                    || reply.add(SELF, directory.value(), FileType.DIRECTORY, SELF_COOKIE, null))
                && reply.add(
                    PARENT, attributes.parent().value(), FileType.DIRECTORY, PARENT_COOKIE, null)) {
              entriesAfter(PARENT_COOKIE);
            } else {
              reply.done();
            }
          },
          this::refuseUnlessRemoved);
    }

    /** A removed directory is empty for programs that have it open. */
    private void refuseUnlessRemoved(FsException failure) {
      if (removedDirectory(directory.value(), failure) == null) {
        refuse(reply, failure);
      } else {
        reply.done();
      }
    }

    private void entriesAfter(long cookie) {
      answer(
          request,
          reply,
          () -> inodes.readDirectory(directory, cookie, pageBytes, withAttributes),
          page -> {
            if (!offer(page, cookie) || page.last()) {
              reply.done();
            } else {
              pageBytes = Math.min(PAGE_BYTES_MAX, 4 * pageBytes);
              entriesAfter(page.nextCookie());
            }
          },
          this::refuseUnlessRemoved);
    }

    private boolean offer(DirectoryPage page, long afterCookie) {
      List<DirectoryItem> items = page.items();
      long before = afterCookie;
      for (int i = 0; i < items.size(); i++) {
        DirectoryItem item = items.get(i);
        boolean lastOfHash = i + 1 == items.size() || items.get(i + 1).cookie() != item.cookie();
        @Nullable FileAttributes attributes = withAttributes ? item.attributes() : null;
        if (!reply.add(
            item.name().bytes(),
            item.inode().value(),
            item.type(),
            lastOfHash ? item.cookie() : before,
            attributes)) {
          return false;
        }
        if (lastOfHash) {
          before = item.cookie();
        }
      }
      return true;
    }
  }

  @Override
  public void fsyncDirectory(Request request, long inode, boolean dataOnly, DoneReply reply) {
    answer(request, reply, () -> inodes.sync(new InodeId(inode)), _ -> reply.done());
  }

  @Override
  public void statistics(Request request, StatisticsReply reply) {
    answer(
        request,
        reply,
        inodes::statistics,
        now ->
            reply.statistics(
                new Statistics(
                    now.totalBytes(),
                    now.availableBytes(),
                    now.inodesTotal(),
                    now.inodesFree(),
                    BLOCK_SIZE_BYTES)));
  }

  @Override
  public boolean obeysClearsSetId() {
    return true;
  }

  @Override
  public boolean keepsExtendedAttributes() {
    return true;
  }

  @Override
  public void setExtendedAttribute(
      Request request, long inode, byte[] name, byte[] value, int flags, DoneReply reply) {
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answer(
          request,
          reply,
          () ->
              switches.set(
                  request.caller().uid(),
                  new InodeId(inode),
                  switchKey,
                  value,
                  ExtendedAttributeNames.mode(flags)),
          _ -> reply.done(),
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answer(
        request,
        reply,
        () ->
            inodes.setExtendedAttribute(
                new InodeId(inode), name, value, ExtendedAttributeNames.mode(flags)),
        _ -> reply.done());
  }

  @Override
  public void getExtendedAttribute(Request request, long inode, byte[] name, BytesReply reply) {
    var id = new InodeId(inode);
    FsError known = ExtendedAttributeNames.knownAnswer(name, inodes.lastKnown(id));
    if (known != null) {
      reply.error(known);
      return;
    }
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answer(
          request,
          reply,
          () -> switches.get(id, switchKey),
          reply::bytes,
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answer(request, reply, () -> inodes.getExtendedAttribute(id, name), reply::bytes);
  }

  @Override
  public void listExtendedAttributes(Request request, long inode, BytesReply reply) {
    boolean trusted = request.caller().uid() == 0;
    answer(
        request,
        reply,
        () -> inodes.listExtendedAttributes(new InodeId(inode)),
        names -> reply.bytes(ExtendedAttributeNames.listing(names, trusted)));
  }

  @Override
  public void removeExtendedAttribute(Request request, long inode, byte[] name, DoneReply reply) {
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answer(
          request,
          reply,
          () -> switches.remove(request.caller().uid(), new InodeId(inode), switchKey),
          _ -> reply.done(),
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answer(
        request,
        reply,
        () -> inodes.removeExtendedAttribute(new InodeId(inode), name),
        _ -> reply.done());
  }

  @Override
  public long timeoutNanos(@Nullable FileAttributes attributes) {
    return inodes.cacheNanos(attributes);
  }
}
