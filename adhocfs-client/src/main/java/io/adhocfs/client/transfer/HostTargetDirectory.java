package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A directory of this host that is copied into. */
final class HostTargetDirectory implements TargetDirectory {
  /** Until its content is complete, a new file or directory is its owner's alone. */
  private static final int FILE_MODE_UNFINISHED = 0600;

  private static final int DIRECTORY_MODE_UNFINISHED = 0700;

  /** What all directories of one copy share. */
  record Setting(TransferOptions options, HostThreads threads, HostMounts mounts) {}

  private final LocalDirectory directory;
  private final Facts facts;
  private final Setting setting;

  private HostTargetDirectory(LocalDirectory directory, Facts facts, Setting setting) {
    this.directory = directory;
    this.facts = facts;
    this.setting = setting;
  }

  /** Takes the directory over, also when it throws. */
  static HostTargetDirectory of(LocalDirectory directory, Setting setting) throws FsException {
    try {
      return new HostTargetDirectory(
          directory, Facts.of(directory.status(), setting.mounts), setting);
    } catch (FsException failure) {
      directory.close();
      throw failure;
    }
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public CompletableFuture<TargetDirectory> makeDirectory(byte[] name) {
    return setting.threads.call(() -> {
      try {
        directory.makeDirectory(name, DIRECTORY_MODE_UNFINISHED);
      } catch (FsException failure) {
        if (failure.error() != FsError.EXISTS) {
          throw failure;
        }
        openUp(name);
      }
      return of(directory.openDirectory(name), setting);
    });
  }

  /**
   * Lets us into a directory of ours that is there; finishing it sets the mode that it is to have.
   */
  private void openUp(byte[] name) throws FsException {
    LocalStatus existing = directory.status(name);
    if (!existing.isDirectory()) {
      throw inTheWay(name, "no directory, and a directory is to be copied here");
    }
    boolean closed = (existing.mode() & DIRECTORY_MODE_UNFINISHED) != DIRECTORY_MODE_UNFINISHED;
    if (closed && existing.uid() == LocalFiles.effectiveUserId()) {
      directory.setMode(name, existing.mode() | DIRECTORY_MODE_UNFINISHED);
    }
  }

  @Override
  public CompletableFuture<Opened> openFile(byte[] name, Facts source) {
    return setting.threads.call(() -> open(name, source));
  }

  private Opened open(byte[] name, Facts source) throws FsException {
    LocalFile file;
    try {
      file = directory.createFile(name, FILE_MODE_UNFINISHED);
    } catch (FsException failure) {
      if (failure.error() != FsError.EXISTS) {
        throw failure;
      }
      LocalStatus status = directory.status(name);
      if (stays(name, status, source)) {
        return new Opened(new HostTargetFile(null, this, name), true);
      }
      file = replace(name, status);
    }
    return new Opened(new HostTargetFile(file, this, name), false);
  }

  /**
   * Whether what is there is to stay.
   *
   * @throws FsException IS_DIRECTORY or INVALID where it must stay
   */
  private boolean stays(byte[] name, LocalStatus status, Facts source) throws FsException {
    if (status.isDirectory()) {
      throw inTheWay(name, "a directory, and no directory is to be copied here");
    }
    Facts existing = Facts.of(status, setting.mounts);
    if (existing.isSameFileAs(source)) {
      throw inTheWay(name, "the very file that is to be copied");
    }
    return switch (setting.options.existing()) {
      case OVERWRITE -> false;
      case KEEP -> true;
      case OVERWRITE_IF_DIFFERENT ->
          existing.type() == FileType.REGULAR
              && source.type() == FileType.REGULAR
              && existing.hasContentOf(source);
    };
  }

  /** Empties what is there; makes it anew where it has other names, or is no file one may write. */
  private LocalFile replace(byte[] name, LocalStatus status) throws FsException {
    if (status.type() == FileType.REGULAR && status.linkCount() == 1) {
      try {
        return directory.openEmptied(name);
      } catch (FsException failure) {
        if (failure.error() != FsError.PERMISSION_DENIED && failure.error() != FsError.BUSY) {
          throw failure;
        }
      }
    }
    directory.unlink(name);
    return directory.createFile(name, FILE_MODE_UNFINISHED);
  }

  @Override
  public CompletableFuture<Boolean> symlink(byte[] name, byte[] target, Facts source) {
    return makeNamed(name, source, () -> directory.symlink(target, name));
  }

  @Override
  public CompletableFuture<Boolean> makeNode(byte[] name, Facts source) {
    return makeNamed(
        name,
        source,
        () -> directory.makeNode(name, source.type(), FILE_MODE_UNFINISHED, source.deviceNumber()));
  }

  private interface Maker {
    void make() throws FsException;
  }

  private CompletableFuture<Boolean> makeNamed(byte[] name, Facts source, Maker maker) {
    return setting.threads.call(() -> {
      try {
        maker.make();
      } catch (FsException failure) {
        if (failure.error() != FsError.EXISTS) {
          throw failure;
        }
        if (stays(name, directory.status(name), source)) {
          return false;
        }
        directory.unlink(name);
        maker.make();
      }
      if (setting.options.keepOwner()) {
        directory.setOwner(name, source.uid(), source.gid());
      }
      if (source.type() != FileType.SYMLINK) {
        directory.setMode(name, source.mode());
      }
      directory.setTimes(name, source.atimeNanos(), source.mtimeNanos());
      return true;
    });
  }

  @Override
  public CompletableFuture<Boolean> link(byte[] name, TargetFile file) {
    HostTargetFile first = (HostTargetFile) file;
    return setting.threads.call(() -> {
      try {
        first.linkInto(directory, name);
        return true;
      } catch (FsException failure) {
        if (failure.error() != FsError.EXISTS) {
          throw failure;
        }
      }
      LocalStatus existing = directory.status(name);
      if (existing.isDirectory()) {
        throw inTheWay(name, "a directory, and no directory is to be copied here");
      }
      if (first.isFile(existing)) {
        return true;
      }
      if (setting.options.existing() == TransferOptions.Existing.KEEP) {
        return false;
      }
      directory.unlink(name);
      first.linkInto(directory, name);
      return true;
    });
  }

  @Override
  public CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes) {
    return setting.threads.run(() -> {
      try {
        for (ExtendedAttribute attribute : attributes) {
          directory.setAttribute(attribute);
        }
      } catch (FsException failure) {
        if (failure.error() != FsError.NOT_SUPPORTED) {
          throw failure;
        }
      }
    });
  }

  @Override
  public CompletableFuture<Void> finish(Facts source) {
    return setting.threads.run(() -> {
      if (setting.options.keepOwner()) {
        directory.setOwner(source.uid(), source.gid());
      }
      directory.setMode(source.mode());
      directory.setTimes(source.atimeNanos(), source.mtimeNanos());
    });
  }

  Setting setting() {
    return setting;
  }

  LocalDirectory directory() {
    return directory;
  }

  @Override
  public void close() {
    directory.close();
  }

  private FsException inTheWay(byte[] name, String what) {
    return new FsException(
        FsError.EXISTS,
        LocalFiles.display(LocalFiles.join(directory.path(), name)) + ": here is " + what);
  }
}
