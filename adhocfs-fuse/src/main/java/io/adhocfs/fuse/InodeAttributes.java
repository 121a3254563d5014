package io.adhocfs.fuse;

import io.adhocfs.client.AttributeChange;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.fuse.InodeFileSystem.AttributesReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;

/** Tells and changes the attributes of inodes, size included. Thread-safe. */
final class InodeAttributes {
  private final InodeOperations inodes;
  private final Answers answers;
  private final FileHandles handles;
  private final DirectoriesSeen directoriesSeen;
  private final SetIdBits setIdBits;

  InodeAttributes(
      InodeOperations inodes,
      Answers answers,
      FileHandles handles,
      DirectoriesSeen directoriesSeen,
      SetIdBits setIdBits) {
    this.inodes = inodes;
    this.answers = answers;
    this.handles = handles;
    this.directoriesSeen = directoriesSeen;
    this.setIdBits = setIdBits;
  }

  void get(Request request, InodeId inode, long handle, AttributesReply reply) {
    answers.answer(
        request,
        reply,
        () -> {
          // Programs read from the page cache only while the handle is still valid.
          FileHandle open = handles.find(handle);
          return open == null ? inodes.getAttributes(inode) : open.file().attributesAsync();
        },
        now -> {
          directoriesSeen.told(now);
          if (handle == FileHandles.NONE && now.mayHaveHoles()) {
            answers.answer(
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
          FileAttributes removed = directoriesSeen.removed(inode, failure);
          if (removed == null) {
            answers.refuse(reply, failure);
          } else {
            reply.attributes(removed);
          }
        });
  }

  void set(
      Request request,
      InodeId inode,
      long handle,
      InodeFileSystem.AttributeChange change,
      AttributesReply reply) {
    AttributeChange others = others(change);
    answers.answer(
        request,
        reply,
        () -> {
          if (change.sizeBytes() == InodeFileSystem.AttributeChange.UNCHANGED) {
            return setOthers(request, inode, others);
          }
          FileHandle open = handles.find(handle);
          CompletableFuture<FileAttributes> cut =
              open == null
                  ? inodes.truncate(inode, change.sizeBytes())
                  : open.file().truncateAsync(change.sizeBytes());
          return others.isEmpty()
              ? cut.thenCompose(now -> setIdBits.cleared(request, now))
              : cut.thenCompose(_ -> setOthers(request, inode, others));
        },
        reply::attributes);
  }

  private CompletableFuture<FileAttributes> setOthers(
      Request request, InodeId inode, AttributeChange others) {
    return inodes.setAttributes(inode, request.clearsSetId() ? others.withSetIdCleared() : others);
  }

  /** What a change asks for besides the size. */
  private static AttributeChange others(InodeFileSystem.AttributeChange change) {
    AttributeChange others = AttributeChange.NONE;
    if (change.mode() != InodeFileSystem.AttributeChange.UNCHANGED) {
      others = others.withMode(change.mode() & FileAttributes.MODE_MASK);
    }
    if (change.uid() != InodeFileSystem.AttributeChange.UNCHANGED) {
      others = others.withUid((int) change.uid());
    }
    if (change.gid() != InodeFileSystem.AttributeChange.UNCHANGED) {
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
}
