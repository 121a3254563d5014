package io.adhocfs.client.locking;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.wire.LockRequest.ReleaseLocks;
import io.adhocfs.protocol.wire.LockRequest.SetLock;
import io.adhocfs.protocol.wire.LockRequest.TestLock;
import io.adhocfs.protocol.wire.Reply;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * Advisory locks of this client's owners. An owner's locks on an inode are of one session, that of
 * the handles that they were set through. Where it has lost the inode they are gone: to remove them
 * is nothing, and to set one through a handle of that session fails with SESSION_EXPIRED.
 * Thread-safe.
 */
public final class FileLocks {
  private final Router router;
  private final OperationSource operations;
  private final LongSupplier wallClockNanos;
  private final LockUses uses = new LockUses();
  private final Deadlocks deadlocks;

  /**
   * @param wallClockNanos nanoseconds since 1970
   */
  public FileLocks(Router router, OperationSource operations, LongSupplier wallClockNanos) {
    this.router = router;
    this.operations = operations;
    this.wallClockNanos = wallClockNanos;
    this.deadlocks = new Deadlocks(router, operations);
  }

  static SetLock setLock(
      InodeId inode, long owner, FileLock lock, long waitNumber, int patienceMillis) {
    return new SetLock(
        inode,
        lock.kind(),
        owner,
        lock.mode(),
        lock.first(),
        lock.last(),
        lock.pid(),
        waitNumber,
        patienceMillis);
  }

  private Operation begin(Session session, InodeId inode) {
    return operations.begin(session, inode, () -> "lock of inode " + inode);
  }

  /**
   * Sets or removes a lock at once: WOULD_BLOCK if another owner's is in the way.
   *
   * @param session of the handle
   * @param owner the caller's number of the owner, good until its locks on the inode are released
   * @param handle through which it is done
   */
  public CompletableFuture<Void> set(
      Session session, InodeId inode, long owner, FileLock lock, Object handle) {
    boolean removes = lock.mode() == LockMode.NONE;
    if (removes && uses.find(lock.kind(), owner, inode) == null) {
      return Completion.done();
    }
    FsException loss = removes ? null : session.lossOf(inode);
    if (loss != null) {
      return CompletableFuture.failedFuture(loss);
    }
    LockUses.Use use = uses.begin(lock.kind(), owner, session, inode, handle);
    Operation operation = begin(use.session(), inode);
    CompletableFuture<Void> done =
        Completion.done(
            router
                .send(operation, setLock(inode, use.number(), lock, 0, 0))
                .thenApply(Answers::reply)
                .whenComplete((_, _) -> uses.ended(lock.kind(), owner, use)));
    return operation.answer(removes ? removed(use, done) : done);
  }

  /**
   * Sets a lock as soon as no other owner's is in the way, however long that takes; DEADLOCK where
   * it would take for ever. Cancelling the future ends the wait; it then completes soon, with
   * INTERRUPTED or with the lock, if that had been granted before.
   */
  public CompletableFuture<Void> await(
      Session session, InodeId inode, long owner, FileLock lock, Object handle) {
    FsException loss = session.lossOf(inode);
    if (loss != null) {
      return CompletableFuture.failedFuture(loss);
    }
    LockUses.Use use = uses.begin(lock.kind(), owner, session, inode, handle);
    var waiting =
        new LockWaiting(
            router,
            operations,
            deadlocks,
            use.session(),
            inode,
            use.number(),
            lock,
            uses.drawNumber(),
            wallClockNanos.getAsLong(),
            () -> uses.ended(lock.kind(), owner, use));
    waiting.start();
    return waiting;
  }

  /** The lock that keeps an owner from setting one; of mode NONE if there is none. */
  public CompletableFuture<FileLock> test(
      Session session, InodeId inode, long owner, FileLock lock) {
    LockUses.Use known = uses.find(lock.kind(), owner, inode);
    // A number that nobody has stands for an owner that has no locks.
    long number = known != null ? known.number() : uses.drawNumber();
    Operation operation = begin(known != null ? known.session() : session, inode);
    return operation.answer(
        router
            .send(
                operation,
                new TestLock(inode, lock.kind(), number, lock.mode(), lock.first(), lock.last()))
            .thenApply(Answers::reply)
            .thenApply(reply -> {
              if (!(reply instanceof Reply.LockState state)) {
                throw Answers.unexpected(reply);
              }
              return state.mode() == LockMode.NONE
                  ? new FileLock(lock.kind(), LockMode.NONE, lock.first(), lock.last(), 0)
                  : new FileLock(
                      lock.kind(), state.mode(), state.first(), state.last(), state.pid());
            }));
  }

  /** Whether an owner may have locks on an inode. */
  public boolean mayHold(InodeId inode, LockKind kind, long owner) {
    return uses.find(kind, owner, inode) != null;
  }

  /** Removes all locks of an owner on an inode; asks nobody when it has none. */
  public CompletableFuture<Void> release(InodeId inode, LockKind kind, long owner) {
    return release(uses.forget(kind, owner, inode));
  }

  /** Removes what was locked through a handle and has not been released otherwise. */
  public CompletableFuture<Void> releaseHandle(InodeId inode, Object handle) {
    return release(uses.forgetHandle(handle, inode));
  }

  private CompletableFuture<Void> release(List<LockUses.Use> gone) {
    if (gone.isEmpty()) {
      return Completion.done();
    }
    return Parallel.run(
        gone.size(),
        gone.size(),
        i -> {
          LockUses.Use use = gone.get(i);
          return removed(
              use,
              Completion.done(
                  router
                      .send(
                          operations.begin(
                              use.session(),
                              use.inode(),
                              () -> "release of locks of inode " + use.inode()),
                          new ReleaseLocks(use.inode(), use.kind(), use.number()))
                      .thenApply(Answers::reply)));
        });
  }

  /** What is lost needs not be removed. */
  private static CompletableFuture<Void> removed(
      LockUses.Use use, CompletableFuture<Void> removal) {
    return Completion.compose(
        removal,
        (_, failure) ->
            failure == null
                    || (failure.error() == FsError.SESSION_EXPIRED
                        && !use.session().isAlive(use.inode()))
                ? Completion.done()
                : CompletableFuture.failedFuture(failure.asCompletion()));
  }

  /** On how many inodes in these slots owners had locks in a session. */
  public int countIn(Session session, BitSet slots) {
    return uses.countIn(session, slots);
  }
}
