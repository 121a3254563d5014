package io.adhocfs.protocol.model;

import java.util.Arrays;
import java.util.Objects;

/**
 * What a new inode is to be. It travels as one value from the program that makes the inode to the
 * daemon that stores it.
 *
 * <p>The constructor takes any values, so that a daemon can refuse a bad request with INVALID:
 * {@link #check} says what is bad. The factories make sound values only.
 *
 * @param mode permission, set-id and sticky bits (07777); no umask is applied
 * @param deviceNumber st_rdev of a device node, else 0
 * @param symlinkTarget bytes of a symbolic link's target, else empty; the record keeps the array
 */
public record NewInode(
    FileType type, int mode, Owner owner, long deviceNumber, byte[] symlinkTarget) {
  private static final byte[] NO_TARGET = {};

  /** An empty regular file. */
  public static NewInode regularFile(int mode, Owner owner) {
    return sound(new NewInode(FileType.REGULAR, mode, owner, 0, NO_TARGET));
  }

  public static NewInode directory(int mode, Owner owner) {
    return sound(new NewInode(FileType.DIRECTORY, mode, owner, 0, NO_TARGET));
  }

  /** A symbolic link. Throws {@link IllegalArgumentException} if the target is empty. */
  public static NewInode symlink(byte[] target, Owner owner) {
    return sound(new NewInode(FileType.SYMLINK, 0777, owner, 0, target));
  }

  /** What mknod(2) makes: a FIFO, a socket, a device node, or an empty regular file. */
  public static NewInode node(FileType type, int mode, Owner owner, long deviceNumber) {
    if (type == FileType.DIRECTORY) {
      throw new IllegalArgumentException("mknod of a directory");
    }
    return sound(new NewInode(type, mode, owner, deviceNumber, NO_TARGET));
  }

  private static NewInode sound(NewInode made) {
    try {
      made.check();
      return made;
    } catch (FsException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /**
   * Refuses what no inode can be.
   *
   * @throws FsException INVALID if the mode has other bits, a symbolic link has no target, or
   *     anything else has one
   */
  public void check() throws FsException {
    FileAttributes.checkMode(mode);
    if ((type == FileType.SYMLINK) != (symlinkTarget.length > 0)) {
      throw new FsException(
          FsError.INVALID, "a " + type + " with a target of " + symlinkTarget.length + " bytes");
    }
  }

  /**
   * What the inode becomes in a directory: in a set-group-id directory, it gets the directory's
   * group, and a directory the set-group-id bit too.
   */
  public NewInode madeIn(FileAttributes directory) {
    if ((directory.mode() & FileAttributes.MODE_SET_GROUP_ID) == 0) {
      return this;
    }
    return new NewInode(
        type,
        type == FileType.DIRECTORY ? mode | FileAttributes.MODE_SET_GROUP_ID : mode,
        new Owner(owner.uid(), directory.gid()),
        deviceNumber,
        symlinkTarget);
  }

  /** Compares the target's bytes: a participant knows a request that comes twice by its values. */
  @Override
  public boolean equals(Object other) {
    return other instanceof NewInode that
        && type == that.type
        && mode == that.mode
        && owner.equals(that.owner)
        && deviceNumber == that.deviceNumber
        && Arrays.equals(symlinkTarget, that.symlinkTarget);
  }

  @Override
  public int hashCode() {
    return Objects.hash(type, mode, owner, deviceNumber, Arrays.hashCode(symlinkTarget));
  }
}
