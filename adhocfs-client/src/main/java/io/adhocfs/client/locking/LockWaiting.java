package io.adhocfs.client.locking;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.wire.LockRequest.SetLock;
import io.adhocfs.protocol.wire.LockWait;
import io.adhocfs.protocol.wire.Reply;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One wait for a lock: asks the owner again and again, who holds each answer back for a while,
 * until the lock is granted. There is no limit to it, but an owner that can't be reached within the
 * client's deadline ends it, and so does the end of its session there.
 *
 * <p>Cancelling the future asks the owner to give the place up. The answer may be that the lock has
 * just been granted: then it is, and the future says so; else it fails with INTERRUPTED. An owner
 * that does not say within a second is not waited for.
 */
final class LockWaiting extends CompletableFuture<Void> {
  private static final Logger log = LoggerFactory.getLogger(LockWaiting.class);

  /** Within this most locks are granted; after it, it's worth to look for a deadlock. */
  private static final int FIRST_PATIENCE_MILLIS = 100;

  private static final int PATIENCE_MILLIS = 1_000;
  private static final long HURRIED_PAUSE_NANOS = 50_000_000L;
  private static final long ANNOUNCED_EVERY_NANOS = 900_000_000L;

  /** A node that can't be reached holds up no more searches than a few. */
  private static final long SEARCH_NANOS = 3_000_000_000L;

  private static final long LAST_WORD_NANOS = 1_000_000_000L;

  private final Router router;
  private final OperationSource operations;
  private final Timers timers;
  private final Deadlocks deadlocks;
  private final Session session;
  private final InodeId inode;
  private final LockOwner owner;
  private final FileLock lock;
  private final long number;
  private final long sinceNanos;
  private final Runnable whenOver;

  @GuardedBy("this")
  private @Nullable Operation asking;

  @GuardedBy("this")
  private boolean givenUp;

  @GuardedBy("this")
  private boolean over;

  /** When the wait was last announced; 0 = never. */
  private volatile long announcedNanos;

  /**
   * @param session that the lock is to be of
   * @param whenOver is run once, before this completes
   * @param number of this wait, drawn by the session
   * @param sinceNanos of the wall clock
   */
  LockWaiting(
      Router router,
      OperationSource operations,
      Deadlocks deadlocks,
      Session session,
      InodeId inode,
      long ownerNumber,
      FileLock lock,
      long number,
      long sinceNanos,
      Runnable whenOver) {
    this.router = router;
    this.operations = operations;
    this.timers = operations.timers();
    this.deadlocks = deadlocks;
    this.inode = inode;
    this.session = session;
    this.owner = new LockOwner(session.id(), ownerNumber);
    this.lock = lock;
    this.number = number;
    this.sinceNanos = sinceNanos;
    this.whenOver = whenOver;
  }

  private String name() {
    return "lock of inode " + inode;
  }

  private SetLock request(int patienceMillis) {
    return FileLocks.setLock(inode, owner.number(), lock, number, patienceMillis);
  }

  void start() {
    ask(Math.min(FIRST_PATIENCE_MILLIS, patienceMillis()));
  }

  /** Well within the time in which an answer has to come. */
  private int patienceMillis() {
    long limitMillis = operations.limitNanos() / 1_000_000;
    return limitMillis == 0 ? PATIENCE_MILLIS : Math.clamp(limitMillis / 4, 1, PATIENCE_MILLIS);
  }

  private void ask(int patienceMillis) {
    Operation operation = operations.begin(session, inode, this::name);
    synchronized (this) {
      if (givenUp) {
        return;
      }
      asking = operation;
    }
    long began = timers.nanoTime();
    Completion.then(
        router.send(operation, request(patienceMillis)).thenApply(Answers::reply),
        this,
        (reply, failure) -> {
          synchronized (this) {
            if (givenUp) {
              return;
            }
            asking = null;
          }
          if (failure != null) {
            finish(failure);
          } else if (reply instanceof Reply.LockPending pending) {
            boolean hurried = timers.nanoTime() - began < patienceMillis * 500_000L;
            waitOn(pending, hurried);
          } else {
            finish(null);
          }
        });
  }

  /** False if it was over before. */
  @CanIgnoreReturnValue
  private boolean finish(@Nullable FsException failure) {
    synchronized (this) {
      if (over) {
        return false;
      }
      over = true;
    }
    whenOver.run();
    if (announcedNanos != 0) {
      deadlocks.over(session, owner, number, inode);
    }
    if (failure == null) {
      complete(null);
    } else {
      completeExceptionally(failure);
    }
    return true;
  }

  private void waitOn(Reply.LockPending pending, boolean hurried) {
    if (hurried) {
      // The daemon holds back as many as it wants to.
      Timers.Timer _ = timers.after(HURRIED_PAUSE_NANOS, () -> askAgain(pending));
    } else {
      askAgain(pending);
    }
  }

  private void askAgain(Reply.LockPending pending) {
    ask(patienceMillis());
    if (lock.kind() == LockKind.FLOCK || pending.blockers().isEmpty()) {
      return;
    }
    long now = timers.nanoTime();
    if (announcedNanos != 0 && now - announcedNanos < ANNOUNCED_EVERY_NANOS) {
      return;
    }
    announcedNanos = now == 0 ? 1 : now;
    Operation search = operations.begin(session, inode, this::name, SEARCH_NANOS);
    var mine = new LockWait(number, sinceNanos, inode, pending.blockers());
    Completion.then(
        deadlocks.isVictim(search, owner, mine),
        (victim, failure) -> {
          if (failure != null) {
            log.debug("{}: deadlocks are not looked for now: {}", name(), failure.getMessage());
          } else if (victim) {
            giveUp(new FsException(FsError.DEADLOCK, name() + ": a deadlock"));
          }
        });
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    giveUp(new FsException(FsError.INTERRUPTED, name() + ": interrupted"));
    return isCompletedExceptionally();
  }

  /** Leaves the queue; the reason is the answer unless the lock turns out to be granted. */
  private void giveUp(FsException reason) {
    Operation current;
    synchronized (this) {
      if (givenUp || isDone()) {
        return;
      }
      givenUp = true;
      current = asking;
    }
    if (current != null) {
      // Its retries must not take the place in the queue again.
      current.cancel();
    }
    Timers.Timer limit = timers.after(LAST_WORD_NANOS, () -> finish(reason));
    Completion.then(
        router
            .send(operations.begin(session, inode, () -> "end of the " + name()), request(0))
            .thenApply(Answers::reply),
        this,
        (_, failure) -> {
          limit.cancel();
          if (failure != null) {
            finish(failure.error() == FsError.SESSION_EXPIRED ? Failures.of(failure) : reason);
          } else if (!finish(null)) {
            // Nobody waits any more who would have it.
            var none = new FileLock(lock.kind(), LockMode.NONE, lock.first(), lock.last(), 0);
            Completion.then(
                router
                    .send(
                        operations.begin(session, inode, () -> "release of the " + name()),
                        FileLocks.setLock(inode, owner.number(), none, 0, 0))
                    .thenApply(Answers::reply),
                (_, _) -> {});
          }
        });
  }

  @Override
  public <U extends @Nullable Object> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
