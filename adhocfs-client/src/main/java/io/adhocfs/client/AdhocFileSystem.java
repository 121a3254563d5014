package io.adhocfs.client;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.client.core.Await;
import io.adhocfs.client.core.ClientCore;
import io.adhocfs.client.core.PathWalk;
import io.adhocfs.client.core.Surroundings;
import io.adhocfs.client.core.TreeRemoval;
import io.adhocfs.client.namespace.Found;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parties;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An instance, as one client sees it: a session with pins and a lease, renewed in the background
 * until {@link #close}. Thread-safe; one per process is enough.
 *
 * <p>A session that was not heard of for longer than its lease ends: at one node, if that alone did
 * not hear of it, or as a whole, if this process was stopped for so long. What was open or locked
 * there then fails with SESSION_EXPIRED until it is opened again; everything else, and all that is
 * new, goes on, in a new session that begins by itself.
 *
 * <p>Two levels: paths here, inodes and names in {@link #inodes()}. The calls here without "Async"
 * wait and throw {@link FsException} (an {@code IOException}) whose message names operation and
 * path; the others return at once and complete as {@link InodeOperations} says. A path is walked
 * component by component, symbolic links followed (TOO_MANY_SYMLINKS after 40), so an operation on
 * a path is not atomic with renames of the directories above. Permissions are not checked, no umask
 * is applied.
 */
public final class AdhocFileSystem implements AutoCloseable {
  private final ClientCore core;
  private final InodeOperations inodes;
  private final PathWalk walk;
  private final Owner owner;

  private AdhocFileSystem(ClientCore core, Owner owner) {
    this.core = core;
    this.inodes = new InodeOperations(core);
    this.walk = new PathWalk(core.namespace);
    this.owner = owner;
  }

  /**
   * Connects to an instance by its description alone: daemons that change their address later are
   * found only through those that did not.
   *
   * @throws FsException REFUSED by every contact, or TIMED_OUT when none answered in time
   */
  public static AdhocFileSystem open(Instance instance) throws FsException {
    return open(() -> instance, ClientOptions.DEFAULT);
  }

  /** As {@link #open(Instance)}, reading the description anew when a node cannot be reached. */
  public static AdhocFileSystem open(InstanceSource source, ClientOptions options)
      throws FsException {
    Instance instance = read(source);
    Owner owner = owner(options);
    ClientCore core = core(instance, source, options, owner, Surroundings.own(instance));
    try {
      Await.result(core.learnMap(instance));
    } catch (FsException e) {
      core.end(e);
      throw e;
    }
    return started(core, owner);
  }

  /**
   * A client on clocks and threads of the caller's: a process that is daemon and client in one, and
   * simulations. Never blocks. Errors as {@link #open(Instance)}.
   */
  public static CompletableFuture<AdhocFileSystem> over(
      InstanceSource source, ClientOptions options, Surroundings surroundings) {
    try {
      Instance instance = read(source);
      Owner owner = owner(options);
      ClientCore core = core(instance, source, options, owner, surroundings);
      return core.learnMap(instance)
          .handle((_, error) -> {
            if (error != null) {
              FsException reason = FsException.of(error);
              core.end(reason);
              throw reason.asCompletion();
            }
            return started(core, owner);
          });
    } catch (FsException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static Owner owner(ClientOptions options) throws FsException {
    try {
      return options.owner().isPresent() ? options.owner().get() : ThisProcess.owner();
    } catch (IOException e) {
      throw new FsException(FsError.INTERNAL, "this process's user is not known", e);
    }
  }

  private static ClientCore core(
      Instance instance,
      InstanceSource source,
      ClientOptions options,
      Owner owner,
      Surroundings surroundings) {
    Job job = options.job().orElseGet(() -> Job.of(System.getenv()));
    return new ClientCore(
        instance,
        () -> source.read().nodes(),
        new Parties(job.id(), job.step(), owner.uid()),
        options.trafficClass(),
        options.deadline(),
        surroundings);
  }

  private static AdhocFileSystem started(ClientCore core, Owner owner) {
    core.start();
    return new AdhocFileSystem(core, owner);
  }

  private static Instance read(InstanceSource source) throws FsException {
    try {
      return source.read();
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.NOT_FOUND, "the description of the instance can't be read: " + e.getMessage(), e);
    }
  }

  /**
   * Begins operations on behalf of somebody else than this process, as limits and statistics see
   * it.
   *
   * @param user his number
   * @param work begins them; what they go on to do later remains his
   */
  public <T extends @Nullable Object> T onBehalfOf(Job job, int user, Supplier<T> work) {
    return core.parties.onBehalfOf(job.id(), job.step(), user, work);
  }

  /** The file system by inodes. */
  public InodeOperations inodes() {
    return inodes;
  }

  /** What a path names, symbolic links followed. */
  public FileAttributes stat(AdhocPath path) throws FsException {
    return Await.result(statAsync(path));
  }

  public CompletableFuture<FileAttributes> statAsync(AdhocPath path) {
    Operation operation = core.begin(() -> "stat " + path);
    return operation.answer(attributes(operation, path, true));
  }

  /** As {@link #stat}, but a symbolic link at the end of the path is not followed. */
  public FileAttributes statLink(AdhocPath path) throws FsException {
    return Await.result(statLinkAsync(path));
  }

  public CompletableFuture<FileAttributes> statLinkAsync(AdhocPath path) {
    Operation operation = core.begin(() -> "lstat " + path);
    return operation.answer(attributes(operation, path, false));
  }

  /** Sets attributes of what a path names, symbolic links followed. */
  @CanIgnoreReturnValue
  public FileAttributes setAttributes(AdhocPath path, AttributeChange change) throws FsException {
    return Await.result(setAttributesAsync(path, change));
  }

  public CompletableFuture<FileAttributes> setAttributesAsync(
      AdhocPath path, AttributeChange change) {
    Operation operation = core.begin(() -> "change of attributes of " + path);
    return operation.answer(
        walk.find(operation, path.steps(), true)
            .thenCompose(found -> core.attributes.set(operation, found.inode(), change)));
  }

  /** The value of an extended attribute of what a path leads to; NO_ATTRIBUTE. */
  public byte[] getExtendedAttribute(AdhocPath path, byte[] name) throws FsException {
    Operation operation = core.begin(() -> "extended attribute of " + path);
    return Await.result(
        operation.answer(
            walk.find(operation, path.steps(), true)
                .thenCompose(found -> inodes.getExtendedAttribute(found.inode(), name))));
  }

  /** The names of all extended attributes of what a path leads to. */
  public List<byte[]> listExtendedAttributes(AdhocPath path) throws FsException {
    Operation operation = core.begin(() -> "extended attributes of " + path);
    return Await.result(
        operation.answer(
            walk.find(operation, path.steps(), true)
                .thenCompose(found -> inodes.listExtendedAttributes(found.inode()))));
  }

  /** As {@link InodeOperations#setExtendedAttribute}, of what a path leads to. */
  @CanIgnoreReturnValue
  public FileAttributes setExtendedAttribute(
      AdhocPath path, byte[] name, byte[] value, AttributeSetMode mode) throws FsException {
    Operation operation = core.begin(() -> "setting an extended attribute of " + path);
    return Await.result(
        operation.answer(
            walk.find(operation, path.steps(), true)
                .thenCompose(
                    found -> inodes.setExtendedAttribute(found.inode(), name, value, mode))));
  }

  /** Removes an extended attribute of what a path leads to; NO_ATTRIBUTE. */
  @CanIgnoreReturnValue
  public FileAttributes removeExtendedAttribute(AdhocPath path, byte[] name) throws FsException {
    Operation operation = core.begin(() -> "removal of an extended attribute of " + path);
    return Await.result(
        operation.answer(
            walk.find(operation, path.steps(), true)
                .thenCompose(found -> inodes.removeExtendedAttribute(found.inode(), name))));
  }

  /** Sets a regular file's size, up or down. */
  @CanIgnoreReturnValue
  public FileAttributes truncate(AdhocPath path, long sizeBytes) throws FsException {
    return Await.result(truncateAsync(path, sizeBytes));
  }

  public CompletableFuture<FileAttributes> truncateAsync(AdhocPath path, long sizeBytes) {
    Operation operation = core.begin(() -> "truncation of " + path + " to " + sizeBytes);
    return operation.answer(
        walk.find(operation, path.steps(), true)
            .thenCompose(found -> core.truncation.truncate(operation, found.inode(), sizeBytes)));
  }

  /** The entries of a directory, without "." and "..". */
  public DirectoryListing list(AdhocPath path, boolean withAttributes) throws FsException {
    return Await.result(listAsync(path, withAttributes));
  }

  public CompletableFuture<DirectoryListing> listAsync(AdhocPath path, boolean withAttributes) {
    Operation operation = core.begin(() -> "listing of " + path);
    return operation.answer(
        walk.find(operation, path.steps(), true)
            .thenCompose(found ->
                found.type() == FileType.DIRECTORY
                    ? CompletableFuture.completedFuture(
                        new DirectoryListing(core, path, found.inode(), withAttributes))
                    : CompletableFuture.failedFuture(
                        new FsException(FsError.NOT_DIRECTORY, "it is a " + found.type()))));
  }

  /** Makes one directory; EXISTS if the name is taken. */
  @CanIgnoreReturnValue
  public FileAttributes createDirectory(AdhocPath path, int mode) throws FsException {
    return Await.result(createDirectoryAsync(path, mode));
  }

  public CompletableFuture<FileAttributes> createDirectoryAsync(AdhocPath path, int mode) {
    NewInode newInode = NewInode.directory(mode, owner);
    Operation operation = core.begin(() -> "mkdir " + path);
    return operation.answer(createDirectory(operation, path, newInode));
  }

  /** Makes a directory and those above it that are not there; answers the last, made or found. */
  @CanIgnoreReturnValue
  public FileAttributes createDirectories(AdhocPath path, int mode) throws FsException {
    return Await.result(createDirectoriesAsync(path, mode));
  }

  public CompletableFuture<FileAttributes> createDirectoriesAsync(AdhocPath path, int mode) {
    NewInode newInode = NewInode.directory(mode, owner);
    Operation operation = core.begin(() -> "mkdir -p " + path);
    return operation.answer(createDirectories(operation, path, newInode));
  }

  /** Opens a regular file. IS_DIRECTORY, NOT_SUPPORTED for what has no bytes. */
  public OpenFile open(AdhocPath path, OpenOptions options) throws FsException {
    return Await.result(openAsync(path, options));
  }

  public CompletableFuture<OpenFile> openAsync(AdhocPath path, OpenOptions options) {
    Operation operation = core.begin(() -> "open of " + path);
    return operation.answer(open(operation, path, options), OpenFile::abandon);
  }

  /** Moves a name, atomically. */
  public void rename(AdhocPath from, AdhocPath to, RenameMode mode) throws FsException {
    Await.result(renameAsync(from, to, mode));
  }

  public CompletableFuture<Void> renameAsync(AdhocPath from, AdhocPath to, RenameMode mode) {
    Operation operation = core.begin(() -> "rename of " + from + " to " + to);
    return operation.answer(
        Completion.done(
            inNamedDirectory(
                operation,
                from,
                (directory, name) ->
                    inNamedDirectory(
                        operation,
                        to,
                        (newDirectory, newName) ->
                            inodes
                                .rename(operation, directory, name, newDirectory, newName, mode)
                                .thenApply(_ -> true)))));
  }

  /** Removes a name: of a file, a symbolic link, an empty directory. */
  public void remove(AdhocPath path) throws FsException {
    Await.result(removeAsync(path));
  }

  public CompletableFuture<Void> removeAsync(AdhocPath path) {
    Operation operation = core.begin(() -> "removal of " + path);
    return operation.answer(remove(operation, path));
  }

  /**
   * Removes what a path names and everything below it; symbolic links are removed, not followed.
   * Not atomic. What goes away meanwhile is no error; what comes meanwhile may be NOT_EMPTY. The
   * root stays: all below it is removed.
   */
  public void removeRecursively(AdhocPath path) throws FsException {
    Await.result(removeRecursivelyAsync(path));
  }

  public CompletableFuture<Void> removeRecursivelyAsync(AdhocPath path) {
    // Each entry has the deadline for itself: a large tree takes as long as it takes.
    Operation operation = core.operations.begin(() -> "recursive removal of " + path, 0);
    return operation.answer(new TreeRemoval(core, walk, operation).remove(path.steps()));
  }

  /** Makes a symbolic link at {@code path} whose target is these bytes. */
  @CanIgnoreReturnValue
  public FileAttributes symlink(AdhocPath path, byte[] target) throws FsException {
    return Await.result(symlinkAsync(path, target));
  }

  public CompletableFuture<FileAttributes> symlinkAsync(AdhocPath path, byte[] target) {
    Operation operation = core.begin(() -> "symlink at " + path);
    if (target.length == 0) {
      return operation.answer(
          CompletableFuture.failedFuture(new FsException(FsError.NOT_FOUND, "an empty target")));
    }
    if (target.length >= AdhocPath.LENGTH_MAX) {
      return operation.answer(
          CompletableFuture.failedFuture(
              new FsException(FsError.NAME_TOO_LONG, "a target of " + target.length + " bytes")));
    }
    return operation.answer(
        inNamedDirectory(
            operation,
            path,
            (directory, name) ->
                core.creation.create(operation, directory, name, NewInode.symlink(target, owner))));
  }

  /** The target of a symbolic link; INVALID if it is none. */
  public byte[] readSymlink(AdhocPath path) throws FsException {
    return Await.result(readSymlinkAsync(path));
  }

  public CompletableFuture<byte[]> readSymlinkAsync(AdhocPath path) {
    Operation operation = core.begin(() -> "readlink of " + path);
    return operation.answer(
        walk.find(operation, path.steps(), false)
            .thenCompose(found ->
                found.type() == FileType.SYMLINK
                    ? core.namespace.readSymlink(operation, found.inode())
                    : CompletableFuture.failedFuture(
                        new FsException(FsError.INVALID, "it is a " + found.type()))));
  }

  /** Gives what {@code existing} names (a symbolic link itself, not its target) one more name. */
  @CanIgnoreReturnValue
  public FileAttributes link(AdhocPath existing, AdhocPath path) throws FsException {
    return Await.result(linkAsync(existing, path));
  }

  public CompletableFuture<FileAttributes> linkAsync(AdhocPath existing, AdhocPath path) {
    Operation operation = core.begin(() -> "link of " + existing + " to " + path);
    return operation.answer(
        walk.find(operation, existing.steps(), false)
            .thenCompose(found ->
                inNamedDirectory(
                    operation,
                    path,
                    (directory, name) ->
                        core.namespace.link(operation, found.inode(), directory, name))));
  }

  /** Space and inodes: as {@link InodeOperations#statistics()}. */
  public Statistics statistics() throws FsException {
    return Await.result(inodes.statistics());
  }

  /**
   * Releases pins, ends the sessions at the daemons they spoke to, as far as they answer within a
   * few seconds, and drops the connections. Operations under way and later ones fail with CLOSED.
   * Idempotent; waits.
   */
  @Override
  public void close() {
    core.close();
  }

  /** As {@link #close}, but does not wait: completes when the client is closed. */
  public CompletableFuture<Void> closeAsync() {
    return core.closeAsync();
  }

  private CompletableFuture<FileAttributes> attributes(
      Operation operation, AdhocPath path, boolean followLast) {
    return walk.lookUp(operation, path.steps(), followLast)
        .thenCompose(found -> {
          FileAttributes told = found.attributes();
          if (path.isRoot() || core.files.get(found.inode()) != null) {
            return core.attributes.get(operation, found.inode());
          }
          return told != null
              ? CompletableFuture.completedFuture(told)
              : core.namespace.fetchAttributes(operation, found.inode());
        });
  }

  private CompletableFuture<FileAttributes> createDirectory(
      Operation operation, AdhocPath path, NewInode newInode) {
    if (path.isRoot()) {
      return CompletableFuture.failedFuture(new FsException(FsError.EXISTS, "it is the root"));
    }
    return inNamedDirectory(
        operation,
        path,
        (directory, name) -> core.namespace.makeDirectory(operation, directory, name, newInode));
  }

  private CompletableFuture<FileAttributes> createDirectories(
      Operation operation, AdhocPath path, NewInode newInode) {
    if (path.isRoot()) {
      return attributes(operation, path, true);
    }
    return Completion.compose(
        createDirectory(operation, path, newInode),
        (made, failure) -> {
          if (failure == null) {
            return CompletableFuture.completedFuture(made);
          }
          FsException answer = Failures.of(failure);
          return switch (answer.error()) {
            case EXISTS, INVALID -> existingDirectory(operation, path);
            case NOT_FOUND -> withParents(operation, path, newInode);
            default -> CompletableFuture.<FileAttributes>failedFuture(answer);
          };
        });
  }

  private CompletableFuture<FileAttributes> existingDirectory(Operation operation, AdhocPath path) {
    return attributes(operation, path, true)
        .thenCompose(there ->
            there.isDirectory()
                ? CompletableFuture.completedFuture(there)
                : CompletableFuture.failedFuture(
                    new FsException(FsError.EXISTS, "'" + path + "' is a " + there.type())));
  }

  private CompletableFuture<FileAttributes> withParents(
      Operation operation, AdhocPath path, NewInode newInode) {
    try {
      return Completion.compose(
          createDirectories(operation, path.parent(), newInode)
              .thenCompose(_ -> createDirectory(operation, path, newInode)),
          (made, failure) -> {
            if (failure == null) {
              return CompletableFuture.completedFuture(made);
            }
            // Somebody else may have made it meanwhile.
            FsException answer = Failures.of(failure);
            return answer.error() == FsError.EXISTS
                ? existingDirectory(operation, path)
                : CompletableFuture.<FileAttributes>failedFuture(answer);
          });
    } catch (FsException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletableFuture<OpenFile> open(
      Operation operation, AdhocPath path, OpenOptions options) {
    boolean onlyNew = options.create() && options.exclusive();
    return walk.locate(operation, path.steps(), options.followSymlinks() && !onlyNew)
        .thenCompose(place -> {
          Found found = place.found();
          EntryName name = place.name();
          if (found == null && name != null && options.create()) {
            // Whoever makes it meanwhile decides what it is; a symbolic link is then refused.
            return core.opening
                .createAndOpen(
                    operation,
                    place.directory(),
                    name,
                    NewInode.regularFile(options.mode(), owner),
                    options.exclusive(),
                    false)
                .thenCompose(opened -> handle(operation, opened.file(), options, opened.existed()));
          }
          if (found == null) {
            return CompletableFuture.failedFuture(
                new FsException(FsError.NOT_FOUND, "there is no such file"));
          }
          if (onlyNew) {
            return CompletableFuture.failedFuture(
                new FsException(FsError.EXISTS, "there is one already"));
          }
          return core.opening
              .open(operation, found.inode(), false)
              .thenCompose(file -> handle(operation, file, options, true));
        });
  }

  /** The handle of what has been opened, once it is cut where that is asked for. */
  private CompletableFuture<OpenFile> handle(
      Operation operation, KnownFile opened, OpenOptions options, boolean existed) {
    var file = new OpenFile(core, opened, options.readable(), options.writable());
    return options.truncate() && existed
        ? file.emptied(operation)
        : CompletableFuture.completedFuture(file);
  }

  private CompletableFuture<Void> remove(Operation operation, AdhocPath path) {
    if (path.isRoot()) {
      return CompletableFuture.failedFuture(new FsException(FsError.BUSY, "it is the root"));
    }
    return Completion.done(
        inNamedDirectory(
            operation,
            path,
            (directory, name) ->
                core.namespace
                    .find(operation, directory, name, true)
                    .thenCompose(found ->
                        (found.type() == FileType.DIRECTORY
                                ? core.namespace.removeDirectory(operation, directory, name)
                                : core.namespace.unlink(operation, directory, name))
                            .thenApply(_ -> true))));
  }

  @FunctionalInterface
  private interface EntryAction<T> {
    CompletableFuture<T> on(InodeId directory, EntryName name);
  }

  /** Runs an action on a path's last name in its directory, which must exist. */
  private <T> CompletableFuture<T> inNamedDirectory(
      Operation operation, AdhocPath path, EntryAction<T> action) {
    EntryName name;
    AdhocPath parent;
    try {
      name = path.name();
      parent = path.parent();
    } catch (FsException e) {
      return CompletableFuture.failedFuture(e);
    }
    return walk.find(operation, parent.steps(), true)
        .thenCompose(directory -> action.on(directory.inode(), name));
  }
}
