package io.adhocfs.client.transfer;

import io.adhocfs.client.AttributeChange;
import io.adhocfs.client.NewInode;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A directory of an instance that is copied into. */
final class InstanceTargetDirectory implements TargetDirectory {
  /** Until its content is complete, a new file or directory is its owner's alone. */
  private static final int FILE_MODE_UNFINISHED = 0600;

  private static final int DIRECTORY_MODE_UNFINISHED = 0700;

  private final InodeId inode;
  private final Facts facts;
  private final byte[] path;
  private final InstancePlace.Setting setting;

  InstanceTargetDirectory(FileAttributes attributes, byte[] path, InstancePlace.Setting setting) {
    inode = attributes.id();
    facts = Facts.of(attributes);
    this.path = path;
    this.setting = setting;
  }

  /** What has to be done with a name, once it is known to be one. */
  private interface Named<T> {
    CompletableFuture<T> run(EntryName name);
  }

  private static <T> CompletableFuture<T> named(byte[] name, Named<T> call) {
    EntryName checked;
    try {
      checked = EntryName.of(name);
    } catch (FsException failure) {
      return CompletableFuture.failedFuture(failure);
    }
    return call.run(checked);
  }

  /** Does the second where the first answers that there is something of this name. */
  private static <T> CompletableFuture<T> ifExists(
      CompletableFuture<T> first, Supplier<CompletableFuture<T>> second) {
    return first.exceptionallyCompose(failure ->
        FsException.unwrapped(failure) instanceof FsException cause
                && cause.error() == FsError.EXISTS
            ? second.get()
            : first);
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public CompletableFuture<TargetDirectory> makeDirectory(byte[] name) {
    return named(
        name,
        entry ->
            ifExists(
                    setting
                        .inodes()
                        .makeDirectory(inode, entry, DIRECTORY_MODE_UNFINISHED, setting.owner()),
                    () -> setting.inodes().lookup(inode, entry))
                .thenCompose(made -> into(entry, made)));
  }

  private CompletableFuture<TargetDirectory> into(EntryName entry, FileAttributes found) {
    return found.isDirectory()
        ? CompletableFuture.completedFuture(
            new InstanceTargetDirectory(found, LocalFiles.join(path, entry.bytes()), setting))
        : failed(entry, "no directory, and a directory is to be copied here");
  }

  @Override
  public CompletableFuture<Opened> openFile(byte[] name, Facts source) {
    return named(name, entry -> ifExists(create(entry, source), () -> openExisting(entry, source)));
  }

  private CompletableFuture<Opened> create(EntryName entry, Facts source) {
    return setting
        .inodes()
        .createAndOpen(
            inode, entry, NewInode.regularFile(FILE_MODE_UNFINISHED, setting.ownerOf(source)), true)
        .thenApply(created -> new Opened(new InstanceTargetFile(created.file(), setting), false));
  }

  private CompletableFuture<Opened> openExisting(EntryName entry, Facts source) {
    return setting
        .inodes()
        .lookup(inode, entry)
        .thenCompose(existing ->
            stays(entry, existing, source)
                .thenCompose(stays ->
                    stays
                        ? CompletableFuture.completedFuture(
                            new Opened(new InstanceTargetFile(existing, setting), true))
                        : replace(entry, existing, source)));
  }

  /** Empties what is there; makes it anew where it has other names or is no file. */
  private CompletableFuture<Opened> replace(
      EntryName entry, FileAttributes existing, Facts source) {
    if (!existing.isRegular() || existing.linkCount() > 1) {
      return unlinkAnd(entry, () -> create(entry, source));
    }
    return setting
        .inodes()
        .open(existing.id())
        .thenCompose(file ->
            file.truncateAsync(0)
                .exceptionallyCompose(failure -> Futures.failAfter(file.closeAsync(), failure))
                .thenApply(_ -> new Opened(new InstanceTargetFile(file, setting), false)));
  }

  private <T> CompletableFuture<T> unlinkAnd(EntryName entry, Supplier<CompletableFuture<T>> then) {
    return setting.inodes().unlink(inode, entry).thenCompose(gone -> then.get());
  }

  /** Whether what is there is to stay; fails where it must. */
  private CompletableFuture<Boolean> stays(
      EntryName entry, FileAttributes attributes, Facts source) {
    Facts existing = Facts.of(attributes);
    if (existing.isDirectory()) {
      return failed(entry, "a directory, and no directory is to be copied here");
    }
    if (existing.isSameFileAs(source)) {
      return failed(entry, "the very file that is to be copied");
    }
    return CompletableFuture.completedFuture(
        switch (setting.options().existing()) {
          case OVERWRITE -> false;
          case KEEP -> true;
          case OVERWRITE_IF_DIFFERENT ->
              existing.type() == FileType.REGULAR
                  && source.type() == FileType.REGULAR
                  && existing.hasContentOf(source);
        });
  }

  @Override
  public CompletableFuture<Boolean> symlink(byte[] name, byte[] target, Facts source) {
    return makeNamed(name, source, NewInode.symlink(target, setting.ownerOf(source)));
  }

  @Override
  public CompletableFuture<Boolean> makeNode(byte[] name, Facts source) {
    return makeNamed(
        name,
        source,
        NewInode.node(
            source.type(), source.mode(), setting.ownerOf(source), source.deviceNumber()));
  }

  private CompletableFuture<Boolean> makeNamed(byte[] name, Facts source, NewInode what) {
    return named(
        name,
        entry ->
            ifExists(
                make(entry, source, what),
                () ->
                    setting
                        .inodes()
                        .lookup(inode, entry)
                        .thenCompose(existing -> stays(entry, existing, source))
                        .thenCompose(stays ->
                            stays
                                ? CompletableFuture.completedFuture(false)
                                : unlinkAnd(entry, () -> make(entry, source, what)))));
  }

  private CompletableFuture<Boolean> make(EntryName entry, Facts source, NewInode what) {
    return setting
        .inodes()
        .create(inode, entry, what)
        .thenCompose(made -> setting.inodes().setAttributes(made.id(), times(source)))
        .thenApply(set -> true);
  }

  @Override
  public CompletableFuture<Boolean> link(byte[] name, TargetFile file) {
    InodeId first = ((InstanceTargetFile) file).inode();
    return named(
        name,
        entry ->
            ifExists(
                linkTo(first, entry),
                () ->
                    setting
                        .inodes()
                        .lookup(inode, entry)
                        .thenCompose(existing -> replaceByLink(first, entry, existing))));
  }

  private CompletableFuture<Boolean> replaceByLink(
      InodeId first, EntryName entry, FileAttributes existing) {
    if (existing.isDirectory()) {
      return failed(entry, "a directory, and no directory is to be copied here");
    }
    if (existing.id().equals(first)) {
      return CompletableFuture.completedFuture(true);
    }
    if (setting.options().existing() == TransferOptions.Existing.KEEP) {
      return CompletableFuture.completedFuture(false);
    }
    return unlinkAnd(entry, () -> linkTo(first, entry));
  }

  private CompletableFuture<Boolean> linkTo(InodeId first, EntryName entry) {
    return setting.inodes().link(first, inode, entry).thenApply(linked -> true);
  }

  @Override
  public CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes) {
    return InstanceAttributes.write(setting.inodes(), inode, attributes);
  }

  @Override
  public CompletableFuture<Void> finish(Facts source) {
    return setting
        .inodes()
        .setAttributes(inode, attributes(source, setting.options()))
        .thenAccept(set -> {});
  }

  /** Everything a copy takes over from its source. */
  static AttributeChange attributes(Facts source, TransferOptions options) {
    AttributeChange change = times(source).withMode(source.mode());
    return options.keepOwner() ? change.withUid(source.uid()).withGid(source.gid()) : change;
  }

  private static AttributeChange times(Facts source) {
    return AttributeChange.NONE
        .withAtimeNanos(source.atimeNanos())
        .withMtimeNanos(source.mtimeNanos());
  }

  @Override
  public void close() {
    // Nothing is held in the instance for a directory.
  }

  private <T> CompletableFuture<T> failed(EntryName entry, String what) {
    return CompletableFuture.failedFuture(
        new FsException(
            FsError.EXISTS,
            TransferPath.display(TransferPath.Place.INSTANCE, LocalFiles.join(path, entry.bytes()))
                + ": here is "
                + what));
  }
}
