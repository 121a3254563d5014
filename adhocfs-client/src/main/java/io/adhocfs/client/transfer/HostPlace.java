package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/** This host's file systems. */
final class HostPlace implements CopyPlace {
  private final HostTargetDirectory.Setting setting;

  HostPlace(TransferOptions options, HostThreads threads, HostMounts mounts, TemporaryNames names) {
    setting = new HostTargetDirectory.Setting(options, threads, mounts, names);
  }

  @Override
  public @Nullable Facts facts(byte[] path, boolean followLink) throws FsException {
    try {
      return Facts.of(LocalFiles.status(path, followLink), setting.mounts());
    } catch (FsException failure) {
      if (failure.error() == FsError.NOT_FOUND) {
        return null;
      }
      throw failure;
    }
  }

  @Override
  public SourceDirectory openSource(byte[] directory) throws FsException {
    return HostSourceDirectory.of(
        LocalFiles.openDirectory(directory), setting.threads(), setting.mounts());
  }

  @Override
  public TargetDirectory openTarget(byte[] directory) throws FsException {
    return HostTargetDirectory.of(LocalFiles.openDirectory(directory), true, setting);
  }
}
