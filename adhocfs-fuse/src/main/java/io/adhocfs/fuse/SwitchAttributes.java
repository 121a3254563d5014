package io.adhocfs.fuse;

import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;

/**
 * Switches as extended attributes: {@code user.adhocfs.KEY} of a directory is the switch KEY for
 * everything made in the directory and below, and of the root for the whole instance. Listings of
 * attributes do not contain switches, so programs that copy all attributes of a file copy no
 * switches.
 *
 * <p>Methods return at once, and their futures fail with an {@code FsException} whose message says
 * why. Thread-safe.
 */
public interface SwitchAttributes {
  /** For file systems without switches. */
  SwitchAttributes NONE =
      new SwitchAttributes() {
        @Override
        public CompletableFuture<Void> set(
            int user, InodeId inode, String key, byte[] value, AttributeSetMode mode) {
          return failed(FsError.NOT_SUPPORTED);
        }

        @Override
        public CompletableFuture<byte[]> get(InodeId inode, String key) {
          return failed(FsError.NO_ATTRIBUTE);
        }

        @Override
        public CompletableFuture<Void> remove(int user, InodeId inode, String key) {
          return failed(FsError.NO_ATTRIBUTE);
        }

        private static <T> CompletableFuture<T> failed(FsError error) {
          return CompletableFuture.failedFuture(new FsException(error, "no switches here"));
        }
      };

  /**
   * Sets a switch for a directory, or with the key {@code profile} all switches. Errors, with
   * nothing changed: NOT_PERMITTED if this user may not set switches; NOT_SUPPORTED for a key that
   * is not a switch, and for anything but a directory; INVALID for a value that the switch cannot
   * have; EXISTS or NO_ATTRIBUTE as the mode says. Existing files of the directory follow in the
   * background. The mode holds among the calls of one mount, not between mounts.
   *
   * @param user the user who asks
   */
  CompletableFuture<Void> set(
      int user, InodeId inode, String key, byte[] value, AttributeSetMode mode);

  /**
   * The value of a switch for files made in a directory, or for a file, whatever its origin;
   * NO_ATTRIBUTE for a key that is not a switch.
   */
  CompletableFuture<byte[]> get(InodeId inode, String key);

  /**
   * Unsets a switch that was set for this directory itself: NO_ATTRIBUTE if it was not set,
   * NOT_PERMITTED.
   *
   * @param user the user who asks
   */
  CompletableFuture<Void> remove(int user, InodeId inode, String key);
}
