package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.RenameMode;
import io.adhocfs.fuse.InodeFileSystem.AttributesReply;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;

/**
 * Finds, makes, renames and removes the entries of directories, except files that are opened as
 * they are made: see {@link OpenFiles}. Thread-safe.
 */
final class DirectoryEntries {
  private static final int RENAME_NOREPLACE = 1;
  private static final int RENAME_EXCHANGE = 2;

  private final InodeOperations inodes;
  private final Answers answers;
  private final DirectoriesSeen directoriesSeen;

  DirectoryEntries(InodeOperations inodes, Answers answers, DirectoriesSeen directoriesSeen) {
    this.inodes = inodes;
    this.answers = answers;
    this.directoriesSeen = directoriesSeen;
  }

  void lookup(Request request, InodeId directory, EntryName name, AttributesReply reply) {
    answers.answer(
        request,
        reply,
        () -> inodes.lookup(directory, name),
        found -> {
          directoriesSeen.told(found);
          reply.attributes(found);
        });
  }

  void make(
      Request request,
      InodeId directory,
      EntryName name,
      NewInode newInode,
      AttributesReply reply) {
    answers.answer(
        request,
        reply,
        () ->
            newInode.type() == FileType.DIRECTORY
                ? inodes.makeDirectory(directory, name, newInode.mode(), newInode.owner())
                : inodes.create(directory, name, newInode),
        made -> {
          directoriesSeen.told(made);
          reply.attributes(made);
        });
  }

  void link(
      Request request,
      InodeId inode,
      InodeId newDirectory,
      EntryName newName,
      AttributesReply reply) {
    answers.answer(
        request, reply, () -> inodes.link(inode, newDirectory, newName), reply::attributes);
  }

  void rename(
      Request request,
      InodeId directory,
      EntryName name,
      InodeId newDirectory,
      EntryName newName,
      int flags,
      DoneReply reply) {
    answers.answer(
        request,
        reply,
        () -> inodes.rename(directory, name, newDirectory, newName, renameMode(flags)),
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

  void unlink(Request request, InodeId directory, EntryName name, DoneReply reply) {
    answers.answer(request, reply, () -> inodes.unlink(directory, name), _ -> reply.done());
  }

  void removeDirectory(Request request, InodeId directory, EntryName name, DoneReply reply) {
    answers.answer(
        request, reply, () -> inodes.removeDirectory(directory, name), _ -> reply.done());
  }
}
