package io.adhocfs.client.core;

import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Session;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.PinNumber;
import java.util.concurrent.CompletableFuture;

/**
 * Opens regular files: pins the inode in a session, that of other handles of the file where there
 * are any, and notes it as open, or lets go of the pin where the open has failed. Thread-safe.
 */
public final class FileOpening {
  /** So often an open begins anew because its session has ended at the owner. */
  private static final int OPENED_ANEW_MAX = 5;

  /**
   * A file that has been opened, and is to be released, in {@code KnownFiles} and {@code Pins}.
   *
   * @param existed whether the name was there already; the file is then that one, as it is
   */
  public record Opened(KnownFile file, boolean existed) {}

  private final ClientCore core;

  FileOpening(ClientCore core) {
    this.core = core;
  }

  /**
   * Makes a regular file and opens it, atomically; opens the one that is there unless exclusive.
   *
   * @param keeps whether whoever opens it keeps what it reads, and so has to be told of others'
   *     changes
   */
  public CompletableFuture<Opened> createAndOpen(
      Operation operation,
      InodeId directory,
      EntryName name,
      NewInode what,
      boolean exclusive,
      boolean keeps) {
    if (what.type() != FileType.REGULAR) {
      throw new IllegalArgumentException("a " + what.type() + " can't be opened");
    }
    long pin = drawPin(keeps);
    return Completion.compose(
        core.namespace.create(operation, directory, name, what, exclusive, pin),
        (made, failure) -> {
          if (failure != null) {
            FsException failed = Failures.of(failure);
            if (failed.error() == FsError.INTERRUPTED || failed.error() == FsError.TIMED_OUT) {
              unpinLater(operation, directory, name, pin);
            }
            return CompletableFuture.<Opened>failedFuture(failed);
          }
          return openMade(operation, made, pin, keeps)
              .thenApply(file -> new Opened(file, made.existed()));
        });
  }

  /** Opens what has been made, or found, under a pin. */
  private CompletableFuture<KnownFile> openMade(
      Operation operation, Namespace.Made made, long pin, boolean keeps) {
    InodeId inode = made.found().inode();
    Session session = made.session();
    if (!core.pins.useIn(session, inode, pin)) {
      // Another session has it open here, and two at once would count as two clients.
      core.pins.letGo(session, inode, pin);
      return open(operation, inode, keeps);
    }
    keep(session, inode, pin);
    FileAttributes attributes = made.found().attributes();
    return attributes != null
        ? opened(attributes, session)
        : openUsed(operation, inode, session, pin, keeps, 0);
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

  /**
   * Opens a regular file.
   *
   * @param keeps as in {@link #createAndOpen}
   */
  public CompletableFuture<KnownFile> open(Operation operation, InodeId inode, boolean keeps) {
    return open(operation, inode, keeps, 0);
  }

  private CompletableFuture<KnownFile> open(
      Operation operation, InodeId inode, boolean keeps, int losses) {
    long pin = drawPin(keeps);
    Session session = core.pins.use(inode, pin);
    keep(session, inode, pin);
    return openUsed(operation, inode, session, pin, keeps, losses);
  }

  private long drawPin(boolean keeps) {
    return core.pins.draw(keeps && core.recalls.hasKeeper());
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
  private CompletableFuture<KnownFile> openUsed(
      Operation operation, InodeId inode, Session session, long pin, boolean keeps, int losses) {
    Operation opening =
        core.operations.beginFor(operation, operation::description).of(session, inode);
    operation.cancelsToo(opening);
    return Completion.compose(
        core.namespace.open(opening, inode, pin),
        (attributes, failure) -> {
          if (failure == null) {
            return opened(attributes, session);
          }
          core.pins.release(session, inode);
          return failure.error() == FsError.SESSION_EXPIRED
                  && !session.isAlive(inode)
                  && losses < OPENED_ANEW_MAX
              ? open(operation, inode, keeps, losses + 1)
              : CompletableFuture.<KnownFile>failedFuture(failure);
        });
  }

  /** Notes what is pinned as open; lets go of the pin where that is no regular file. */
  private CompletableFuture<KnownFile> opened(FileAttributes attributes, Session session) {
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
    return CompletableFuture.completedFuture(core.files.acquire(attributes, session));
  }
}
