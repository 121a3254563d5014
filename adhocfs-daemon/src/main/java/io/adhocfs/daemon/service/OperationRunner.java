package io.adhocfs.daemon.service;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.Coordinator;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.daemon.transaction.Planner;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what requests ask for: when the keys that it needs are free, once where its request may be
 * sent twice, and only where the disk has room for it. Metadata thread only.
 */
final class OperationRunner {
  private static final Logger LOG = LoggerFactory.getLogger(OperationRunner.class);

  private final MetadataThread thread;
  private final MetadataStore store;
  private final Sessions sessions;
  private final KeyLocks locks;
  private final Coordinator coordinator;
  private final CrashPoints crashPoints;
  private final long waitNanos;

  /**
   * @param waitNanos how long a request waits for keys that undecided operations hold
   */
  OperationRunner(
      MetadataThread thread,
      MetadataStore store,
      Sessions sessions,
      KeyLocks locks,
      Coordinator coordinator,
      CrashPoints crashPoints,
      long waitNanos) {
    this.thread = thread;
    this.store = store;
    this.sessions = sessions;
    this.locks = locks;
    this.coordinator = coordinator;
    this.crashPoints = crashPoints;
    this.waitNanos = waitNanos;
  }

  /** A part of an operation that runs without a pause. */
  @FunctionalInterface
  interface Body {
    /**
     * Does all of it, the answer included, or nothing.
     *
     * @return null, or the key to wait for before it is run again
     */
    @Nullable LockKey run() throws FsException;
  }

  void run(Consumer<FsException> failed, Body body) {
    run(failed, body, 0);
  }

  /**
   * @param deadlineNanos until when to wait for keys; 0 = the time has not begun
   */
  private void run(Consumer<FsException> failed, Body body, long deadlineNanos) {
    try {
      LockKey held = body.run();
      if (held != null) {
        long until = deadlineNanos == 0 ? thread.nanoTime() + waitNanos : deadlineNanos;
        locks.await(held, until, () -> run(failed, body, until), failed);
      }
    } catch (FsException e) {
      failed.accept(e);
    } catch (RuntimeException e) {
      LOG.error("a request failed", e);
      failed.accept(new FsException(FsError.INTERNAL, String.valueOf(e)));
    }
  }

  /** Waits for a key as any request would. */
  void await(LockKey key, Runnable then, Consumer<FsException> failed) {
    locks.await(key, thread.nanoTime() + waitNanos, then, failed);
  }

  static Consumer<FsException> failing(Exchange exchange) {
    return error -> exchange.fail(error.error(), String.valueOf(error.getMessage()));
  }

  /** What a stamped operation does with its ticket. */
  @FunctionalInterface
  interface StampedBody {
    @Nullable LockKey run(Ticket ticket) throws FsException;
  }

  void once(Exchange exchange, Session session, OperationStamp stamp, int slot, StampedBody body)
      throws FsException {
    Ticket ticket = sessions.admit(session, stamp, slot, exchange);
    if (ticket != null) {
      run(ticket::fail, () -> body.run(ticket));
    }
  }

  /** An operation that adds to what is stored: it fails where the disk has no room for that. */
  StampedBody growing(StampedBody body) {
    return ticket -> {
      store.requireRoom();
      return body.run(ticket);
    };
  }

  Planner growing(Planner planner) {
    return new Roomy(planner, store::requireRoom);
  }

  /** An operation that removes something. */
  Planner shrinking(Planner planner) {
    return new Roomy(planner, store::makeRoom);
  }

  /** Looks after room before each plan. */
  private record Roomy(Planner planner, Look look) implements Planner {
    interface Look {
      void run() throws FsException;
    }

    @Override
    public List<EntryKey> looksAt() {
      return planner.looksAt();
    }

    @Override
    public InodeId looksAtInode() {
      return planner.looksAtInode();
    }

    @Override
    public void plan(Sink sink) throws FsException {
      look.run();
      planner.plan(sink);
    }
  }

  /** Writes the whole effect of an operation, with the reply, and answers. */
  void finish(Ticket ticket, Batch batch, Reply reply) throws FsException {
    ticket.store(batch, reply);
    batch.whole();
    batch.commit();
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
  }

  /** Goes on with an operation as one over several slots. */
  void coordinate(Ticket ticket, int slot, Planner planner) {
    coordinator.run(ticket, slot, planner);
  }

  /** Runs an operation over several slots, once. */
  void coordinate(
      Exchange exchange, Session session, OperationStamp stamp, int slot, Planner planner)
      throws FsException {
    Ticket ticket = sessions.admit(session, stamp, slot, exchange);
    if (ticket != null) {
      coordinator.run(ticket, slot, planner);
    }
  }

  /** Runs an operation that may cut a file once; a stored answer waits for the cut. */
  void onceAfterCut(
      Exchange exchange, Session session, OperationStamp stamp, InodeId inode, StampedBody body)
      throws FsException {
    LockKey held = locks.heldCut(inode);
    if (held != null && sessions.hasStored(session, stamp)) {
      // Decided before a restart and not done everywhere: the stored answer must wait for that.
      run(
          failing(exchange),
          () -> {
            LockKey still = locks.heldCut(inode);
            if (still == null) {
              once(exchange, session, stamp, inode.slotValue(), body);
            }
            return still;
          });
    } else {
      once(exchange, session, stamp, inode.slotValue(), body);
    }
  }
}
