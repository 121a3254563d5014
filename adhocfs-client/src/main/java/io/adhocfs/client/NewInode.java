package io.adhocfs.client;

import io.adhocfs.protocol.model.FileType;

/**
 * What is made behind a new name; directories are made by their own call.
 *
 * @param mode permission bits (07777); no umask is applied
 * @param deviceNumber st_rdev of a device node, else 0
 * @param symlinkTarget bytes of a symbolic link's target, else empty; taken over
 */
public record NewInode(
    FileType type, int mode, Owner owner, long deviceNumber, byte[] symlinkTarget) {
  public NewInode {
    if (type == FileType.DIRECTORY || (mode & ~07777) != 0) {
      throw new IllegalArgumentException(type + " of mode " + Integer.toOctalString(mode));
    }
    if ((type == FileType.SYMLINK) != (symlinkTarget.length > 0)) {
      throw new IllegalArgumentException(
          type + " with a target of " + symlinkTarget.length + " bytes");
    }
  }

  public static NewInode regularFile(int mode, Owner owner) {
    return new NewInode(FileType.REGULAR, mode, owner, 0, new byte[0]);
  }

  public static NewInode symlink(byte[] target, Owner owner) {
    return new NewInode(FileType.SYMLINK, 0777, owner, 0, target);
  }

  /** A FIFO, a socket, a device node, or an empty regular file. */
  public static NewInode node(FileType type, int mode, Owner owner, long deviceNumber) {
    return new NewInode(type, mode, owner, deviceNumber, new byte[0]);
  }
}
