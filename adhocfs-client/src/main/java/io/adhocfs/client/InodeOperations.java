package io.adhocfs.client;

import io.adhocfs.client.core.ClientCore;
import io.adhocfs.client.core.DatasetWalk;
import io.adhocfs.client.core.DirectoryPath;
import io.adhocfs.client.core.FileOpening;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.OwnVersions;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The file system by inodes and names, without paths: what a mount and a parallel copy need.
 *
 * <p>Every call returns at once. Its future completes on a network or timer thread, which must not
 * be blocked, with the answer or an {@code FsException} whose message names operation, inode and,
 * where the world failed, the node: what POSIX says of the operation, or TIMED_OUT after {@code
 * client.deadline}, SESSION_EXPIRED (what was open is lost, or whether the call has taken effect is
 * not known), CLOSED. Until the deadline the client retries whatever can be mended by retrying.
 * Each call takes effect once, however often it was sent. Cancelling a future ends the retries at
 * once; the call may still have taken effect.
 *
 * <p>Thread-safe. Permissions are not checked.
 */
public final class InodeOperations {
  private final ClientCore core;

  InodeOperations(ClientCore core) {
    this.core = core;
  }

  /** What is behind a name: NOT_FOUND, NOT_DIRECTORY. */
  public CompletableFuture<FileAttributes> lookup(InodeId directory, EntryName name) {
    Operation operation = core.begin(() -> "lookup of '" + name + "' in inode " + directory);
    return operation.answer(core.attributes.lookup(operation, directory, name));
  }

  /**
   * What an inode is now. Tells the owner first of writes through this client's handles whose times
   * it does not know yet.
   */
  public CompletableFuture<FileAttributes> getAttributes(InodeId inode) {
    Operation operation = core.beginOn(inode, () -> "attributes of inode " + inode);
    return operation.answer(core.attributes.get(operation, inode));
  }

  /** Sets attributes, all of the change or nothing. */
  public CompletableFuture<FileAttributes> setAttributes(InodeId inode, AttributeChange change) {
    Operation operation = core.beginOn(inode, () -> "change of attributes of inode " + inode);
    return operation.answer(core.attributes.set(operation, inode, change));
  }

  /** Sets a regular file's size, up or down; done when no reader sees what was cut any more. */
  public CompletableFuture<FileAttributes> truncate(InodeId inode, long sizeBytes) {
    Operation operation = core.begin(() -> "truncation of inode " + inode + " to " + sizeBytes);
    return operation.answer(core.truncation.truncate(operation, inode, sizeBytes));
  }

  /**
   * The path of a directory, as it was at one moment. A search: each directory above is listed
   * until the name is found. NOT_FOUND of one that has been removed, NOT_DIRECTORY, BUSY where
   * others rename it or those above it again and again.
   */
  public CompletableFuture<AdhocPath> pathOf(InodeId directory) {
    Operation operation = core.begin(() -> "path of inode " + directory);
    return operation.answer(
        new DirectoryPath(core.namespace, operation, directory)
            .find()
            .thenApply(names -> {
              AdhocPath path = AdhocPath.ROOT;
              for (EntryName name : names) {
                path = path.resolve(name);
              }
              return path;
            }));
  }

  /**
   * Puts a directory and all below it into a dataset. Takes as long as the tree is large; what
   * comes, goes or moves meanwhile is no error. What is moved into a part that has been walked
   * keeps the dataset that it had.
   *
   * @param dataset a number that the instance has agreed on
   * @param within the numbers of datasets below the directory, which stay as they are; others may
   *     be added meanwhile, where the set is made for that
   * @param seen is raised by 1 for each inode
   */
  public CompletableFuture<Void> takeIntoDataset(
      InodeId directory, int dataset, Set<Integer> within, AtomicLong seen) {
    Operation operation =
        core.operations.begin(() -> "walk of dataset " + dataset + " in inode " + directory, 0);
    return operation.answer(new DatasetWalk(core, operation, dataset, within, seen).run(directory));
  }

  /** Makes anything but a directory, which is INVALID; EXISTS if the name is taken. */
  public CompletableFuture<FileAttributes> create(
      InodeId directory, EntryName name, NewInode what) {
    Operation operation = core.begin(() -> "creation of '" + name + "' in inode " + directory);
    return operation.answer(core.creation.create(operation, directory, name, what));
  }

