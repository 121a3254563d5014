package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A request that the kernel waits for: knows where the answer goes, takes the first answer, and
 * tells the file system when the program has been interrupted. The subclasses, in {@link Replies},
 * know the form of an answer. Any thread may call it.
 */
abstract class PendingRequest implements InodeFileSystem.Request, InodeFileSystem.Reply {
  private static final Logger LOG = LoggerFactory.getLogger(PendingRequest.class);

  /** In place of an action once the program has been interrupted. */
  private enum Interrupted implements Runnable {
    YES;

    @Override
    public void run() {}
  }

  private static final VarHandle ANSWERED;
  private static final VarHandle INTERRUPT_ACTION;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      ANSWERED = lookup.findVarHandle(PendingRequest.class, "answered", boolean.class);
      INTERRUPT_ACTION =
          lookup.findVarHandle(PendingRequest.class, "interruptAction", Runnable.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  protected final Session session;
  private final int descriptor;
  private final long unique;
  private final long node;
  private final long takenNanos;
  private final boolean changing;
  private long otherChangingNode;
  private boolean changesUnknown;
  private final int uid;
  private final int gid;
  private final int pid;

  @SuppressWarnings({"unused", "FieldCanBeFinal"}) // Through ANSWERED.
  private boolean answered;

  @SuppressWarnings({"unused", "FieldCanBeFinal"}) // Through INTERRUPT_ACTION.
  private @Nullable Runnable interruptAction;

  /** Set before the request is handed over. */
  private boolean clearsSetId;

  PendingRequest(Incoming incoming) {
    this.session = incoming.session();
    this.descriptor = incoming.descriptor();
    this.unique = incoming.unique();
    this.node = incoming.node();
    this.takenNanos = incoming.takenNanos();
    this.changing = incoming.isChanging();
    this.otherChangingNode = incoming.node();
    this.uid = incoming.uid();
    this.gid = incoming.gid();
    this.pid = incoming.pid();
  }

  final long unique() {
    return unique;
  }

  /**
   * Names another inode that the request changes; to be called before the file system gets the
   * request.
   */
  final void alsoChanges(long otherNode) {
    otherChangingNode = otherNode;
    session.told().changes(otherNode);
  }

  /**
   * Takes note that the request changes a directory of which it has only the name, as rmdir does.
   */
  final void changesUnknown() {
    changesUnknown = true;
    session.told().changesUnknown();
  }

  /** Takes note of attributes that the kernel is about to be told. */
  protected final void tell(FileAttributes attributes, boolean withName) {
    session.told().told(attributes, pid, takenNanos, withName);
  }

  /** Goes on after the drop of pages that must be gone before the answer; null = no drop. */
  protected static void afterDrop(@Nullable CompletableFuture<Void> drop, Runnable next) {
    if (drop == null) {
      next.run();
    } else {
      CompletableFuture<Void> _ = drop.thenRun(next);
    }
  }

  @Override
  public final Caller caller() {
    return new Caller(uid, gid, pid);
  }

  @Override
  public final boolean clearsSetId() {
    return clearsSetId;
  }

  final void clearsSetId(boolean value) {
    clearsSetId = value;
  }

  @Override
  public final void onInterrupt(Runnable action) {
    Runnable earlier;
    do {
      earlier = (Runnable) INTERRUPT_ACTION.getVolatile(this);
      if (earlier instanceof Interrupted) {
        action.run();
        return;
      }
    } while (!INTERRUPT_ACTION.compareAndSet(this, earlier, action));
  }

  /** To be called when the program no longer waits. */
  final void interrupt() {
    Runnable action = (Runnable) INTERRUPT_ACTION.getAndSet(this, Interrupted.YES);
    if (action != null) {
      action.run();
    }
  }

  @Override
  public final void error(FsError error) {
    if (takeAnswer()) {
      sendErrno(namesInodeOnly() ? Errnos.ofInodeRequest(error) : Errnos.of(error));
    }
  }

  /** Answers with an error of the driver or of the request, not of the file system. */
  final void answer(int errno) {
    if (takeAnswer()) {
      sendErrno(errno);
    }
  }

  /** True for the first answer: its caller must go on to send it, with one of the methods below. */
  protected final boolean takeAnswer() {
    boolean first = ANSWERED.compareAndSet(this, false, true);
    if (!first) {
      LOG.debug("a second answer to request {} is dropped", unique);
    } else if (changing) {
      session.told().changes(node);
      session.told().changes(otherChangingNode);
      if (changesUnknown) {
        session.told().changesUnknown();
      }
    }
    return first;
  }

  protected final void sendErrno(int errno) {
    try {
      discardReply();
      OutBuffer.ofThisThread().sendError(descriptor, unique, errno);
    } finally {
      session.forget(this);
    }
  }

  /** Sends the body that was put into the buffer. */
  protected final void send(OutBuffer out, int bodyLengthBytes) {
    try {
      out.send(descriptor, unique, bodyLengthBytes);
    } finally {
      session.forget(this);
    }
  }

  protected final int descriptor() {
    return descriptor;
  }

  /** Whether the request is about an inode by its number, with no entry's name in it. */
  protected boolean namesInodeOnly() {
    return false;
  }

  /** Whether the request may wait for another program without bound, so that any signal ends it. */
  protected boolean waitsForOthers() {
    return false;
  }

  final boolean isAnswered() {
    return (boolean) ANSWERED.getVolatile(this);
  }

  /** Frees the memory that a subclass has gathered for an answer that is not sent. */
  protected void discardReply() {}
}
