package io.adhocfs.daemon.session;

import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.RecallRequest;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Which sessions keep what they read of an inode, and the way in which they are told to drop it.
 *
 * <p>A session asks for what it has to drop, and its next question says that it has done so; so
 * there is one question of each session under way, whatever happens to how many inodes. Changes of
 * an inode that a session has not been told of yet are one recall. A session that does not drop
 * something within a term is dead or stopped: nobody waits for it any more until it asks again.
 *
 * <p>Who keeps what is a matter of the pins, so it outlives the daemon and moves with the slot.
 * What is being recalled is not stored: whoever waits for it asks again.
 *
 * <p>Metadata thread only, but for {@link #isKeptElsewhere}.
 */
public final class Recalls {
  /** How long a recall waits for a session. */
  static final long TERM_NANOS = 5_000_000_000L;

  /** A new connection of a session waits until what the old one carried is answered. */
  private static final int PATIENCE_MILLIS_MAX = 2_000;

  /** How many inodes one answer names. */
  private static final int TOLD_MAX = 1024;

  private static final Reply DONE = new Reply.Done();

  /** A session that keeps something. */
  private static final class Keeper {
    /** What it keeps; changed by the metadata thread alone. */
    final Set<InodeId> kept = ConcurrentHashMap.newKeySet();

    /** What it is to be told, and who waits until it has dropped that. */
    final Map<InodeId, Set<Waiting>> toTell = new LinkedHashMap<>();

    /** What it was told in its last answer and has not dropped yet. */
    final Map<InodeId, Set<Waiting>> told = new LinkedHashMap<>();

    /** Of its last answer that named something. */
    long toldNumber;

    /** Its question, if that is held back. */
    @Nullable Exchange asking;

    boolean isSilent;
  }

  /** Somebody who waits until others have dropped an inode. */
  private static final class Waiting {
    final Exchange exchange;
    final Set<Keeper> missing = new HashSet<>();

    Waiting(Exchange exchange) {
      this.exchange = exchange;
    }
  }

  private final MetadataThread thread;
  private final ConcurrentHashMap<SessionId, Keeper> keepers = new ConcurrentHashMap<>();

  /** How many sessions keep something of an inode; absent = none. */
  private final ConcurrentHashMap<InodeId, Integer> keepersOf = new ConcurrentHashMap<>();

  Recalls(MetadataThread thread) {
    this.thread = thread;
  }

  private Keeper keeper(SessionId session) {
    return keepers.computeIfAbsent(session, _ -> new Keeper());
  }

  /** A session keeps what it reads of an inode, from now on. */
  void keeps(SessionId session, InodeId inode) {
    if (keeper(session).kept.add(inode)) {
      keepersOf.merge(inode, 1, Integer::sum);
    }
  }

  /** A session has nothing of an inode any more. */
  void keepsNoMore(SessionId session, InodeId inode) {
    Keeper keeper = keepers.get(session);
    if (keeper != null && keeper.kept.remove(inode)) {
      keepersOf.computeIfPresent(inode, (_, count) -> count == 1 ? null : count - 1);
      settle(keeper, keeper.toTell.remove(inode));
    }
  }

  /** Whether a session other than this one keeps what it has read of an inode. Any thread. */
  public boolean isKeptElsewhere(InodeId inode, SessionId session) {
    Integer count = keepersOf.get(inode);
    if (count == null) {
      return false;
    }
    Keeper own = keepers.get(session);
    return count > 1 || own == null || !own.kept.contains(inode);
  }

  /** Answers a request, now or later. */
  public void handle(Exchange exchange, Session session, RecallRequest request) {
    switch (request) {
      case RecallRequest.Recall recall -> recall(exchange, session.id(), recall.inode());
      case RecallRequest.AwaitRecalls await -> await(exchange, session.id(), await);
    }
  }

  @SuppressWarnings("ReferenceEquality") // A keeper is nothing but itself.
  private void recall(Exchange exchange, SessionId session, InodeId inode) {
    if (!isKeptElsewhere(inode, session)) {
      exchange.reply(DONE);
      return;
    }
    var waiting = new Waiting(exchange);
    Keeper own = keepers.get(session);
    for (Keeper keeper : keepers.values()) {
      if (keeper == own || !keeper.kept.contains(inode)) {
        continue;
      }
      Set<Waiting> all = keeper.toTell.computeIfAbsent(inode, _ -> new HashSet<>());
      if (!keeper.isSilent) {
        all.add(waiting);
        waiting.missing.add(keeper);
      }
      tell(keeper);
    }
    if (waiting.missing.isEmpty()) {
      exchange.reply(DONE);
    } else {
      var _ = thread.schedule(() -> giveUp(waiting), TERM_NANOS);
    }
  }

  private static void giveUp(Waiting waiting) {
    if (!waiting.missing.isEmpty()) {
      for (Keeper keeper : waiting.missing) {
        keeper.isSilent = true;
      }
      waiting.missing.clear();
      waiting.exchange.reply(DONE);
    }
  }

  @SuppressWarnings("ReferenceEquality") // An exchange is nothing but itself.
  private void await(Exchange exchange, SessionId session, RecallRequest.AwaitRecalls request) {
    Keeper keeper = keeper(session);
    keeper.isSilent = false;
    if (request.droppedNumber() == keeper.toldNumber) {
      List<Set<Waiting>> dropped = List.copyOf(keeper.told.values());
      keeper.told.clear();
      dropped.forEach(waiting -> settle(keeper, waiting));
    } else {
      // The answer may have been lost: it is told again. Numbers go on above what the session has
      // from this node's process before: else the next answer could seem to have arrived.
      keeper.toldNumber = Math.max(keeper.toldNumber, request.droppedNumber());
      keeper.told.forEach((inode, waiting) ->
          keeper.toTell.computeIfAbsent(inode, _ -> new HashSet<>()).addAll(waiting));
      keeper.told.clear();
    }
    answerEmpty(keeper);
    keeper.asking = exchange;
    tell(keeper);
    if (keeper.asking == exchange) {
      var _ =
          thread.schedule(
              () -> {
                if (keeper.asking == exchange) {
                  answerEmpty(keeper);
                }
              },
              Math.clamp(request.patienceMillis(), 0, PATIENCE_MILLIS_MAX) * 1_000_000L);
    }
  }

  private static void answerEmpty(Keeper keeper) {
    Exchange exchange = keeper.asking;
    keeper.asking = null;
    if (exchange != null) {
      exchange.reply(new Reply.Recalls(keeper.toldNumber, List.of()));
    }
  }

  /** Answers the question of a session for which there is something. */
  private static void tell(Keeper keeper) {
    Exchange exchange = keeper.asking;
    if (exchange == null || keeper.toTell.isEmpty()) {
      return;
    }
    keeper.asking = null;
    keeper.toldNumber++;
    List<InodeId> inodes = new ArrayList<>();
    var each = keeper.toTell.entrySet().iterator();
    while (each.hasNext() && inodes.size() < TOLD_MAX) {
      Map.Entry<InodeId, Set<Waiting>> entry = each.next();
      inodes.add(entry.getKey());
      keeper.told.put(entry.getKey(), entry.getValue());
      each.remove();
    }
    exchange.reply(new Reply.Recalls(keeper.toldNumber, inodes));
  }

  private static void settle(Keeper keeper, @Nullable Set<Waiting> dropped) {
    if (dropped == null) {
      return;
    }
    for (Waiting waiting : dropped) {
      if (waiting.missing.remove(keeper) && waiting.missing.isEmpty()) {
        waiting.exchange.reply(DONE);
      }
    }
  }

  /** A session has ended: nobody waits for it. */
  void ended(SessionId session) {
    Keeper keeper = keepers.remove(session);
    if (keeper == null) {
      return;
    }
    for (InodeId inode : keeper.kept) {
      keepersOf.computeIfPresent(inode, (_, count) -> count == 1 ? null : count - 1);
    }
    keeper.kept.clear();
    answerEmpty(keeper);
    List.copyOf(keeper.toTell.values()).forEach(waiting -> settle(keeper, waiting));
    List.copyOf(keeper.told.values()).forEach(waiting -> settle(keeper, waiting));
  }

  /**
   * Forgets what sessions keep of slots that have gone to another node. Sessions are answered, so
   * that they hear of the new owner and ask there; whoever waits for them is told to ask the new
   * owner, too.
   */
  void forget(BitSet slots) {
    keepersOf.keySet().removeIf(inode -> slots.get(inode.slotValue()));
    for (Keeper keeper : keepers.values()) {
      sendOn(keeper.toTell, slots);
      sendOn(keeper.told, slots);
      if (keeper.kept.removeIf(inode -> slots.get(inode.slotValue()))) {
        answerEmpty(keeper);
      }
    }
  }

  private static void sendOn(Map<InodeId, Set<Waiting>> recalled, BitSet slots) {
    recalled
        .entrySet()
        .removeIf(entry -> {
          InodeId inode = entry.getKey();
          if (!slots.get(inode.slotValue())) {
            return false;
          }
          for (Waiting waiting : entry.getValue()) {
            if (!waiting.missing.isEmpty()) {
              waiting.missing.clear();
              waiting.exchange.fail(
                  FsError.WRONG_OWNER, "inode " + inode + " has gone to another node");
            }
          }
          return true;
        });
  }
}
