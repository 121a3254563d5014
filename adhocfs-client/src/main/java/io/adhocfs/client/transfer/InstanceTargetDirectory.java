package io.adhocfs.client.transfer;

import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.RenameMode;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A directory of an instance that is copied into. */
final class InstanceTargetDirectory implements TargetDirectory {
  /** Until its content is complete, a new file or directory is its owner's alone. */
  private static final int FILE_MODE_UNFINISHED = 0600;

  private static final int DIRECTORY_MODE_UNFINISHED = 0700;
  private static final int PAGE_BYTES = 256 << 10;

  private final InodeId inode;
  private final Facts facts;
  private final byte[] path;

  /** Whether it was there before this copy: else nothing is in it but what the copy makes. */
  private final boolean existed;

  private final InstancePlace.Setting setting;

  InstanceTargetDirectory(
      FileAttributes attributes, byte[] path, boolean existed, InstancePlace.Setting setting) {
    inode = attributes.id();
    facts = Facts.of(attributes);
    this.path = path;
    this.existed = existed;
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

  /** Does the second where the first fails with this error. */
  private static <T> CompletableFuture<T> onError(
      FsError error, CompletableFuture<T> first, Supplier<CompletableFuture<T>> second) {
    return first.exceptionallyCompose(failure ->
        FsException.unwrapped(failure) instanceof FsException cause && cause.error() == error
            ? second.get()
            : first);
  }

  /** What has the name; empty where nothing has it, or nothing can have it. */
  private CompletableFuture<Optional<FileAttributes>> existing(EntryName entry) {
    return existed ? lookup(entry) : CompletableFuture.completedFuture(Optional.empty());
  }

  private CompletableFuture<Optional<FileAttributes>> lookup(EntryName entry) {
    return onError(
        FsError.NOT_FOUND,
        setting.inodes().lookup(inode, entry).thenApply(Optional::of),
        () -> CompletableFuture.completedFuture(Optional.empty()));
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
            onError(
                FsError.EXISTS,
                setting
                    .inodes()
                    .makeDirectory(inode, entry, DIRECTORY_MODE_UNFINISHED, setting.owner())
                    .thenCompose(made -> into(entry, made, false)),
                () ->
                    setting
                        .inodes()
                        .lookup(inode, entry)
                        .thenCompose(found -> into(entry, found, true))));
  }

  private CompletableFuture<TargetDirectory> into(
      EntryName entry, FileAttributes found, boolean existing) {
    return found.isDirectory()
        ? CompletableFuture.completedFuture(
            new InstanceTargetDirectory(
                found, LocalFiles.join(path, entry.bytes()), existing, setting))
        : failed(entry, "no directory, and a directory is to be copied here");
  }

  @Override
  public CompletableFuture<Void> removeAbandoned() {
    return existed ? removeAbandoned(0) : CompletableFuture.completedFuture(null);
  }

  private CompletableFuture<Void> removeAbandoned(long afterCookie) {
    return setting
        .inodes()
        .readDirectory(inode, afterCookie, PAGE_BYTES, false)
        .thenCompose(page -> {
          var removed = CompletableFuture.<Void>completedFuture(null);
          for (DirectoryItem item : page.items()) {
            TemporaryName temporary = TemporaryName.parse(item.name().bytes());
            if (temporary != null) {
              removed =
                  removed.thenCompose(_ ->
                      onError(
                          FsError.NOT_FOUND,
                          removeIfAbandoned(item.name(), temporary),
                          () -> CompletableFuture.completedFuture(null)));
            }
          }
          return removed.thenCompose(_ ->
              page.last()
                  ? CompletableFuture.completedFuture(null)
                  : removeAbandoned(page.nextCookie()));
        });
  }

  private CompletableFuture<Void> removeIfAbandoned(EntryName name, TemporaryName temporary) {
    CompletableFuture<Boolean> abandoned =
        temporary.isOfThisPlace()
            ? CompletableFuture.completedFuture(!temporary.isAlive())
            : setting
                .inodes()
                .lookup(inode, name)
                .thenApply(found -> TemporaryName.isOld(found.ctimeNanos()));
    return abandoned.thenCompose(remove ->
        remove
            ? setting.inodes().unlink(inode, name)
            : CompletableFuture.<Void>completedFuture(null));
  }