  /**
   * Makes a regular file and opens it, atomically; opens the one that is there unless exclusive.
   * IS_DIRECTORY, or NOT_SUPPORTED for anything else that has no bytes, when such a thing has the
   * name; a symbolic link is TOO_MANY_SYMLINKS: following it is the caller's work.
   */
  public CompletableFuture<CreatedFile> createAndOpen(
      InodeId directory, EntryName name, NewInode what, boolean exclusive) {
    Operation operation = core.begin(() -> "creation of '" + name + "' in inode " + directory);
    return operation.answer(
        core.opening
            .createAndOpen(operation, directory, name, what, exclusive, false)
            .thenApply(this::created),
        created -> created.file().abandon());
  }

  /**
   * As the other form; a file that is there already is cut to 0 if {@code truncate} says so.
   *
   * @param keeps as in {@link #open(InodeId, Keeping)}
   */
  public CompletableFuture<CreatedFile> createAndOpen(
      InodeId directory,
      EntryName name,
      NewInode what,
      boolean exclusive,
      boolean truncate,
      Keeping keeps) {
    Operation operation = core.begin(() -> "creation of '" + name + "' in inode " + directory);
    return operation.answer(
        core.opening
            .createAndOpen(operation, directory, name, what, exclusive, keeps == Keeping.READ_DATA)
            .thenApply(this::created)
            .thenCompose(created ->
                truncate && created.existed()
                    ? created.file().emptied(operation).thenApply(_ -> created)
                    : CompletableFuture.completedFuture(created)),
        created -> created.file().abandon());
  }

  private CreatedFile created(FileOpening.Opened opened) {
    return new CreatedFile(new OpenFile(core, opened.file(), true, true), opened.existed());
  }

  /** Makes a directory; EXISTS if the name is taken. */
  public CompletableFuture<FileAttributes> makeDirectory(
      InodeId directory, EntryName name, int mode, Owner owner) {
    NewInode newInode = NewInode.directory(mode, owner);
    Operation operation = core.begin(() -> "mkdir of '" + name + "' in inode " + directory);
    return operation.answer(core.namespace.makeDirectory(operation, directory, name, newInode));
  }

  /** Removes a name of anything but a directory; open handles go on working. */
  public CompletableFuture<Void> unlink(InodeId directory, EntryName name) {
    Operation operation = core.begin(() -> "unlink of '" + name + "' in inode " + directory);
    return operation.answer(core.namespace.unlink(operation, directory, name));
  }

  /** Removes an empty directory: NOT_EMPTY, NOT_DIRECTORY. */
  public CompletableFuture<Void> removeDirectory(InodeId directory, EntryName name) {
    Operation operation = core.begin(() -> "rmdir of '" + name + "' in inode " + directory);
    return operation.answer(core.namespace.removeDirectory(operation, directory, name));
  }

  /** Gives an inode that is no directory one more name, and answers what it is then. */
  public CompletableFuture<FileAttributes> link(InodeId inode, InodeId directory, EntryName name) {
    Operation operation =
        core.begin(() -> "link of inode " + inode + " to '" + name + "' in inode " + directory);
    return operation.answer(
        core.attributes
            .settle(operation, inode)
            .thenCompose(_ -> core.namespace.link(operation, inode, directory, name)));
  }

  /** Moves a name, atomically. */
  public CompletableFuture<Void> rename(
      InodeId directory, EntryName name, InodeId newDirectory, EntryName newName, RenameMode mode) {
    Operation operation =
        core.begin(() ->
            "rename of '"
                + name
                + "' in inode "
                + directory
                + " to '"
                + newName
                + "' in inode "
                + newDirectory);
    return operation.answer(rename(operation, directory, name, newDirectory, newName, mode));
  }

  /** The bytes of a symbolic link's target; INVALID if it is none. */
  public CompletableFuture<byte[]> readSymlink(InodeId inode) {
    Operation operation = core.beginOn(inode, () -> "readlink of inode " + inode);
    return operation.answer(core.namespace.readSymlink(operation, inode));
  }

  /**
   * Entries after a cookie (0 = from the start), without "." and "..". An entry that is there
   * before and after the listing is in it once; one that comes or goes meanwhile may be.
   *
   * @param maxBytes how much the page should have, a target
   * @param withAttributes whether to ask for every entry's attributes too
   */
  public CompletableFuture<DirectoryPage> readDirectory(
      InodeId directory, long afterCookie, int maxBytes, boolean withAttributes) {
    Operation operation = core.begin(() -> "listing of inode " + directory);
    return operation.answer(
        core.pages
            .read(operation, directory, afterCookie, maxBytes, withAttributes, DirectoryItem::new)
            .thenApply(DirectoryPage::of));
  }

