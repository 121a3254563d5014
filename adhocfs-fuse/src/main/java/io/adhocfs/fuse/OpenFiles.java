package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.fuse.InodeFileSystem.CreateReply;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.fuse.InodeFileSystem.OpenReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;

/**
 * Opens files for the kernel, and closes them: what the open flags ask for, whether the kernel may
 * use its page cache, and what has to reach the owner at close and fsync. Thread-safe.
 */
final class OpenFiles {
  private static final int O_WRONLY = 1;
  private static final int O_ACCMODE = 3;
  private static final int O_EXCL = 0200;
  private static final int O_TRUNC = 01000;
  private static final int O_APPEND = 02000;
  private static final int O_DSYNC = 010000;
  private static final int O_DIRECT = 040000;
  private static final int O_NOATIME = 01000000;

  private final InodeOperations inodes;
  private final Answers answers;
  private final FileHandles handles;
  private final CachedVersions cachedVersions;
  private final SetIdBits setIdBits;

  OpenFiles(
      InodeOperations inodes,
      Answers answers,
      FileHandles handles,
      CachedVersions cachedVersions,
      SetIdBits setIdBits) {
    this.inodes = inodes;
    this.answers = answers;
    this.handles = handles;
    this.cachedVersions = cachedVersions;
    this.setIdBits = setIdBits;
  }

  void open(Request request, InodeId inode, int flags, OpenReply reply) {
    // The kernel checks what a descriptor may do, and itself reads through write-only descriptors.
    answers.answer(
        request,
        reply,
        () ->
            (flags & O_TRUNC) != 0
                ? inodes
                    .openTruncated(inode, keeping(flags))
                    .thenCompose(file ->
                        setIdBits.cleared(request, file.lastKnownAttributes()).thenApply(_ -> file))
                : inodes.open(inode, keeping(flags)),
        file -> {
          FileHandle handle = newHandle(file, flags);
          reply.opened(handles.keep(handle), mode(handle, flags), file.lastKnownAttributes());
        });
  }

  void create(
      Request request,
      InodeId directory,
      EntryName name,
      NewInode newInode,
      int flags,
      CreateReply reply) {
    answers.answer(
        request,
        reply,
        () ->
            inodes
                .createAndOpen(
                    directory,
                    name,
                    newInode,
                    (flags & O_EXCL) != 0,
                    (flags & O_TRUNC) != 0,
                    keeping(flags))
                // A file that this call has made keeps the bits that the program asked for.
                .thenCompose(created ->
                    created.existed()
                        ? setIdBits
                            .cleared(request, created.file().lastKnownAttributes())
                            .thenApply(_ -> created)
                        : CompletableFuture.completedFuture(created)),
        created -> {
          OpenFile file = created.file();
          FileHandle handle = newHandle(file, flags);
          reply.created(file.lastKnownAttributes(), handles.keep(handle), mode(handle, flags));
        });
  }

  /** How the client keeps the file: the kernel reads through handles that may read. */
  private static InodeOperations.Keeping keeping(int flags) {
    return (flags & O_ACCMODE) == O_WRONLY
        ? InodeOperations.Keeping.NOTHING
        : InodeOperations.Keeping.READ_DATA;
  }

  private FileHandle newHandle(OpenFile file, int flags) {
    boolean appends = (flags & O_APPEND) != 0;
    boolean direct = appends || (flags & O_DIRECT) != 0;
    return new FileHandle(
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

  private static OpenMode mode(FileHandle handle, int flags) {
    AccessTime access = handle.access();
    boolean seesRead =
        access != null
            && (flags & O_ACCMODE) != O_WRONLY
            && access.isDue(handle.file().lastKnownAttributes());
    // Only the owner knows where an append goes, so the kernel must not cache by offset.
    return handle.appends()
        ? new OpenMode(true, false)
        : new OpenMode(false, handle.pages().areAlone() && !seesRead);
  }

  void flush(Request request, long handle, DoneReply reply) {
    answers.answerClosing(
        request,
        reply,
        () -> {
          FileHandle open = handles.used(handle);
          return open.access() == null
              ? open.file().flushAsync()
              : open.tellAccess().thenCompose(_ -> open.file().flushAsync());
        },
        _ -> reply.done());
  }

  /**
   * As {@link #flush(Request, long, DoneReply)}, and releases what the lock owner has locked in the
   * file.
   */
  void flush(Request request, long handle, long lockOwner, DoneReply reply) {
    answers.answerClosing(
        request,
        reply,
        () -> {
          FileHandle open = handles.used(handle);
          return open.access() == null
              ? open.file().releaseLocksAsync(lockOwner)
              : open.tellAccess().thenCompose(_ -> open.file().releaseLocksAsync(lockOwner));
        },
        _ -> reply.done());
  }

  void fsync(Request request, long handle, DoneReply reply) {
    answers.answer(
        request, reply, () -> handles.used(handle).file().syncAsync(), _ -> reply.done());
  }

  void release(long inode, long handle, DoneReply reply) {
    // Cannot be interrupted: the kernel has forgotten the handle, so it must go here too.
    FileHandle open = handles.remove(handle);
    if (open == null) {
      reply.error(FsError.BAD_HANDLE);
      return;
    }
    cachedVersions.closing(inode, open.file().ownVersions());
    CompletableFuture<Boolean> _ =
        open.file()
            .closeAsync()
            .handle((_, failure) -> {
              if (failure == null) {
                reply.done();
              } else {
                answers.refuse(reply, Answers.failureOf(failure));
              }
              return true;
            });
  }
}
