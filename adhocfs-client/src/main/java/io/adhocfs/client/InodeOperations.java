package io.adhocfs.client;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;

/**
 * The file system by inodes and names, without paths: what a mount and a parallel copy need.
 *
 * <p>Every call returns at once. Its future completes on a network or timer thread, which must not
 * be blocked, with the answer or an {@code FsException} whose message names operation, inode and,
 * where the world failed, the node: what POSIX says of the operation, or TIMED_OUT after {@code
 * client.deadline}, SESSION_EXPIRED (final: every later call says so), CLOSED. Until the deadline
 * the client retries whatever can be mended by retrying. Each call takes effect once, however often
 * it was sent. Cancelling a future ends the retries at once; the call may still have taken effect.
 *
 * <p>Thread-safe. Permissions are not checked.
 */
public final class InodeOperations {
  InodeOperations() {}

  /** What is behind a name: NOT_FOUND, NOT_DIRECTORY. */
  public CompletableFuture<FileAttributes> lookup(InodeId directory, EntryName name) {
    throw new UnsupportedOperationException();
  }

  /**
   * What an inode is now. Tells the owner first of writes through this client's handles whose times
   * it does not know yet.
   */
  public CompletableFuture<FileAttributes> getAttributes(InodeId inode) {
    throw new UnsupportedOperationException();
  }

  /** Sets attributes, all of the change or nothing. */
  public CompletableFuture<FileAttributes> setAttributes(InodeId inode, AttributeChange change) {
    throw new UnsupportedOperationException();
  }

  /** Sets a regular file's size, up or down; done when no reader sees what was cut any more. */
  public CompletableFuture<FileAttributes> truncate(InodeId inode, long sizeBytes) {
    throw new UnsupportedOperationException();
  }

  /** Makes anything but a directory; EXISTS if the name is taken. */
  public CompletableFuture<FileAttributes> create(
      InodeId directory, EntryName name, NewInode what) {
    throw new UnsupportedOperationException();
  }

  /**
   * Makes a regular file and opens it, atomically; opens the one that is there unless exclusive.
   * IS_DIRECTORY, or NOT_SUPPORTED for anything else that has no bytes, when such a thing has the
   * name; a symbolic link is TOO_MANY_SYMLINKS: following it is the caller's work.
   */
  public CompletableFuture<CreatedFile> createAndOpen(
      InodeId directory, EntryName name, NewInode what, boolean exclusive) {
    throw new UnsupportedOperationException();
  }

  /** Makes a directory; EXISTS if the name is taken. */
  public CompletableFuture<FileAttributes> makeDirectory(
      InodeId directory, EntryName name, int mode, Owner owner) {
    throw new UnsupportedOperationException();
  }

  /** Removes a name of anything but a directory; open handles go on working. */
  public CompletableFuture<Void> unlink(InodeId directory, EntryName name) {
    throw new UnsupportedOperationException();
  }

  /** Removes an empty directory: NOT_EMPTY, NOT_DIRECTORY. */
  public CompletableFuture<Void> removeDirectory(InodeId directory, EntryName name) {
    throw new UnsupportedOperationException();
  }

  /** Gives an inode that is no directory one more name, and answers what it is then. */
  public CompletableFuture<FileAttributes> link(InodeId inode, InodeId directory, EntryName name) {
    throw new UnsupportedOperationException();
  }

  /** Moves a name, atomically. */
  public CompletableFuture<Void> rename(
      InodeId directory, EntryName name, InodeId newDirectory, EntryName newName, RenameMode mode) {
    throw new UnsupportedOperationException();
  }

  /** The bytes of a symbolic link's target; INVALID if it is none. */
  public CompletableFuture<byte[]> readSymlink(InodeId inode) {
    throw new UnsupportedOperationException();
  }

  /**
   * Entries after a cookie (0 = from the start), without "." and "..". An entry that is there
   * before and after the listing is in it once; one that comes or goes meanwhile may be.
   *
   * @param maxBytes how much the page should have, a target
   * @param withAttributes whether to ask for every entry's attributes too
   */
  public CompletableFuture<DirectoryPage> readDirectory(
      InodeId directory, long afterCookie, int maxBytes, boolean withAttributes) {
    throw new UnsupportedOperationException();
  }

  /**
   * Opens a regular file. Its data lives until the handle is closed, whatever happens to its names.
   */
  public CompletableFuture<OpenFile> open(InodeId inode) {
    throw new UnsupportedOperationException();
  }

  /** As {@link #open(InodeId)}, refusing with BAD_HANDLE what the handle is not for. */
  public CompletableFuture<OpenFile> open(InodeId inode, boolean readable, boolean writable) {
    throw new UnsupportedOperationException();
  }

  /**
   * Space and inodes, asked from all nodes at once. A node that does not answer counts with what it
   * said last; if it never said anything, that is an error.
   */
  public CompletableFuture<Statistics> statistics() {
    throw new UnsupportedOperationException();
  }
}
