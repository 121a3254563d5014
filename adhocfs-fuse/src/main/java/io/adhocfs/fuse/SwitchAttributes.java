package io.adhocfs.fuse;

import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.CompletableFuture;

/**
 * Switches as extended attributes: {@code user.adhocfs.KEY} of a directory is the switch KEY for
 * what is made in it and below, of the root for the whole instance. They are in no listing of
 * attributes, so programs that copy all attributes of a file copy none of them.
 *
 * <p>Methods return at once, and their futures fail with an {@code FsException} whose message says
 * why. Thread-safe.
 */
public interface SwitchAttributes {
  /** Where there are none. */
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
   * Sets a switch for a directory, or with the key {@code profile} all switches: NOT_PERMITTED to
   * this user; NOT_SUPPORTED of a key that is no switch's, and of anything but a directory; INVALID
   * of a value that the switch cannot have; EXISTS or NO_ATTRIBUTE as the mode says. Nothing is
   * changed then. What is in the directory already follows in the background. The mode is kept
   * among the calls of one mount, not between mounts.
   *
   * @param user who asks
   */
  CompletableFuture<Void> set(
      int user, InodeId inode, String key, byte[] value, AttributeSetMode mode);

  /**
   * The value that a switch has for what is made in a directory, or for a file, wherever it comes
   * from; NO_ATTRIBUTE of a key that is no switch's.
   */
  CompletableFuture<byte[]> get(InodeId inode, String key);

  /**
   * Takes back what was set for this directory itself: NO_ATTRIBUTE if nothing was, NOT_PERMITTED.
   *
   * @param user who asks
   */
  CompletableFuture<Void> remove(int user, InodeId inode, String key);
}
