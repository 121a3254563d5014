package io.adhocfs.client;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;

/**
 * An instance, as one client sees it: one session with pins and a lease, renewed in the background
 * until {@link #close}. Thread-safe; one per process is enough.
 *
 * <p>Two levels: paths here, inodes and names in {@link #inodes()}. The calls here without "Async"
 * wait and throw {@link FsException} (an {@code IOException}) whose message names operation and
 * path; the others return at once and complete as {@link InodeOperations} says. A path is walked
 * component by component, symbolic links followed (TOO_MANY_SYMLINKS after 40), so an operation on
 * a path is not atomic with renames of the directories above. Permissions are not checked, no umask
 * is applied.
 */
public final class AdhocFileSystem implements AutoCloseable {
  private AdhocFileSystem() {}

  /**
   * Connects to an instance by its description alone: daemons that change their address later are
   * found only through those that did not.
   *
   * @throws FsException REFUSED by every contact, or TIMED_OUT when none answered in time
   */
  public static AdhocFileSystem open(Instance instance) throws FsException {
    return open(() -> instance, ClientOptions.DEFAULT);
  }

  /** As {@link #open(Instance)}, reading the description anew when a node cannot be reached. */
  public static AdhocFileSystem open(InstanceSource source, ClientOptions options)
      throws FsException {
    throw new UnsupportedOperationException();
  }

  /** The file system by inodes. */
  public InodeOperations inodes() {
    throw new UnsupportedOperationException();
  }

  /** What a path names, symbolic links followed. */
  public FileAttributes stat(AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> statAsync(AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /** As {@link #stat}, but a symbolic link at the end of the path is not followed. */
  public FileAttributes statLink(AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> statLinkAsync(AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /** Sets attributes of what a path names, symbolic links followed. */
  @CanIgnoreReturnValue
  public FileAttributes setAttributes(AdhocPath path, AttributeChange change) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> setAttributesAsync(
      AdhocPath path, AttributeChange change) {
    throw new UnsupportedOperationException();
  }

  /** Sets a regular file's size, up or down. */
  @CanIgnoreReturnValue
  public FileAttributes truncate(AdhocPath path, long sizeBytes) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> truncateAsync(AdhocPath path, long sizeBytes) {
    throw new UnsupportedOperationException();
  }

  /** The entries of a directory, without "." and "..". */
  public DirectoryListing list(AdhocPath path, boolean withAttributes) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<DirectoryListing> listAsync(AdhocPath path, boolean withAttributes) {
    throw new UnsupportedOperationException();
  }

  /** Makes one directory; EXISTS if the name is taken. */
  @CanIgnoreReturnValue
  public FileAttributes createDirectory(AdhocPath path, int mode) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> createDirectoryAsync(AdhocPath path, int mode) {
    throw new UnsupportedOperationException();
  }

  /** Makes a directory and those above it that are not there; answers the last, made or found. */
  @CanIgnoreReturnValue
  public FileAttributes createDirectories(AdhocPath path, int mode) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> createDirectoriesAsync(AdhocPath path, int mode) {
    throw new UnsupportedOperationException();
  }

  /** Opens a regular file. IS_DIRECTORY, NOT_SUPPORTED for what has no bytes. */
  public OpenFile open(AdhocPath path, OpenOptions options) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<OpenFile> openAsync(AdhocPath path, OpenOptions options) {
    throw new UnsupportedOperationException();
  }

  /** Moves a name, atomically. */
  public void rename(AdhocPath from, AdhocPath to, RenameMode mode) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> renameAsync(AdhocPath from, AdhocPath to, RenameMode mode) {
    throw new UnsupportedOperationException();
  }

  /** Removes a name: of a file, a symbolic link, an empty directory. */
  public void remove(AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> removeAsync(AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /**
   * Removes what a path names and everything below it; symbolic links are removed, not followed.
   * Not atomic. What goes away meanwhile is no error; what comes meanwhile may be NOT_EMPTY. The
   * root stays: all below it is removed.
   */
  public void removeRecursively(AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<Void> removeRecursivelyAsync(AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /** Makes a symbolic link at {@code path} whose target is these bytes. */
  @CanIgnoreReturnValue
  public FileAttributes symlink(AdhocPath path, byte[] target) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> symlinkAsync(AdhocPath path, byte[] target) {
    throw new UnsupportedOperationException();
  }

  /** The target of a symbolic link; INVALID if it is none. */
  public byte[] readSymlink(AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<byte[]> readSymlinkAsync(AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /** Gives what {@code existing} names (a symbolic link itself, not its target) one more name. */
  @CanIgnoreReturnValue
  public FileAttributes link(AdhocPath existing, AdhocPath path) throws FsException {
    throw new UnsupportedOperationException();
  }

  public CompletableFuture<FileAttributes> linkAsync(AdhocPath existing, AdhocPath path) {
    throw new UnsupportedOperationException();
  }

  /** Space and inodes: as {@link InodeOperations#statistics()}. */
  public Statistics statistics() throws FsException {
    throw new UnsupportedOperationException();
  }

  /**
   * Releases pins, ends the session at the daemons it spoke to, as far as they answer within a few
   * seconds, and drops the connections. Operations under way and later ones fail with CLOSED.
   * Idempotent; waits.
   */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
