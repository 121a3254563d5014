package io.adhocfs.fuse;

import io.adhocfs.client.OpenFile;
import io.adhocfs.fuse.InodeFileSystem.DataReply;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.fuse.InodeFileSystem.SeekReply;
import io.adhocfs.fuse.InodeFileSystem.WriteReply;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Moves the bytes of open files: read, write, allocate, seek and copy. Reads through ordinary
 * handles use the last attributes that the client has got, which the kernel has just asked for;
 * handles that bypass the page cache ask the owner. Thread-safe.
 */
final class FileContents {
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 0x10;

  private final Answers answers;
  private final FileHandles handles;
  private final CachedVersions cachedVersions;
  private final SetIdBits setIdBits;

  FileContents(
      Answers answers, FileHandles handles, CachedVersions cachedVersions, SetIdBits setIdBits) {
    this.answers = answers;
    this.handles = handles;
    this.cachedVersions = cachedVersions;
    this.setIdBits = setIdBits;
  }

  void read(Request request, long handle, long offset, int lengthBytes, DataReply reply) {
    answers.answer(
        request,
        reply,
        () -> {
          FileHandle open = handles.used(handle);
          AccessTime access = open.access();
          if (access != null) {
            access.read(open.file().lastKnownAttributes());
          }
          FileAttributes known = open.direct() ? null : open.file().lastKnownAttributes();
          return open.file().readBuffer(offset, lengthBytes, known);
        },
        reply::data);
  }

  /** Writes at the offset, or to the end of the file through an appending handle. */
  void write(Request request, long handle, long offset, ByteBuf data, WriteReply reply) {
    FileHandle open = handles.find(handle);
    write(request, open, open != null && open.appends(), offset, data, reply);
  }

  /** Writes at the offset, through appending handles too. */
  void writeAt(Request request, long handle, long offset, ByteBuf data, WriteReply reply) {
    write(request, handles.find(handle), false, offset, data, reply);
  }

  private void write(
      Request request,
      @Nullable FileHandle open,
      boolean appends,
      long offset,
      ByteBuf data,
      WriteReply reply) {
    if (open == null) {
      data.release();
      reply.error(FsError.BAD_HANDLE);
      return;
    }
    FileAttributes known = open.file().lastKnownAttributes();
    WrittenCapability capability = open.capability();
    if (capability != null && !capability.mayBeThere(known)) {
      capability = null;
    }
    if (!SetIdBits.go(request, known) && capability == null) {
      transfer(request, open, appends, offset, data, reply);
      return;
    }
    CompletableFuture<?> capabilityGone =
        capability == null ? CompletableFuture.completedFuture(null) : capability.clear(known);
    CompletableFuture<Boolean> _ =
        capabilityGone
            .thenCompose(_ -> setIdBits.cleared(request, known))
            .handle((_, failure) -> {
              if (failure == null) {
                transfer(request, open, appends, offset, data, reply);
              } else {
                data.release();
                answers.refuse(reply, Answers.failureOf(failure));
              }
              return true;
            });
  }

  private void transfer(
      Request request,
      FileHandle open,
      boolean appends,
      long offset,
      ByteBuf data,
      WriteReply reply) {
    int length = data.readableBytes();
    Runnable success =
        () -> {
          writtenPast(open);
          reply.written(length);
        };
    Consumer<FsException> refusal =
        failure -> {
          writtenPast(open);
          answers.refuse(reply, failure);
        };
    if (appends) {
      answers.answer(
          request, reply, () -> open.file().appendBuffer(data), _ -> success.run(), refusal);
    } else {
      answers.answer(
          request,
          reply,
          () ->
              open.writesThrough()
                  ? open.file().writeBufferThrough(offset, data)
                  : open.file().writeBuffer(offset, data),
          _ -> success.run(),
          refusal);
    }
  }

  /**
   * After a write past the page cache, pages that others have read meanwhile may be older than the
   * write.
   */
  private void writtenPast(FileHandle open) {
    if (open.direct()) {
      open.file().disown();
      cachedVersions.writtenPast(open.file().inode().value());
    }
  }

  void allocate(
      Request request, long handle, int mode, long offset, long lengthBytes, DoneReply reply) {
    answers.answer(
        request,
        reply,
        () -> {
          OpenFile file = handles.used(handle).file();
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

  void seek(Request request, long handle, long offset, boolean hole, SeekReply reply) {
    answers.answer(
        request,
        reply,
        () -> handles.used(handle).file().seekAsync(offset, hole),
        found -> {
          if (found < 0) {
            reply.nothing();
          } else {
            reply.found(found);
          }
        });
  }

  void copyRange(
      Request request,
      long handle,
      long offset,
      long targetHandle,
      long targetOffset,
      long lengthBytes,
      WriteReply reply) {
    answers.answer(
        request,
        reply,
        () ->
            handles
                .used(handle)
                .file()
                .copyAsync(offset, handles.used(targetHandle).file(), targetOffset, lengthBytes),
        copied -> reply.written(Math.toIntExact(copied)));
  }
}
