package io.adhocfs.daemon.session;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.PinNumber;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All sessions of a daemon. What they hold lies in records, and in memory beside it: the records
 * are written by the batches of operations, memory follows once they are committed.
 *
 * <p>A client's session ends when it closes, or when it has been silent for too long, in two steps.
 * After 5/4 of the lease whatever it sends is refused, data too, at every daemon that it has ever
 * talked to. After 3/2 of the lease what it held goes, to others perhaps. Clients renew six times
 * in each lease at all daemons that they have talked to, so those have heard of it last within a
 * sixth of a lease: when the first gives away a lock, all others refuse already what may still come
 * from its old holder. Sessions of other daemons hold nothing and never end.
 *
 * <p>Silence is counted in time in which this daemon was awake: one that was stopped or started
 * anew gives its clients time to renew.
 *
 * <p>Metadata thread only, but for {@link #heardFrom} and {@link #count}.
 */
public final class Sessions implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

  /** How many ended sessions are remembered. */
  private static final int ENDED_MAX = 1 << 16;

  /** How many answers one session may leave unacknowledged. */
  private static final int ANSWERED_MAX = 1 << 17;

  /** How many pins all sessions may have here. */
  private static final int PINS_MAX = 1 << 22;

  private static final int LOOKS_PER_LEASE = 30;

  /** A session whose records can't be removed now is tried again after this. */
  private static final long END_AGAIN_NANOS = 10_000_000_000L;

  private static final int ENDING_SLICE = 256;
  private static final int ACKNOWLEDGED_SLICE = 32;

  private final MetadataStore store;
  private final MetadataThread thread;
  private final long lookNanos;
  private final long refusedAfterNanos;
  private final long endedAfterNanos;
  private final ConcurrentHashMap<SessionId, Session> sessions = new ConcurrentHashMap<>();

  private final Set<SessionId> ended = ConcurrentHashMap.newKeySet();

  /** Those that have ended, in that order. */
  private final ArrayDeque<SessionId> endedInOrder = new ArrayDeque<>();

  /** For how long this daemon has been awake; moves with each look for silent sessions. */
  private volatile long awakeNanos;

  private long lookedNanos;

  /** How many sessions pin an inode; absent = none. */
  private final Map<InodeId, Integer> pinsByInode = new HashMap<>();

  private final ByteBuf scratch = Unpooled.buffer(512);
  private SessionHoldings holdings = SessionHoldings.NONE;
  private final Recalls recalls;

  public Sessions(MetadataStore store, MetadataThread thread, Duration lease) {
    this.store = store;
    this.thread = thread;
    this.recalls = new Recalls(thread);
    long leaseNanos = lease.toNanos();
    this.lookNanos = Math.clamp(leaseNanos / LOOKS_PER_LEASE, 1_000_000L, 10_000_000_000L);
    this.refusedAfterNanos = leaseNanos / 4 * 5;
    this.endedAfterNanos = leaseNanos / 2 * 3;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.PIN, RecordKind.REPLY, RecordKind.LOCK);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    byte kind = Keys.kindCode(key);
    if (kind == RecordKind.REPLY.code()) {
      recovered(new SessionId(Keys.number(key, 0)))
          .answered
          .put(Keys.number(key, 1), new Session.Answered(slot, null));
      return;
    }
    // What holds locks has a lease to renew.
    Session session = recovered(new SessionId(Keys.number(key, 1)));
    if (kind == RecordKind.PIN.code()) {
      pinned(session, new InodeId(Keys.number(key, 0)), MetadataStore.pinNumber(value));
    }
  }

  /** Sets what knows of further things that sessions hold. Once, before anything is served. */
  public void alsoHeld(SessionHoldings by) {
    holdings = by;
  }

  @CanIgnoreReturnValue
  private Session recovered(SessionId id) {
    return sessions.computeIfAbsent(id, key -> new Session(key, PeerRole.CLIENT, awakeNanos));
  }

  /** Looks for sessions whose lease has run out, from now on. */
  public void start() {
    lookedNanos = thread.nanoTime();
    lookLater();
  }

  private void lookLater() {
    var _ = thread.schedule(this::look, lookNanos);
  }

  private void look() {
    long nowNanos = thread.nanoTime();
    // What was sent while this process was stopped or busy may still wait to be read.
    long awakeBefore = awakeNanos;
    awakeNanos = awakeBefore + Math.min(nowNanos - lookedNanos, 2 * lookNanos);
    lookedNanos = nowNanos;
    endSilent();
    lookLater();
  }

  private void endSilent() {
    for (Session session : sessions.values()) {
      // Marked even if it has nothing here: what it may send late may belong to what it had
      // elsewhere.
      boolean lapsed = session.lapse(awakeNanos, refusedAfterNanos);
      if (session.role == PeerRole.DAEMON || session.silenceNanos(awakeNanos) <= endedAfterNanos) {
        continue;
      }
      if (session.holdsState() || holdings.holdsAnything(session.id())) {
        LOG.info(
            "session {} was silent for its lease: {} pins, {} replies and its locks go",
            session.id(),
            session.pins.size(),
            session.answered.size());
        end(session, () -> {});
      } else if (lapsed) {
        end(session, () -> {});
      } else {
        sessions.remove(session.id(), session);
        recalls.ended(session.id());
      }
    }
  }

  /**
   * Notes that a session is alive; makes it known if it is new. Any thread.
   *
   * @throws FsException SESSION_EXPIRED when it has ended here, or is about to
   */
  @CanIgnoreReturnValue
  public Session heardFrom(SessionId id, PeerRole role) throws FsException {
    Session session = sessions.get(id);
    if (session == null) {
      if (ended.contains(id)) {
        throw expired(id);
      }
      session = sessions.computeIfAbsent(id, key -> new Session(key, role, awakeNanos));
    }
    if (!session.hear(awakeNanos, refusedAfterNanos)) {
      throw expired(id);
    }
    return session;
  }

  private static FsException expired(SessionId id) {
    return new FsException(
        FsError.SESSION_EXPIRED,
        "session "
            + id
            + " has ended here: it was silent for longer than its lease, or was closed; its locks"
            + " and open files are lost");
  }

  /** How many sessions are known. Any thread. */
  public int count() {
    return sessions.size();
  }

  /** Who keeps what it reads of inodes here. */
  public Recalls recalls() {
    return recalls;
  }

  /** How many sessions pin the inode. */
  public int pinsOf(InodeId inode) {
    return pinsByInode.getOrDefault(inode, 0);
  }

  /** Whether a session other than this one pins the inode. */
  public boolean isPinnedByOthers(Session session, InodeId inode) {
    int pins = pinsOf(inode);
    return pins > 1 || (pins == 1 && !session.pins.containsKey(inode));
  }

  /**
   * Asks to run an operation once.
   *
   * @return the ticket to run it with, or null when that is settled: answered from the stored
   *     reply, refused, or attached to the one that runs
   */
  public @Nullable Ticket admit(Session session, OperationStamp stamp, int slot, Exchange exchange)
      throws FsException {
    long sequence = stamp.sequence();
    if (sequence < session.acknowledgedBelow) {
      exchange.fail(
          FsError.INVALID,
          "operation " + sequence + " of " + session.id() + " has long been acknowledged");
      return null;
    }
    session.acknowledgedBelow = Math.max(session.acknowledgedBelow, stamp.acknowledgedBelow());
    Ticket running = session.running.get(sequence);
    if (running != null) {
      running.attach(exchange);
      return null;
    }
    Session.Answered answered = session.answered.isEmpty() ? null : session.answered.get(sequence);
    if (answered != null) {
      answerAgain(session, sequence, answered, exchange);
      return null;
    }
    if (session.answered.size() + session.running.size() >= ANSWERED_MAX) {
      throw new FsException(
          FsError.OVERLOADED,
          "session " + session.id() + " has too many operations unacknowledged");
    }
    var ticket = new Ticket(this, session, sequence, slot, exchange);
    session.running.put(sequence, ticket);
    return ticket;
  }

  /** Whether the operation has run and its reply is stored. */
  public boolean hasStored(Session session, OperationStamp stamp) {
    Session.Answered answered = session.answered.get(stamp.sequence());
    return answered != null && answered.inMemory() == null;
  }

  private void answerAgain(
      Session session, long sequence, Session.Answered answered, Exchange exchange)
      throws FsException {
    Reply inMemory = answered.inMemory();
    if (inMemory instanceof Reply.Failed failed) {
      exchange.fail(failed.error(), failed.message());
      return;
    }
    if (inMemory != null) {
      exchange.reply(inMemory);
      return;
    }
    byte[] stored = store.reply(answered.slot(), session.id(), sequence);
    if (stored == null) {
      throw new FsException(
          FsError.CORRUPT, "the reply " + sequence + " of " + session.id() + " is not there");
    }
    exchange.reply(StoredReply.decode(stored));
  }

  void store(Ticket ticket, Batch batch, Reply reply) throws FsException {
    Session session = ticket.session;
    if (session.ended) {
      return;
    }
    batch.putReply(ticket.slot, session.id(), ticket.sequence, StoredReply.encode(reply, scratch));
    dropAcknowledged(session, batch);
    batch.afterCommit(
        () -> session.answered.put(ticket.sequence, new Session.Answered(ticket.slot, null)));
  }

  /** Puts the removal of some acknowledged replies into a batch. */
  private void dropAcknowledged(Session session, Batch batch) throws FsException {
    if (session.answered.isEmpty() || session.answered.firstKey() >= session.acknowledgedBelow) {
      return;
    }
    List<Long> dropped = new ArrayList<>(2);
    for (Map.Entry<Long, Session.Answered> entry :
        session.answered.headMap(session.acknowledgedBelow).entrySet()) {
      if (entry.getValue().inMemory() == null) {
        if (!store.isWritable(entry.getValue().slot())) {
          continue; // goes with its slot
        }
        batch.removeReply(entry.getValue().slot(), session.id(), entry.getKey());
      }
      dropped.add(entry.getKey());
      if (dropped.size() == ACKNOWLEDGED_SLICE) {
        break;
      }
    }
    batch.afterCommit(() -> dropped.forEach(session.answered::remove));
  }

  void finished(Ticket ticket, boolean stored, Reply reply) {
    Session session = ticket.session;
    if (!session.running.remove(ticket.sequence, ticket)) {
      throw new IllegalStateException("operation " + ticket.sequence + " is answered twice");
    }
    // What had no effect must not run again after its sender has seen the answer.
    boolean isFinal =
        !(reply instanceof Reply.Failed failed)
            || failed.error().category() == FsError.Category.ANSWER;
    if (!stored && isFinal && !session.ended) {
      session.answered.put(ticket.sequence, new Session.Answered(ticket.slot, reply));
    }
  }

  /**
   * Puts a pin into a batch; a lower number than there is changes nothing.
   *
   * @throws FsException OVERLOADED when there are too many
   */
  public void pin(Session session, InodeId inode, long number, Batch batch) throws FsException {
    Long present = session.pins.get(inode);
    if (session.ended || (present != null && PinNumber.count(present) >= PinNumber.count(number))) {
      return;
    }
    if (present == null && pinsByInode.size() >= PINS_MAX) {
      throw new FsException(FsError.OVERLOADED, "too many files are open here");
    }
    long merged = present == null ? number : PinNumber.merged(present, number);
    batch.putPin(inode, session.id(), merged);
    batch.afterCommit(() -> pinned(session, inode, merged));
  }

  private void pinned(Session session, InodeId inode, long number) {
    if (session.pins.put(inode, number) == null) {
      pinsByInode.merge(inode, 1, Integer::sum);
    }
    if (PinNumber.keeps(number)) {
      recalls.keeps(session.id(), inode);
    }
  }

  /** Whether a pin of this number would change anything. */
  public boolean needsPin(Session session, InodeId inode, long number) {
    Long present = session.pins.get(inode);
    return number != 0 && (present == null || PinNumber.count(present) < PinNumber.count(number));
  }

  /**
   * Puts the release of a pin into a batch, and the end of an inode that has no names and no other
   * pins.
   *
   * @param number the pin goes if its number is at most this
   */
  public void release(Session session, InodeId inode, long number, Batch batch) throws FsException {
    Long present = session.pins.get(inode);
    if (present == null || PinNumber.count(present) > PinNumber.count(number)) {
      return;
    }
    batch.removePin(inode, session.id());
    batch.afterCommit(() -> {
      // One batch may name an inode twice.
      if (session.pins.remove(inode) != null) {
        pinsByInode.computeIfPresent(inode, (key, count) -> count == 1 ? null : count - 1);
        recalls.keepsNoMore(session.id(), inode);
      }
    });
    if (pinsOf(inode) == 1) {
      FileAttributes attributes = batch.inode(inode);
      if (attributes != null && attributes.linkCount() == 0) {
        batch.removeInode(attributes);
      }
    }
  }

  /**
   * Forgets what sessions have in slots that have gone to another node. Operations under way there
   * are told so: their senders ask the new owner, who has whatever they did.
   */
  @Override
  public void forget(BitSet slots) {
    for (Session session : sessions.values()) {
      session
          .answered
          .values()
          .removeIf(answered -> answered.inMemory() == null && slots.get(answered.slot()));
      session.pins.keySet().removeIf(inode -> slots.get(inode.slotValue()));
      for (Ticket ticket : List.copyOf(session.running.values())) {
        if (slots.get(ticket.slot)) {
          ticket.fail(FsError.WRONG_OWNER, "slot " + ticket.slot + " has gone to another node");
          ticket.settle();
        }
      }
    }
    pinsByInode.keySet().removeIf(inode -> slots.get(inode.slotValue()));
    recalls.forget(slots);
  }

  @Override
  public List<String> kept(BitSet slots) {
    List<String> kept = new ArrayList<>();
    for (Session session : sessions.values()) {
      session.answered.forEach((sequence, answered) -> {
        if (answered.inMemory() == null && slots.get(answered.slot())) {
          kept.add("the answer to operation " + sequence + " of " + session.id());
        }
      });
      session.pins.keySet().stream()
          .filter(inode -> slots.get(inode.slotValue()))
          .forEach(inode -> kept.add("a pin of " + session.id() + " on " + inode));
    }
    return kept;
  }

  /** Ends a session, in slices; the action runs when nothing of it is left. */
  public void end(Session session, Runnable whenDone) {
    session.ended = true;
    // Remembered first: other threads look for it in the sessions, then here.
    if (session.role != PeerRole.DAEMON && ended.add(session.id())) {
      endedInOrder.add(session.id());
      if (endedInOrder.size() > ENDED_MAX) {
        ended.remove(endedInOrder.remove());
      }
    }
    sessions.remove(session.id(), session);
    recalls.ended(session.id());
    endSlice(session, whenDone);
  }

  private void endSlice(Session session, Runnable whenDone) {
    try {
      Batch batch = store.batch();
      int budget = ENDING_SLICE;
      var pinned = new ArrayDeque<InodeId>();
      for (InodeId inode : session.pins.keySet()) {
        if (budget-- == 0) {
          break;
        }
        pinned.add(inode);
      }
      for (InodeId inode : pinned) {
        release(session, inode, Long.MAX_VALUE, batch);
      }
      List<Long> dropped = new ArrayList<>();
      for (Map.Entry<Long, Session.Answered> entry : session.answered.entrySet()) {
        if (budget-- <= 0) {
          break;
        }
        if (entry.getValue().inMemory() == null) {
          batch.removeReply(entry.getValue().slot(), session.id(), entry.getKey());
        }
        dropped.add(entry.getKey());
      }
      if (budget > 0) {
        holdings.release(session.id(), budget, batch);
      }
      batch.commit();
      dropped.forEach(session.answered::remove);
    } catch (FsException e) {
      LOG.warn("what session {} held stays for now: {}", session.id(), e.getMessage());
      whenDone.run();
      var _ = thread.schedule(() -> endSlice(session, () -> {}), END_AGAIN_NANOS);
      return;
    }
    if (session.pins.isEmpty()
        && session.answered.isEmpty()
        && !holdings.holdsAnything(session.id())) {
      whenDone.run();
    } else {
      thread.execute(() -> endSlice(session, whenDone));
    }
  }
}
