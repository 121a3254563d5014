package io.adhocfs.client;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Session;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.OwnVersions;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.PinNumber;
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
import java.util.function.Supplier;
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
  /** So often an open begins anew because its session has ended at the owner. */
  private static final int OPENED_ANEW_MAX = 5;

  private final ClientCore core;

  InodeOperations(ClientCore core) {
    this.core = core;
  }

  /** What is behind a name: NOT_FOUND, NOT_DIRECTORY. */
  public CompletableFuture<FileAttributes> lookup(InodeId directory, EntryName name) {

    Operation operation = core.begin(() -> "lookup of '" + name + "' in inode " + directory);
    return operation.answer(lookup(operation, directory, name));
  }

  /**
   * What an inode is now. Tells the owner first of writes through this client's handles whose times
   * it does not know yet.
   */
  public CompletableFuture<FileAttributes> getAttributes(InodeId inode) {

    Operation operation = core.beginOn(inode, () -> "attributes of inode " + inode);
    return operation.answer(getAttributes(operation, inode));
  }

  /** Sets attributes, all of the change or nothing. */
  public CompletableFuture<FileAttributes> setAttributes(InodeId inode, AttributeChange change) {

    Operation operation = core.beginOn(inode, () -> "change of attributes of inode " + inode);
    return operation.answer(setAttributes(operation, inode, change));
  }

  /** Sets a regular file's size, up or down; done when no reader sees what was cut any more. */
  public CompletableFuture<FileAttributes> truncate(InodeId inode, long sizeBytes) {

    Operation operation = core.begin(() -> "truncation of inode " + inode + " to " + sizeBytes);
    return operation.answer(truncate(operation, inode, sizeBytes));
  }

  /**
   * The path of a directory, as it was at one moment. A search: each directory above is listed
   * until the name is found. NOT_FOUND of one that has been removed, NOT_DIRECTORY, BUSY where
   * others rename it or those above it again and again.
   */
  public CompletableFuture<AdhocPath> pathOf(InodeId directory) {
    Operation operation = core.begin(() -> "path of inode " + directory);
    return operation.answer(new DirectoryPath(core.namespace, operation, directory).find());
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
    return operation.answer(create(operation, directory, name, what));
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
        createAndOpen(operation, directory, name, what, exclusive, true, true),
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
        createAndOpen(
                operation, directory, name, what, exclusive, true, true, keeps == Keeping.READ_DATA)
            .thenCompose(created ->
                truncate && created.existed()
                    ? emptied(operation, created.file()).thenApply(_ -> created)
                    : CompletableFuture.completedFuture(created)),
        created -> created.file().abandon());
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
    KnownFile file = core.files.get(inode);
    CompletableFuture<Void> settled =
        file == null
            ? Completion.done()
            : unlessLost(file, file.settle(operation), Completion::done);
    return operation.answer(
        settled.thenCompose(_ -> core.namespace.link(operation, inode, directory, name)));
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
        readDirectory(operation, directory, afterCookie, maxBytes, withAttributes));
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
    return operation.answer(open(operation, inode, readable, writable), OpenFile::abandon);
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
    return operation.answer(
        open(operation, inode, true, true, keeps == Keeping.READ_DATA), OpenFile::abandon);
  }

  /** As {@link #open(InodeId, Keeping)}, and cuts the file to 0. */
  public CompletableFuture<OpenFile> openTruncated(InodeId inode, Keeping keeps) {
    Operation operation = core.begin(() -> "open of inode " + inode);
    return operation.answer(
        open(operation, inode, true, true, keeps == Keeping.READ_DATA)
            .thenCompose(file -> emptied(operation, file)),
        OpenFile::abandon);
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
            .thenApply(this::learned));
  }

  /** Removes an extended attribute; NO_ATTRIBUTE. Answers the inode as it is then. */
  public CompletableFuture<FileAttributes> removeExtendedAttribute(InodeId inode, byte[] name) {
    Operation operation =
        core.beginOn(inode, () -> "removal of an extended attribute of inode " + inode);
    return operation.answer(
        core.extendedAttributes.remove(operation, inode, name).thenApply(this::learned));
  }

  private FileAttributes learned(FileAttributes told) {
    KnownFile file = core.files.get(told.id());
    if (file != null) {
      file.learn(told);
    }
    return told;
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
    return operation.answer(statistics(operation));
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

  // The same as parts of a longer operation. ------------------------------------------------------

  CompletableFuture<FileAttributes> lookup(Operation operation, InodeId directory, EntryName name) {
    return core.namespace
        .lookup(operation, directory, name)
        .thenCompose(found -> withOwnTimes(operation, found));
  }

  private CompletableFuture<FileAttributes> withOwnTimes(
      Operation operation, FileAttributes attributes) {
    KnownFile file = core.files.get(attributes.id());
    if (file == null) {
      return CompletableFuture.completedFuture(attributes);
    }
    file.learn(attributes);
    return unlessLost(
        file,
        file.holdsBytes()
            ? file.current(operation)
            : file.tellTimes(operation).thenApply(told -> told == null ? attributes : told),
        () -> CompletableFuture.completedFuture(attributes));
  }

  CompletableFuture<FileAttributes> getAttributes(Operation operation, InodeId inode) {
    KnownFile file = core.files.get(inode);
    return file == null
        ? core.namespace.getAttributes(operation, inode)
        : unlessLost(
            file, file.current(operation), () -> core.namespace.getAttributes(operation, inode));
  }

  /**
   * What comes of a file that is open here; when that turns out to be lost meanwhile, what comes of
   * one that is not.
   */
  private static <T extends @Nullable Object> CompletableFuture<T> unlessLost(
      KnownFile file, CompletableFuture<T> open, Supplier<CompletableFuture<T>> otherwise) {
    return Completion.compose(
        open,
        (value, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(value);
          }
          return failure.error() == FsError.SESSION_EXPIRED && !file.isAlive()
              ? otherwise.get()
              : CompletableFuture.<T>failedFuture(failure.asCompletion());
        });
  }

  CompletableFuture<FileAttributes> setAttributes(
      Operation operation, InodeId inode, AttributeChange change) {
    if (change.isEmpty()) {
      return getAttributes(operation, inode);
    }
    KnownFile file = core.files.get(inode);
    // Times that this client owes for earlier writes must not come after the ones that are set.
    CompletableFuture<Void> before =
        file == null
            ? Completion.done()
            : unlessLost(file, Completion.done(file.tellTimes(operation)), Completion::done);
    return before
        .thenCompose(_ -> core.namespace.setAttributes(operation, inode, change))
        .thenApply(told -> {
          if (file != null) {
            file.learn(told);
          }
          return told;
        });
  }

  CompletableFuture<FileAttributes> truncate(Operation operation, InodeId inode, long sizeBytes) {
    KnownFile known = core.files.get(inode);
    if (known == null || operation.belongsToSession()) {
      return truncate(operation, known, inode, sizeBytes);
    }
    // A cut of what is open here is a write: it must not come late either, when a lock that stands
    // behind it is lost.
    Operation ofHandle = core.begin(known, operation::description);
    operation.cancelsToo(ofHandle);
    return truncate(ofHandle, known, inode, sizeBytes);
  }

  private CompletableFuture<FileAttributes> truncate(
      Operation operation, @Nullable KnownFile known, InodeId inode, long sizeBytes) {
    core.files.beginCut(inode);
    CompletableFuture<Void> settled = known == null ? Completion.done() : known.settle(operation);
    return settled
        .thenCompose(_ -> core.namespace.truncate(operation, inode, sizeBytes))
        .thenApply(this::learned)
        .whenComplete((_, failure) -> core.files.endCut(inode, isCertain(failure)))
        .thenCompose(now -> toldOthers(operation, now));
  }

  /** Whether an operation that ended so has happened, or never will. */
  private static boolean isCertain(@Nullable Throwable failure) {
    if (failure == null) {
      return true;
    }
    FsError error = Failures.of(failure).error();
    return error != FsError.TIMED_OUT
        && error != FsError.INTERRUPTED
        && error != FsError.SESSION_EXPIRED;
  }

  /** Answers the same when no other session uses what it kept of the inode before its change. */
  CompletableFuture<FileAttributes> toldOthers(Operation operation, FileAttributes changed) {
    return core.recalls.tellOthers(operation, changed.id()).thenApply(_ -> changed);
  }

  CompletableFuture<FileAttributes> create(
      Operation operation, InodeId directory, EntryName name, NewInode what) {
    return core.namespace
        .create(operation, directory, name, what, true, 0)
        .thenCompose(made -> {
          FileAttributes attributes = made.found().attributes();
          return attributes != null
              ? CompletableFuture.completedFuture(attributes)
              : core.namespace.fetchAttributes(operation, made.found().inode());
        });
  }

  CompletableFuture<CreatedFile> createAndOpen(
      Operation operation,
      InodeId directory,
      EntryName name,
      NewInode what,
      boolean exclusive,
      boolean readable,
      boolean writable) {
    return createAndOpen(operation, directory, name, what, exclusive, readable, writable, false);
  }

  private CompletableFuture<CreatedFile> createAndOpen(
      Operation operation,
      InodeId directory,
      EntryName name,
      NewInode what,
      boolean exclusive,
      boolean readable,
      boolean writable,
      boolean keeps) {
    if (what.type() != FileType.REGULAR) {
      throw new IllegalArgumentException("a " + what.type() + " can't be opened");
    }
    long pin = core.pins.draw(keeps && core.recalls.hasKeeper());
    return Completion.compose(
        core.namespace.create(operation, directory, name, what, exclusive, pin),
        (made, failure) -> {
          if (failure != null) {
            FsException failed = Failures.of(failure);
            if (failed.error() == FsError.INTERRUPTED || failed.error() == FsError.TIMED_OUT) {
              unpinLater(operation, directory, name, pin);
            }
            return CompletableFuture.<CreatedFile>failedFuture(failed);
          }
          return pinned(operation, made, pin, readable, writable, keeps)
              .thenApply(file -> new CreatedFile(file, made.existed()));
        });
  }

  /** A handle for what has been made, or found, under a pin. */
  private CompletableFuture<OpenFile> pinned(
      Operation operation,
      Namespace.Made made,
      long pin,
      boolean readable,
      boolean writable,
      boolean keeps) {
    InodeId inode = made.found().inode();
    Session session = made.session();
    if (!core.pins.useIn(session, inode, pin)) {
      // Another session has it open here, and two at once would count as two clients.
      core.pins.letGo(session, inode, pin);
      return open(operation, inode, readable, writable, keeps);
    }
    keep(session, inode, pin);
    FileAttributes attributes = made.found().attributes();
    return attributes != null
        ? openPinned(attributes, session, readable, writable)
        : openUsed(operation, inode, session, pin, readable, writable, keeps, 0);
  }

  /** A create that nobody waits for any more may have run: its pin must not stay. */
  private void unpinLater(Operation failed, InodeId directory, EntryName name, long pin) {
    Operation operation = core.begin(() -> "release of '" + name + "' in inode " + directory);
    Completion.then(
        core.namespace.find(operation, directory, name, true),
        (found, _) -> {
          Session session = failed.session();
          if (found != null && session != null) {
            core.pins.letGo(session, found.inode(), pin);
          }
        });
  }

  CompletableFuture<OpenFile> open(
      Operation operation, InodeId inode, boolean readable, boolean writable) {
    return open(operation, inode, readable, writable, false);
  }

  private CompletableFuture<OpenFile> open(
      Operation operation, InodeId inode, boolean readable, boolean writable, boolean keeps) {
    return open(operation, inode, readable, writable, keeps, 0);
  }

  private CompletableFuture<OpenFile> open(
      Operation operation,
      InodeId inode,
      boolean readable,
      boolean writable,
      boolean keeps,
      int losses) {
    long pin = core.pins.draw(keeps && core.recalls.hasKeeper());
    Session session = core.pins.use(inode, pin);
    keep(session, inode, pin);
    return openUsed(operation, inode, session, pin, readable, writable, keeps, losses);
  }

  private void keep(Session session, InodeId inode, long pin) {
    if (PinNumber.keeps(pin)) {
      core.recalls.keeps(session, inode);
    }
  }

  /**
   * Opens what is counted as used under this pin already, or ends that use. Where the session turns
   * out to have ended at the owner, it is opened in another one.
   *
   * @param losses how often that has been so
   */
  private CompletableFuture<OpenFile> openUsed(
      Operation operation,
      InodeId inode,
      Session session,
      long pin,
      boolean readable,
      boolean writable,
      boolean keeps,
      int losses) {
    Operation opening =
        core.operations.beginFor(operation, operation::description).of(session, inode);
    operation.cancelsToo(opening);
    return Completion.compose(
        core.namespace.open(opening, inode, pin),
        (attributes, failure) -> {
          if (failure == null) {
            return openPinned(attributes, session, readable, writable);
          }
          core.pins.release(session, inode);
          return failure.error() == FsError.SESSION_EXPIRED
                  && !session.isAlive(inode)
                  && losses < OPENED_ANEW_MAX
              ? open(operation, inode, readable, writable, keeps, losses + 1)
              : CompletableFuture.<OpenFile>failedFuture(failure);
        });
  }

  /** Cuts a file that has just been opened to 0; closes it if that fails. */
  CompletableFuture<OpenFile> emptied(Operation operation, OpenFile file) {
    return Completion.compose(
        file.emptied(operation),
        (_, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(file);
          }
          file.abandon();
          return CompletableFuture.<OpenFile>failedFuture(failure);
        });
  }

  private CompletableFuture<OpenFile> openPinned(
      FileAttributes attributes, Session session, boolean readable, boolean writable) {
    FsError refusal =
        switch (attributes.type()) {
          case REGULAR -> null;
          case DIRECTORY -> FsError.IS_DIRECTORY;
          case SYMLINK -> FsError.TOO_MANY_SYMLINKS;
          case FIFO, CHARACTER_DEVICE, BLOCK_DEVICE, SOCKET -> FsError.NOT_SUPPORTED;
        };
    if (refusal != null) {
      core.pins.release(session, attributes.id());
      return CompletableFuture.failedFuture(
          new FsException(refusal, "inode " + attributes.id() + " is a " + attributes.type()));
    }
    return CompletableFuture.completedFuture(
        new OpenFile(core, this, core.files.acquire(attributes, session), readable, writable));
  }

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

  CompletableFuture<DirectoryPage> readDirectory(
      Operation operation,
      InodeId directory,
      long afterCookie,
      int maxBytes,
      boolean withAttributes) {
    return core.namespace
        .readDirectory(operation, directory, afterCookie, maxBytes, withAttributes, this::listed)
        .thenApply(page -> new DirectoryPage(page.items(), page.last(), page.nextCookie()));
  }

  private DirectoryItem listed(
      EntryName name, InodeId inode, FileType type, @Nullable FileAttributes told) {
    KnownFile file = told == null ? null : core.files.get(inode);
    return new DirectoryItem(
        name, inode, type, file == null || told == null ? told : file.withOwnSize(told));
  }

  CompletableFuture<Statistics> statistics(Operation operation) {
    return core.space
        .totals(
            operation,
            nanos ->
                new Operation(
                    operation::description,
                    operation.trafficClass(),
                    core.operations.timers(),
                    Math.max(1, Math.min(nanos, operation.remainingNanos()))))
        .thenApply(totals ->
            new Statistics(
                totals.space().totalBytes(),
                totals.space().availableBytes(),
                totals.inodesUsed() + totals.space().inodesAvailable(),
                totals.space().inodesAvailable(),
                core.router.switches().of(SettingChange.WHOLE_INSTANCE).chunkSizeBytes()));
  }
}
