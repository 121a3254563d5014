package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A file of this host that is copied into; remains as the file to link to when it is closed. */
final class HostTargetFile implements TargetFile {
  private final @Nullable LocalFile file;

  /** The name until it is published; the final one of a file that stays as it is. */
  private final byte[] temporary;

  private final HostTargetDirectory directory;
  private final byte[] name;
  private final @Nullable Facts source;
  private final boolean replaces;
  private final HostTargetDirectory.Setting setting;

  /** By path, since its directory may be closed when a link to it is made. */
  private final byte[] path;

  private HostTargetFile(
      @Nullable LocalFile file,
      byte[] temporary,
      HostTargetDirectory directory,
      byte[] name,
      @Nullable Facts source,
      boolean replaces) {
    this.file = file;
    this.temporary = temporary;
    this.directory = directory;
    this.name = name;
    this.source = source;
    this.replaces = replaces;
    setting = directory.setting();
    path = LocalFiles.join(directory.directory().path(), name);
  }

  /** A file that stays as it is. */
  static HostTargetFile thatStays(HostTargetDirectory directory, byte[] name) {
    return new HostTargetFile(null, name, directory, name, null, false);
  }

  /**
   * A file that gets its name when it is whole.
   *
   * @param replaces whether something has that name which is to go
   */
  static HostTargetFile toBePublished(
      LocalFile file,
      byte[] temporary,
      HostTargetDirectory directory,
      byte[] name,
      Facts source,
      boolean replaces) {
    return new HostTargetFile(file, temporary, directory, name, source, replaces);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    return setting
        .threads()
        .run(() -> {
          try {
            HostBuffers.write(open(), offset, data);
          } finally {
            data.release();
          }
        });
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
    return setting.threads().call(() -> HostBuffers.read(open(), offset, lengthBytes));
  }

  @Override
  public CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes) {
    return setting
        .threads()
        .run(() -> {
          try {
            for (ExtendedAttribute attribute : attributes) {
              open().setAttribute(attribute);
            }
          } catch (FsException failure) {
            if (failure.error() != FsError.NOT_SUPPORTED) {
              throw failure;
            }
          }
        });
  }

  @Override
  public CompletableFuture<Facts> finish(Facts source, long sizeBytes) {
    return setting
        .threads()
        .call(() -> {
          LocalFile opened = open();
          if (opened.status().sizeBytes() != sizeBytes) {
            opened.setSize(sizeBytes);
          }
          if (setting.options().keepOwner()) {
            opened.setOwner(source.uid(), source.gid());
          }
          opened.setMode(source.mode());
          opened.setTimes(source.atimeNanos(), source.mtimeNanos());
          return Facts.of(opened.status(), setting.mounts());
        });
  }

  @Override
  public CompletableFuture<Void> close() {
    return setting
        .threads()
        .run(() -> {
          if (file != null) {
            file.close();
          }
        });
  }

  @Override
  public CompletableFuture<Boolean> publish() {
    Facts facts = source;
    if (facts == null) {
      throw new IllegalStateException("a file that stays as it is");
    }
    return setting.threads().call(() -> directory.publish(temporary, name, facts, replaces));
  }

  @Override
  public CompletableFuture<Void> discard() {
    return setting.threads().run(() -> directory.directory().unlink(temporary));
  }

  void linkInto(LocalDirectory other, byte[] newName) throws FsException {
    other.linkPath(path, newName);
  }

  boolean isFile(LocalStatus other) throws FsException {
    LocalStatus status = LocalFiles.status(path, false);
    return status.inode() == other.inode() && status.device() == other.device();
  }

  private LocalFile open() {
    if (file == null) {
      throw new IllegalStateException("a file that stays as it is");
    }
    return file;
  }
}
