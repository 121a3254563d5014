package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.fuse.InodeFileSystem.AttributesReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.OptionalLong;
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
      AttributeChange change,
      OptionalLong sizeBytes,
      AttributesReply reply) {
    answers.answer(
        request,
        reply,
        () -> {
          if (sizeBytes.isEmpty()) {
            return setOthers(request, inode, change);
          }
          FileHandle open = handles.find(handle);
          CompletableFuture<FileAttributes> cut =
              open == null
                  ? inodes.truncate(inode, sizeBytes.getAsLong())
                  : open.file().truncateAsync(sizeBytes.getAsLong());
          return change.isEmpty()
              ? cut.thenCompose(now -> setIdBits.cleared(request, now))
              : cut.thenCompose(_ -> setOthers(request, inode, change));
        },
        reply::attributes);
  }

  /** Changes what is no size. */
  private CompletableFuture<FileAttributes> setOthers(
      Request request, InodeId inode, AttributeChange others) {
    return inodes.setAttributes(inode, request.clearsSetId() ? others.withSetIdCleared() : others);
  }
}
