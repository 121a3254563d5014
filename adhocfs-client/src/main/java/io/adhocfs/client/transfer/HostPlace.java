package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/** This host's file systems. */
final class HostPlace implements CopyPlace {
  private final TransferOptions options;
  private final HostThreads threads;
  private final HostMounts mounts;

  HostPlace(TransferOptions options, HostThreads threads, HostMounts mounts) {
    this.options = options;
    this.threads = threads;
    this.mounts = mounts;
  }

  @Override
  public @Nullable Facts facts(byte[] path, boolean followLink) throws FsException {
    try {
      return Facts.of(LocalFiles.status(path, followLink), mounts);
    } catch (FsException failure) {
      if (failure.error() == FsError.NOT_FOUND) {
        return null;
      }
      throw failure;
    }
  }

  @Override
  public SourceDirectory openSource(byte[] directory) throws FsException {
    return HostSourceDirectory.of(LocalFiles.openDirectory(directory), threads, mounts);
  }

  @Override
  public TargetDirectory openTarget(byte[] directory) throws FsException {
    LocalDirectory opened = LocalFiles.openDirectory(directory);
    return HostTargetDirectory.of(
        opened, new HostTargetDirectory.Setting(options, threads, mounts));
  }
}
