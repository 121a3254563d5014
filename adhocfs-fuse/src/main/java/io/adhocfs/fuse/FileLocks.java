package io.adhocfs.fuse;

import io.adhocfs.client.OpenFile;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.LockReply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.LockMode;

/** Locks of open files, which hold among all mounts. Thread-safe. */
final class FileLocks {
  private final Answers answers;
  private final FileHandles handles;

  FileLocks(Answers answers, FileHandles handles) {
    this.answers = answers;
    this.handles = handles;
  }

  void test(Request request, long handle, long owner, FileLock lock, LockReply reply) {
    answers.answer(
        request, reply, () -> handles.used(handle).file().testLockAsync(owner, lock), reply::lock);
  }

  void set(
      Request request, long handle, long owner, FileLock lock, boolean waits, DoneReply reply) {
    answers.answer(
        request,
        reply,
        () -> {
          OpenFile file = handles.used(handle).file();
          return waits && lock.mode() != LockMode.NONE
              ? file.awaitLockAsync(owner, lock)
              : file.setLockAsync(owner, lock);
        },
        _ -> reply.done());
  }
}
