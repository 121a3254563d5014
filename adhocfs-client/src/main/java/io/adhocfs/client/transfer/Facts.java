package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;

/**
 * What a copy keeps of a file, wherever the file lies.
 *
 * @param device with the inode number, what makes two names the same file; {@link #INSTANCE_DEVICE}
 *     in the instance and on its mounts on this host
 * @param mayHaveHoles whether it is worth asking where data is
 */
record Facts(
    FileType type,
    int mode,
    int uid,
    int gid,
    int linkCount,
    long sizeBytes,
    long atimeNanos,
    long mtimeNanos,
    long deviceNumber,
    long device,
    long inode,
    boolean mayHaveHoles) {

  /** No device of a host has this number. */
  static final long INSTANCE_DEVICE = -1;

  static Facts of(FileAttributes attributes) {
    return new Facts(
        attributes.type(),
        attributes.mode(),
        attributes.uid(),
        attributes.gid(),
        attributes.linkCount(),
        attributes.sizeBytes(),
        attributes.atimeNanos(),
        attributes.mtimeNanos(),
        attributes.deviceNumber(),
        INSTANCE_DEVICE,
        attributes.id().value(),
        attributes.mayHaveHoles());
  }

  static Facts of(LocalStatus status, HostMounts mounts) {
    return new Facts(
        status.type(),
        status.mode(),
        status.uid(),
        status.gid(),
        status.linkCount(),
        status.sizeBytes(),
        status.atimeNanos(),
        status.mtimeNanos(),
        status.deviceNumber(),
        mounts.isOfAnInstance(status.device()) ? INSTANCE_DEVICE : status.device(),
        status.inode(),
        status.allocatedBytes() < status.sizeBytes());
  }

  boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  /** Whether both are names of one file. */
  boolean isSameFileAs(Facts other) {
    return inode == other.inode && device == other.device;
  }

  /** Whether the content is still what it was, as far as size and mtime can tell. */
  boolean hasContentOf(Facts other) {
    return sizeBytes == other.sizeBytes && mtimeNanos == other.mtimeNanos;
  }
}