  /**
   * What the setting {@code fsync} promises, for an inode and, of a directory, its entries. For the
   * bytes of a file, {@link OpenFile#syncAsync}.
   */
  public CompletableFuture<Void> sync(InodeId inode) {
    Operation operation = core.beginOn(inode, () -> "sync of inode " + inode);
    SwitchTable switches = core.router.switches();
    return operation.answer(
        switches.sameFsyncEverywhere()
            ? sync(operation, inode, switches.of(SettingChange.WHOLE_INSTANCE))
            : core.namespace
                .fetchAttributes(operation, inode)
                .thenCompose(now -> sync(operation, inode, core.switchesOf(now))));
  }

  private CompletableFuture<Void> sync(Operation operation, InodeId inode, Switches switches) {
    return switches.fsync() == Switches.Fsync.DISK
        ? core.namespace.syncToDisk(operation, inode)
        : CompletableFuture.completedFuture(null);
  }

  /**
   * Opens a regular file. Its data lives until the handle is closed, whatever happens to its names.
   */
  public CompletableFuture<OpenFile> open(InodeId inode) {
    return open(inode, true, true);
  }

  /** As {@link #open(InodeId)}, refusing with BAD_HANDLE what the handle is not for. */
  public CompletableFuture<OpenFile> open(InodeId inode, boolean readable, boolean writable) {
    Operation operation = core.begin(() -> "open of inode " + inode);
    return operation.answer(
        core.opening
            .open(operation, inode, false)
            .thenApply(file -> new OpenFile(core, file, readable, writable)),
        OpenFile::abandon);
  }

  /** Whether whoever opens a file keeps what it reads, as a kernel does in its page cache. */
  public enum Keeping {
    NOTHING,
    /** And so has to be told of others' changes ({@link #keptBy}). */
    READ_DATA
  }

  /** As {@link #open(InodeId)}. */
  public CompletableFuture<OpenFile> open(InodeId inode, Keeping keeps) {
    Operation operation = core.begin(() -> "open of inode " + inode);
    return operation.answer(open(operation, inode, keeps), OpenFile::abandon);
  }

  /** As {@link #open(InodeId, Keeping)}, and cuts the file to 0. */
  public CompletableFuture<OpenFile> openTruncated(InodeId inode, Keeping keeps) {
    Operation operation = core.begin(() -> "open of inode " + inode);
    return operation.answer(
        open(operation, inode, keeps).thenCompose(file -> file.emptied(operation)),
        OpenFile::abandon);
  }

  private CompletableFuture<OpenFile> open(Operation operation, InodeId inode, Keeping keeps) {
    return core.opening
        .open(operation, inode, keeps == Keeping.READ_DATA)
        .thenApply(file -> new OpenFile(core, file, true, true));
  }

  /**
   * Sets who drops what is kept of a file, when another client has changed it: the changes are done
   * (for those who asked that they be seen, by a flush, sync, close, truncation or unlock) when the
   * future has completed, or five seconds have passed. Before anything is opened to be kept.
   */
  public void keptBy(Function<InodeId, CompletableFuture<Void>> dropping) {
    core.recalls.keptBy(dropping);
  }

  /** The value of an extended attribute; NO_ATTRIBUTE, NOT_SUPPORTED of an unknown namespace. */
  public CompletableFuture<byte[]> getExtendedAttribute(InodeId inode, byte[] name) {
    Operation operation = core.beginOn(inode, () -> "extended attribute of inode " + inode);
    return operation.answer(core.extendedAttributes.get(operation, inode, name));
  }

  /** The names of all extended attributes. */
  public CompletableFuture<List<byte[]>> listExtendedAttributes(InodeId inode) {
    Operation operation = core.beginOn(inode, () -> "extended attributes of inode " + inode);
    return operation.answer(core.extendedAttributes.list(operation, inode));
  }