  @Override
  public CompletableFuture<Opened> openFile(byte[] name, Facts source) {
    return named(
        name,
        entry ->
            existing(entry)
                .thenCompose(found ->
                    staysIfThere(entry, found, source)
                        .thenCompose(stays ->
                            stays
                                ? CompletableFuture.completedFuture(
                                    new Opened(
                                        new InstanceTargetFile(found.orElseThrow(), setting), true))
                                : create(entry, source, found))));
  }

  /** Makes a file under a temporary name; one that replaces another stays that one's owner's. */
  private CompletableFuture<Opened> create(
      EntryName entry, Facts source, Optional<FileAttributes> replaced) {
    Owner owner =
        setting.options().keepOwner()
            ? setting.ownerOf(source)
            : replaced
                .filter(FileAttributes::isRegular)
                .map(file -> new Owner(file.uid(), file.gid()))
                .orElse(setting.owner());
    return temporaryName(entry)
        .thenCompose(temporary ->
            setting
                .inodes()
                .createAndOpen(
                    inode, temporary, NewInode.regularFile(FILE_MODE_UNFINISHED, owner), true)
                .thenApply(created ->
                    new Opened(
                        new InstanceTargetFile(
                            created.file(),
                            setting,
                            () -> publish(temporary, entry, source, replaced.isPresent()),
                            () -> setting.inodes().unlink(inode, temporary)),
                        false)));
  }

  private CompletableFuture<EntryName> temporaryName(EntryName entry) {
    try {
      return CompletableFuture.completedFuture(setting.names().nextBeside(entry));
    } catch (FsException failure) {
      return CompletableFuture.failedFuture(failure);
    }
  }

  /**
   * Gives what lies under a temporary name its final one.
   *
   * @param replaces whether something has the final name that is to go
   * @return false = something has got the name meanwhile that is to stay; the temporary one is gone
   */
  private CompletableFuture<Boolean> publish(
      EntryName temporary, EntryName entry, Facts source, boolean replaces) {
    if (replaces) {
      return rename(temporary, entry, RenameMode.REPLACE);
    }
    return onError(
        FsError.EXISTS,
        rename(temporary, entry, RenameMode.NO_REPLACE),
        () ->
            lookup(entry)
                .thenCompose(found -> staysIfThere(entry, found, source))
                .thenCompose(stays ->
                    stays
                        ? setting.inodes().unlink(inode, temporary).thenApply(_ -> false)
                        : rename(temporary, entry, RenameMode.REPLACE)));
  }

  private CompletableFuture<Boolean> rename(EntryName from, EntryName to, RenameMode mode) {
    return setting.inodes().rename(inode, from, inode, to, mode).thenApply(_ -> true);
  }

  private CompletableFuture<Boolean> staysIfThere(
      EntryName entry, Optional<FileAttributes> found, Facts source) {
    return found.isPresent()
        ? stays(entry, found.get(), source)
        : CompletableFuture.completedFuture(false);
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
            existing(entry)
                .thenCompose(found ->
                    staysIfThere(entry, found, source)
                        .thenCompose(stays ->
                            stays
                                ? CompletableFuture.completedFuture(false)
                                : make(entry, source, what, found.isPresent()))));
  }

  private CompletableFuture<Boolean> make(
      EntryName entry, Facts source, NewInode what, boolean replaces) {
    return temporaryName(entry)
        .thenCompose(temporary ->
            setting
                .inodes()
                .create(inode, temporary, what)
                .thenCompose(made ->
                    setting
                        .inodes()
                        .setAttributes(made.id(), times(source))
                        .thenCompose(_ -> publish(temporary, entry, source, replaces))
                        .exceptionallyCompose(failure ->
                            Futures.failAfter(
                                setting.inodes().unlink(inode, temporary), failure))));
  }

  @Override
  public CompletableFuture<Boolean> link(byte[] name, TargetFile file) {
    InodeId first = ((InstanceTargetFile) file).inode();
    return named(
        name,
        entry ->
            onError(
                FsError.EXISTS,
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
    return temporaryName(entry)
        .thenCompose(temporary ->
            linkTo(first, temporary)
                .thenCompose(_ -> rename(temporary, entry, RenameMode.REPLACE)));
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
