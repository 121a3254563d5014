package io.adhocfs.client.transfer;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.Owner;
import org.jspecify.annotations.Nullable;

/** An instance. */
final class InstancePlace implements CopyPlace {

  /**
   * What all directories and files of one copy share.
   *
   * @param owner whose what is made becomes, unless owners are kept
   */
  record Setting(
      TransferOptions options, InodeOperations inodes, Owner owner, TemporaryNames names) {
    Owner ownerOf(Facts source) {
      return options.keepOwner() ? new Owner(source.uid(), source.gid()) : owner;
    }
  }

  private final AdhocFileSystem fileSystem;
  private final Setting setting;

  InstancePlace(
      AdhocFileSystem fileSystem, TransferOptions options, Owner owner, TemporaryNames names) {
    this.fileSystem = fileSystem;
    setting = new Setting(options, fileSystem.inodes(), owner, names);
  }

  @Override
  public @Nullable Facts facts(byte[] path, boolean followLink) throws FsException {
    try {
      AdhocPath inside = AdhocPath.of(path);
      return Facts.of(followLink ? fileSystem.stat(inside) : fileSystem.statLink(inside));
    } catch (FsException failure) {
      if (failure.error() == FsError.NOT_FOUND) {
        return null;
      }
      throw failure;
    }
  }

  @Override
  public SourceDirectory openSource(byte[] directory) throws FsException {
    return new InstanceSourceDirectory(directory(directory), directory, setting.inodes());
  }

  @Override
  public TargetDirectory openTarget(byte[] directory) throws FsException {
    return new InstanceTargetDirectory(directory(directory), directory, true, setting);
  }

  private FileAttributes directory(byte[] path) throws FsException {
    FileAttributes attributes = fileSystem.stat(AdhocPath.of(path));
    if (!attributes.isDirectory()) {
      throw new FsException(
          FsError.NOT_DIRECTORY,
          TransferPath.display(TransferPath.Place.INSTANCE, path) + ": not a directory");
    }
    return attributes;
  }
}