  /**
   * Sets an extended attribute: EXISTS or NO_ATTRIBUTE as the mode says, ATTRIBUTE_TOO_BIG for a
   * name of more than 255 bytes or a value of more than 64 KiB, NO_SPACE when the names would pass
   * 64 KiB or all together 1 MiB, NOT_SUPPORTED for names that begin with none of {@code user.},
   * {@code trusted.}, {@code security.}. Answers the inode as it is then.
   */
  public CompletableFuture<FileAttributes> setExtendedAttribute(
      InodeId inode, byte[] name, byte[] value, AttributeSetMode mode) {
    Operation operation =
        core.beginOn(inode, () -> "setting an extended attribute of inode " + inode);
    return operation.answer(
        core.extendedAttributes
            .set(
                operation,
                inode,
                name,
                value,
                mode == AttributeSetMode.CREATE,
                mode == AttributeSetMode.REPLACE)
            .thenApply(core.attributes::learned));
  }

  /** Removes an extended attribute; NO_ATTRIBUTE. Answers the inode as it is then. */
  public CompletableFuture<FileAttributes> removeExtendedAttribute(InodeId inode, byte[] name) {
    Operation operation =
        core.beginOn(inode, () -> "removal of an extended attribute of inode " + inode);
    return operation.answer(
        core.extendedAttributes.remove(operation, inode, name).thenApply(core.attributes::learned));
  }

  /** Whether a file is to have access times, which whoever reads has to set. */
  public boolean keepsAccessTimes(FileAttributes file) {
    return core.switchesOf(file).keepsAccessTimes();
  }

  /**
   * How long a mount may use an inode's names and attributes again without asking; 0 = not at all.
   *
   * @param inode null = one of no dataset
   */
  public long cacheNanos(@Nullable FileAttributes inode) {
    return inode == null
        ? core.router.switches().of(SettingChange.WHOLE_INSTANCE).cacheNanos()
        : core.switchesOf(inode).cacheNanos();
  }

  /**
   * What this client heard last of a regular file that it has open, without asking; null of
   * anything else.
   */
  public @Nullable FileAttributes lastKnown(InodeId inode) {
    KnownFile file = core.files.get(inode);
    return file == null ? null : file.attributes();
  }

  /**
   * From which data version on to the newest only this client has changed a file that it has open;
   * null of anything else.
   */
  public @Nullable OwnVersions ownVersions(InodeId inode) {
    KnownFile file = core.files.get(inode);
    return file == null ? null : file.ownVersions();
  }

  /**
   * Bytes of a regular file that this client has open.
   *
   * @param known what the caller has just heard of the file; nobody is asked for its size
   * @return the receiver releases it; empty if the file is not open here
   */
  public CompletableFuture<ByteBuf> readOpen(FileAttributes known, long offset, int lengthBytes) {
    KnownFile file = core.files.get(known.id());
    if (file == null) {
      return CompletableFuture.completedFuture(Unpooled.EMPTY_BUFFER);
    }
    Operation operation = core.begin(file, () -> "read of inode " + known.id());
    file.learn(known);
    return operation.answer(
        core.data.read(operation, file, offset, lengthBytes, known), ByteBuf::release);
  }

  /**
   * Space and inodes, asked from all nodes at once. A node that does not answer counts with what it
   * said last; if it never said anything, that is an error.
   */
  public CompletableFuture<Statistics> statistics() {
    Operation operation = core.begin(() -> "statistics of the file system");
    return operation.answer(
        core.space
            .totals(operation)
            .thenApply(now ->
                new Statistics(
                    now.space().totalBytes(),
                    now.space().availableBytes(),
                    now.inodesUsed() + now.space().inodesAvailable(),
                    now.space().inodesAvailable(),
                    core.router.switches().of(SettingChange.WHOLE_INSTANCE).chunkSizeBytes())));
  }

  /** The node that keeps an inode, as far as this client has heard. */
  public NodeId nodeOf(InodeId inode) {
    return core.router.map().owner(inode.slot());
  }

  /** The space that an inode takes, given what it is now. */
  public CompletableFuture<Long> allocatedBytes(FileAttributes now) {
    Operation operation = core.begin(() -> "space of inode " + now.id());
    return operation.answer(core.extents.allocatedBytes(operation, now));
  }

  // As a part of a longer operation. -------------------------------------------------------------

  CompletableFuture<Void> rename(
      Operation operation,
      InodeId directory,
      EntryName name,
      InodeId newDirectory,
      EntryName newName,
      RenameMode mode) {
    return core.namespace.rename(
        operation,
        directory,
        name,
        newDirectory,
        newName,
        mode != RenameMode.NO_REPLACE,
        mode == RenameMode.EXCHANGE);
  }
}
