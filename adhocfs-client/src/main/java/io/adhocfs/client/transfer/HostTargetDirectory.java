package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalEntry;
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

  private static final byte[] HERE = {'.'};

  /** What all directories of one copy share. */
  record Setting(
      TransferOptions options, HostThreads threads, HostMounts mounts, TemporaryNames names) {}

  private final LocalDirectory directory;
  private final Facts facts;

  /** Whether it was there before this copy: else nothing is in it but what the copy makes. */
  private final boolean existed;

  private final Setting setting;

  private HostTargetDirectory(
      LocalDirectory directory, Facts facts, boolean existed, Setting setting) {
    this.directory = directory;
    this.facts = facts;
    this.existed = existed;
    this.setting = setting;
  }

  /** Takes the directory over, also when it throws. */
  static HostTargetDirectory of(LocalDirectory directory, boolean existed, Setting setting)
      throws FsException {
    try {
      return new HostTargetDirectory(
          directory, Facts.of(directory.status(), setting.mounts), existed, setting);
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
      boolean existing = false;
      try {
        directory.makeDirectory(name, DIRECTORY_MODE_UNFINISHED);
      } catch (FsException failure) {
        if (failure.error() != FsError.EXISTS) {
          throw failure;
        }
        existing = true;
        openUp(name);
      }
      return of(directory.openDirectory(name), existing, setting);
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
    LocalStatus existing = existed ? directory.statusIfExists(name) : null;
    if (existing != null && stays(name, existing, source)) {
      return new Opened(HostTargetFile.thatStays(this, name), true);
    }
    byte[] temporary = setting.names.next();
    LocalFile file = directory.createFile(temporary, FILE_MODE_UNFINISHED);
    if (existing != null && existing.type() == FileType.REGULAR) {
      keepOwner(file, existing);
    }
    return new Opened(
        HostTargetFile.toBePublished(file, temporary, this, name, source, existing != null), false);
  }

  /** A file that is replaced stays its owner's, where this process may say so. */
  private static void keepOwner(LocalFile file, LocalStatus replaced) throws FsException {
    if (replaced.uid() == LocalFiles.effectiveUserId()
        && replaced.gid() == LocalFiles.effectiveGroupId()) {
      return;
    }
    try {
      file.setOwner(replaced.uid(), replaced.gid());
    } catch (FsException failure) {
      if (failure.error() != FsError.NOT_PERMITTED) {
        throw failure;
      }
    }
  }

  /**
   * Gives what lies under a temporary name its final one; waits.
   *
   * @param replaces whether something has the final name that is to go
   * @return false = something has got the name meanwhile that is to stay; the temporary one is gone
   */
  boolean publish(byte[] temporary, byte[] name, Facts source, boolean replaces)
      throws FsException {
    if (!replaces) {
      try {
        directory.renameToNew(temporary, name);
        return true;
      } catch (FsException failure) {
        if (failure.error() != FsError.EXISTS) {
          throw failure;
        }
      }
      LocalStatus existing = directory.statusIfExists(name);
      if (existing != null && stays(name, existing, source)) {
        directory.unlink(temporary);
        return false;
      }
    }
    directory.rename(temporary, name);
    return true;
  }

  @Override
  public CompletableFuture<Void> removeAbandoned() {
    if (!existed) {
      return CompletableFuture.completedFuture(null);
    }
    return setting.threads.run(() -> {
      // Opened once more: a listing has one place where it is, and nobody else is to move it.
      try (LocalDirectory listed = directory.openDirectory(HERE)) {
        for (List<LocalEntry> entries = listed.nextEntries();
            !entries.isEmpty();
            entries = listed.nextEntries()) {
          for (LocalEntry entry : entries) {
            removeIfAbandoned(entry.name());
          }
        }
      } catch (FsException failure) {
        if (failure.error() != FsError.PERMISSION_DENIED) {
          throw failure;
        }
      }
    });
  }

  private void removeIfAbandoned(byte[] name) throws FsException {
    TemporaryName temporary = TemporaryName.parse(name);
    if (temporary == null) {
      return;
    }
    LocalStatus status = directory.statusIfExists(name);
    if (status == null) {
      return;
    }
    boolean abandoned =
        temporary.isOfThisPlace() ? !temporary.isAlive() : TemporaryName.isOld(status.ctimeNanos());
    // What somebody else has left is that user's to remove.
    boolean mayRemove =
        LocalFiles.effectiveUserId() == 0 || status.uid() == LocalFiles.effectiveUserId();
    if (abandoned && mayRemove) {
      // Another run may tidy the same directory.
      directory.unlinkIfExists(name);
    }
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

  @Override
  public CompletableFuture<Boolean> symlink(byte[] name, byte[] target, Facts source) {
    return makeNamed(name, source, temporary -> directory.symlink(target, temporary));
  }

  @Override
  public CompletableFuture<Boolean> makeNode(byte[] name, Facts source) {
    return makeNamed(
        name,
        source,
        temporary ->
            directory.makeNode(
                temporary, source.type(), FILE_MODE_UNFINISHED, source.deviceNumber()));
  }

  private interface Maker {
    void make(byte[] name) throws FsException;
  }

  private CompletableFuture<Boolean> makeNamed(byte[] name, Facts source, Maker maker) {
    return setting.threads.call(() -> {
      LocalStatus existing = existed ? directory.statusIfExists(name) : null;
      if (existing != null && stays(name, existing, source)) {
        return false;
      }
      byte[] temporary = setting.names.next();
      maker.make(temporary);
      boolean published = false;
      try {
        if (setting.options.keepOwner()) {
          directory.setOwner(temporary, source.uid(), source.gid());
        }
        if (source.type() != FileType.SYMLINK) {
          directory.setMode(temporary, source.mode());
        }
        directory.setTimes(temporary, source.atimeNanos(), source.mtimeNanos());
        boolean made = publish(temporary, name, source, existing != null);
        published = true;
        return made;
      } finally {
        if (!published) {
          directory.unlink(temporary);
        }
      }
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
      byte[] temporary = setting.names.next();
      first.linkInto(directory, temporary);
      directory.rename(temporary, name);
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
