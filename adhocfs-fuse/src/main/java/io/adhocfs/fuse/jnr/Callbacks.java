package io.adhocfs.fuse.jnr;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.Delegate;
import jnr.ffi.types.dev_t;
import jnr.ffi.types.gid_t;
import jnr.ffi.types.mode_t;
import jnr.ffi.types.off_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.uid_t;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of the functions in libfuse's struct fuse_operations. The shapes of jnr-fuse take
 * paths as text and so lose bytes that are not UTF-8; these take paths as bytes. A path can be
 * missing (null) if a handle identifies the file.
 *
 * <p>Public because jnr-ffi's generated code implements the calls.
 */
public final class Callbacks {
  private Callbacks() {}

  /** unlink, rmdir. */
  public interface OnPath {
    @Delegate
    int call(Pointer path);
  }

  /** getattr, statfs, utimens, open, flush, release, symlink, rename, link. */
  public interface OnPathAndPointer {
    @Delegate
    int call(@Nullable Pointer path, Pointer argument);
  }

  /** fgetattr. */
  public interface OnPathAndTwoPointers {
    @Delegate
    int call(@Nullable Pointer path, Pointer first, Pointer second);
  }

  /** readlink. */
  public interface OnReadLink {
    @Delegate
    int call(Pointer path, Pointer buffer, @size_t long sizeBytes);
  }

  /** mkdir, chmod. */
  public interface OnMode {
    @Delegate
    int call(Pointer path, @mode_t long mode);
  }

  /** mknod. */
  public interface OnMakeNode {
    @Delegate
    int call(Pointer path, @mode_t long mode, @dev_t long deviceNumber);
  }

  /** chown. */
  public interface OnOwner {
    @Delegate
    int call(Pointer path, @uid_t long uid, @gid_t long gid);
  }

  /** truncate. */
  public interface OnTruncate {
    @Delegate
    int call(Pointer path, @off_t long sizeBytes);
  }

  /** ftruncate. */
  public interface OnTruncateOpen {
    @Delegate
    int call(@Nullable Pointer path, @off_t long sizeBytes, Pointer fileInfo);
  }

  /** create. */
  public interface OnCreate {
    @Delegate
    int call(Pointer path, @mode_t long mode, Pointer fileInfo);
  }

  /** read, write. */
  public interface OnTransfer {
    @Delegate
    int call(
        @Nullable Pointer path,
        Pointer buffer,
        @size_t long lengthBytes,
        @off_t long offset,
        Pointer fileInfo);
  }

  /** fsync, fsyncdir. */
  public interface OnSync {
    @Delegate
    int call(@Nullable Pointer path, int dataOnly, Pointer fileInfo);
  }

  /** readdir. */
  public interface OnReadDirectory {
    @Delegate
    int call(Pointer path, Pointer buffer, Pointer filler, @off_t long offset, Pointer fileInfo);
  }

  /** init: what it returns becomes the context's private data. */
  public interface OnInit {
    @Delegate
    @Nullable Pointer call(@Nullable Pointer connection);
  }
}
