package io.adhocfs.daemon.locking;

import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.SessionHoldings;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.LockRequest;
import io.adhocfs.protocol.wire.LockWait;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers requests for locks. What is granted is stored first, so it survives the daemon; the queue
 * of those who wait is not, for they ask again.
 *
 * <p>A lock is granted when no lock that is held is in its way: as on a local file system, those
 * who wait already do not keep a newcomer out. Of those who wait, the first is served first, in the
 * moment in which a lock goes.
 *
 * <p>Metadata thread only.
 */
public final class LockService implements SessionHoldings, SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(LockService.class);

  private static final Reply DONE = new Reply.Done();

  /** A new connection of a session waits until what the old one carried is answered. */
  private static final int PATIENCE_MILLIS_MAX = 2_000;

  /** Of one session; more would keep its connection from taking other requests. */
  private static final int HELD_BACK_MAX = 64;

  private static final long PLACE_KEPT_NANOS = 10_000_000_000L;
  private static final long SWEEP_NANOS = 1_000_000_000L;
  private static final int TOLD_BLOCKERS_MAX = 16;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final LockTable table = new LockTable();
  private final LockQueues queues = new LockQueues(table);
  private final AnnouncedWaits announced = new AnnouncedWaits();
  private boolean sweeping;

  public LockService(MetadataThread thread, MetadataStore store) {
    this.thread = thread;
    this.store = store;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.LOCK);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    LockKind kind;
    try {
      kind = LockKind.ofCode(key[key.length - 1]);
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.CORRUPT, "a record of locks: " + e.getMessage(), e);
    }
    var owner = new LockOwner(new SessionId(Keys.number(key, 1)), Keys.number(key, 2));
    table.recover(
        new Holder(new InodeId(Keys.number(key, 0)), kind, owner), HeldLocks.decode(value));
  }

  /**
   * Answers a request of a slot of this node, now or later.
   *
   * @throws FsException what to answer
   */
  public void handle(Exchange exchange, Session session, LockRequest request) throws FsException {
    switch (request) {
      case LockRequest.SetLock set -> set(exchange, session.id(), set);
      case LockRequest.TestLock test -> exchange.reply(test(session.id(), test));
      case LockRequest.ReleaseLocks release -> {
        release(
            new Holder(
                release.inode(), release.kind(), new LockOwner(session.id(), release.owner())));
        exchange.reply(DONE);
      }
      case LockRequest.AnnounceWait announce -> {
        if (!announce.owner().session().equals(session.id())) {
          throw new FsException(FsError.INVALID, "a wait of " + announce.owner());
        }
        announced.note(announce.owner(), announce.announced(), thread.nanoTime());
        sweepLater();
        exchange.reply(DONE);
      }
      case LockRequest.QueryWaits query -> exchange.reply(new Reply.LockWaits(waits(query)));
    }
  }

  /** Forgets the locks of slots that have gone; those who wait for one ask the new owner. */
  @Override
  public void forget(BitSet slots) {
    for (Waiter waiter : queues.all()) {
      InodeId inode = waiter.holder.inode();
      if (slots.get(inode.slotValue())) {
        queues.remove(waiter);
        Exchange exchange = waiter.exchange;
        if (exchange != null) {
          exchange.fail(FsError.WRONG_OWNER, "inode " + inode + " has gone to another node");
        }
      }
    }
    table.forget(slots);
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots, table.inodes().stream(), InodeId::slotValue, inode -> "locks on " + inode);
  }

  private static FileLock lock(LockKind kind, LockMode mode, long first, long last, int pid)
      throws FsException {
    try {
      return new FileLock(kind, mode, first, last, pid);
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  private void set(Exchange exchange, SessionId session, LockRequest.SetLock request)
      throws FsException {
    FileLock lock =
        lock(request.kind(), request.mode(), request.first(), request.last(), request.pid());
    var holder =
        new Holder(request.inode(), request.kind(), new LockOwner(session, request.owner()));
    if (lock.mode() == LockMode.NONE) {
      apply(holder, lock);
      serve(holder.inode());
      exchange.reply(DONE);
      return;
    }
    if (store.inode(request.inode()) == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + request.inode() + " is not there");
    }
    Waiter waiter =
        request.waitNumber() == 0
            ? null
            : queues.find(request.inode(), session, request.waitNumber());
    if (waiter != null) {
      putOff(waiter);
    }
    if (table.isFree(holder, lock)) {
      if (waiter != null) {
        queues.remove(waiter);
      }
      apply(holder, lock);
      serve(holder.inode());
      exchange.reply(DONE);
      return;
    }
    if (lock.kind() == LockKind.FLOCK) {
      // As Linux: a conversion that cannot be done at once gives up what it had first.
      release(holder);
    }
    List<LockOwner> blockers = table.blockers(holder, lock, LockQueues.BLOCKERS_MAX);
    if (request.waitNumber() == 0 || request.patienceMillis() <= 0) {
      if (waiter != null) {
        queues.remove(waiter);
      }
      throw new FsException(
          FsError.WOULD_BLOCK, "inode " + request.inode() + " is locked by " + blockers.getFirst());
    }
    if (waiter == null) {
      if (lock.kind() == LockKind.POSIX && queues.closesCycle(holder.owner(), blockers)) {
        throw new FsException(
            FsError.DEADLOCK,
            "inode " + request.inode() + " is locked by " + blockers.getFirst() + ", who waits");
      }
      waiter = new Waiter(holder, lock, request.waitNumber());
      queues.add(waiter);
      sweepLater();
    }
    holdBack(waiter, exchange, session, request.patienceMillis());
  }

  @SuppressWarnings("ReferenceEquality") // An exchange is nothing but itself.
  private void holdBack(Waiter waiter, Exchange exchange, SessionId session, int patienceMillis) {
    boolean tooMany = queues.heldBack(session) >= HELD_BACK_MAX;
    waiter.exchange = exchange;
    if (tooMany) {
      putOff(waiter);
      return;
    }
    long patienceNanos = Math.min(patienceMillis, PATIENCE_MILLIS_MAX) * 1_000_000L;
    var _ =
        thread.schedule(
            () -> {
              if (waiter.exchange == exchange) {
                putOff(waiter);
              }
            },
            patienceNanos);
  }

  /** Answers a waiter that it has to ask again; it keeps its place until then. */
  private void putOff(Waiter waiter) {
    Exchange exchange = waiter.exchange;
    waiter.exchange = null;
    waiter.expiresNanos = thread.nanoTime() + PLACE_KEPT_NANOS;
    if (exchange != null) {
      exchange.reply(
          new Reply.LockPending(table.blockers(waiter.holder, waiter.lock, TOLD_BLOCKERS_MAX)));
    }
  }

  private void apply(Holder holder, FileLock lock) throws FsException {
    HeldLocks held = table.held(holder);
    List<LockRange> after = LockRange.after(held.ranges(), lock);
    if (after.equals(held.ranges())) {
      return;
    }
    int pid = lock.mode() == LockMode.NONE ? held.pid() : lock.pid();
    Batch batch = store.batch();
    table.change(holder, new HeldLocks(pid, after), batch);
    batch.commit();
  }

  private void release(Holder holder) throws FsException {
    if (table.held(holder).ranges().isEmpty()) {
      return;
    }
    Batch batch = store.batch();
    table.change(holder, HeldLocks.NONE, batch);
    batch.commit();
    serve(holder.inode());
  }

  /** Grants what has become free to those who wait for it. */
  private void serve(InodeId inode) {
    boolean granted;
    do {
      granted = false;
      for (Waiter waiter : queues.at(inode)) {
        if (table.isFree(waiter.holder, waiter.lock)) {
          queues.remove(waiter);
          granted |= grant(waiter);
        }
      }
      // What was granted may have made another lock of its owner a weaker one.
    } while (granted);
  }

  private boolean grant(Waiter waiter) {
    Exchange exchange = waiter.exchange;
    try {
      apply(waiter.holder, waiter.lock);
    } catch (FsException e) {
      if (exchange == null) {
        LOG.debug("a lock could not be granted: {}", e.getMessage());
      } else {
        exchange.fail(e.error(), String.valueOf(e.getMessage()));
      }
      return false;
    }
    if (exchange != null) {
      exchange.reply(DONE);
    }
    // Else it asks again, and finds that it has the lock.
    return true;
  }

  private Reply test(SessionId session, LockRequest.TestLock test) throws FsException {
    FileLock lock = lock(test.kind(), test.mode(), test.first(), test.last(), 0);
    var holder = new Holder(test.inode(), test.kind(), new LockOwner(session, test.owner()));
    for (LockTable.Conflict conflict : table.firstInTheWay(holder, lock)) {
      LockRange range = conflict.range();
      boolean ours = conflict.owner().session().equals(session);
      return new Reply.LockState(
          range.mode(), range.first(), range.last(), ours ? conflict.pid() : 0);
    }
    return new Reply.LockState(LockMode.NONE, 0, 0, 0);
  }

  private List<LockWait> waits(LockRequest.QueryWaits query) {
    if (!query.inode().exists()) {
      return announced.of(query.owner(), thread.nanoTime());
    }
    List<LockWait> waits = new ArrayList<>();
    for (Waiter waiter : queues.of(query.owner())) {
      if (waiter.holder.inode().equals(query.inode())) {
        waits.add(
            new LockWait(
                waiter.number,
                0,
                query.inode(),
                table.blockers(waiter.holder, waiter.lock, LockQueues.BLOCKERS_MAX)));
      }
    }
    return waits;
  }

  private void sweepLater() {
    if (!sweeping) {
      sweeping = true;
      var _ = thread.schedule(this::sweep, SWEEP_NANOS);
    }
  }

  private void sweep() {
    sweeping = false;
    long now = thread.nanoTime();
    queues.removeExpired(now);
    announced.forgetOld(now);
    if (!queues.isEmpty() || !announced.isEmpty()) {
      sweepLater();
    }
  }

  @Override
  public boolean holdsAnything(SessionId session) {
    return table.holdsAnything(session) || queues.isWaiting(session);
  }

  @Override
  public void release(SessionId session, int max, Batch batch) throws FsException {
    for (Waiter waiter : queues.of(session)) {
      queues.remove(waiter);
      Exchange exchange = waiter.exchange;
      if (exchange != null) {
        exchange.fail(FsError.SESSION_EXPIRED, "session " + session + " has ended");
      }
    }
    int left = max;
    for (Holder holder : List.copyOf(table.holdersOf(session))) {
      if (left-- <= 0) {
        break;
      }
      table.change(holder, HeldLocks.NONE, batch);
      batch.afterCommit(() -> thread.execute(() -> serve(holder.inode())));
    }
  }
}
