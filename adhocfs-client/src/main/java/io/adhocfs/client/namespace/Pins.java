package io.adhocfs.client.namespace;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.client.routing.Sessions;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.PinNumber;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.NamespaceRequest.ReleasePins;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps open inodes alive. A pin is one number per session and inode, not a count: opening raises
 * it, the last close lets go of all up to the highest number used, and an open that comes in
 * between has a higher one. Releases are sent late and together. Of the sessions in which an
 * inode's pin is not lost, at most one has it open. Thread-safe.
 */
public final class Pins {
  private static final Logger log = LoggerFactory.getLogger(Pins.class);

  private static final int BATCH_MAX = 64;
  private static final long DELAY_NANOS = 50_000_000L;

  /** More than this waits only while nodes don't answer; then releases are left to the lease. */
  private static final int WAITING_MAX = 1 << 20;

  /** The session is retained for it, and from then on until its release has been told. */
  private static final class Use {
    int count;
    long highest;
  }

  private final Router router;
  private final Sessions sessions;
  private final Timers timers;
  private final OperationSource operations;

  @GuardedBy("this")
  private long last;

  @GuardedBy("this")
  private final Map<Session, Map<InodeId, Use>> uses = new LinkedHashMap<>();

  @GuardedBy("this")
  private Map<Session, Map<InodeId, Long>> toRelease = new LinkedHashMap<>();

  @GuardedBy("this")
  private int waiting;

  @GuardedBy("this")
  private boolean timerSet;

  public Pins(Router router, Timers timers, OperationSource operations) {
    this.router = router;
    this.sessions = router.sessions();
    this.timers = timers;
    this.operations = operations;
  }

  /**
   * A number for an open of something that is not known yet; a use follows.
   *
   * @param keeps whether what is read is kept, so that others' changes have to be told
   */
  public synchronized long draw(boolean keeps) {
    return PinNumber.of(++last, keeps);
  }

  /** The session that has an inode open; null if none has, or that is lost. */
  public synchronized @Nullable Session sessionOf(InodeId inode) {
    for (Map.Entry<Session, Map<InodeId, Use>> entry : uses.entrySet()) {
      if (entry.getValue().containsKey(inode) && entry.getKey().isAlive(inode)) {
        return entry.getKey();
      }
    }
    return null;
  }

  /**
   * One more use of an inode, under a number that was drawn; before its answer is awaited.
   *
   * @return the session to open it in: the one that has it open, else the newest
   */
  public Session use(InodeId inode, long pin) {
    while (true) {
      // The newest may begin just now, which is not to happen under this object's lock.
      Session newest = sessions.newest();
      synchronized (this) {
        Session there = sessionOf(inode);
        Session session = there == null ? newest : there;
        if (session.isAlive(inode) && use(session, inode, pin)) {
          return session;
        }
      }
    }
  }

  /**
   * One more use of an inode that has been opened in a session, unless another one has it open.
   *
   * @return whether it is counted; else it is to be opened as any other, and {@link #letGo} follows
   */
  public synchronized boolean useIn(Session session, InodeId inode, long pin) {
    Session there = sessionOf(inode);
    return (there == null || there.equals(session)) && use(session, inode, pin);
  }

  @GuardedBy("this")
  private boolean use(Session session, InodeId inode, long pin) {
    Map<InodeId, Use> ofSession = uses.computeIfAbsent(session, _ -> new HashMap<>());
    Use use = ofSession.get(inode);
    if (use == null) {
      if (!sessions.tryRetain(session)) {
        if (ofSession.isEmpty()) {
          uses.remove(session);
        }
        return false;
      }
      use = new Use();
      ofSession.put(inode, use);
    }
    use.count++;
    use.highest = PinNumber.merged(use.highest, pin);
    return true;
  }

  /** A pin that may have been set in a session, and that nobody uses, is to go. */
  public void letGo(Session session, InodeId inode, long pin) {
    boolean used;
    synchronized (this) {
      used = use(session, inode, pin);
    }
    if (used) {
      release(session, inode);
    }
  }

  /** The owners of the inodes that a session has open and of which something is kept. */
  public synchronized Set<NodeId> ownersOfKept(Session session, ClusterMap map) {
    Set<NodeId> owners = new HashSet<>();
    uses.getOrDefault(session, Map.of())
        .forEach((inode, use) -> {
          if (PinNumber.keeps(use.highest) && session.isAlive(inode)) {
            owners.add(map.owner(inode.slot()));
          }
        });
    return owners;
  }

  /** The inodes in these slots that a session had open. */
  public synchronized Set<InodeId> openIn(Session session, BitSet slots) {
    Set<InodeId> inodes = new HashSet<>();
    uses.getOrDefault(session, Map.of())
        .keySet()
        .forEach(inode -> {
          if (slots.get(inode.slotValue())) {
            inodes.add(inode);
          }
        });
    return inodes;
  }

  /** A use has ended, or its open has failed. The last one lets go of the inode, soon. */
  public void release(Session session, InodeId inode) {
    boolean told = false;
    boolean full = false;
    boolean setTimer = false;
    synchronized (this) {
      Map<InodeId, Use> ofSession = uses.get(session);
      Use use = ofSession == null ? null : ofSession.get(inode);
      if (ofSession == null || use == null) {
        throw new IllegalStateException("inode " + inode + " is not in use");
      }
      use.count--;
      if (use.count > 0) {
        return;
      }
      ofSession.remove(inode);
      if (ofSession.isEmpty()) {
        uses.remove(session);
      }
      if (waiting >= WAITING_MAX || !session.isAlive(inode)) {
        told = true;
      } else {
        told = isToRelease(session, inode, use.highest);
        full = waiting >= BATCH_MAX;
        if (!full && !timerSet) {
          timerSet = true;
          setTimer = true;
        }
      }
    }
    if (told) {
      sessions.release(session);
    }
    if (full) {
      sendSoon();
    } else if (setTimer) {
      Timers.Timer _ =
          timers.after(
              DELAY_NANOS,
              () -> {
                synchronized (this) {
                  timerSet = false;
                }
                sendSoon();
              });
    }
  }

  private void sendSoon() {
    Completion.then(
        sendAll(),
        (_, failure) -> {
          if (failure != null) {
            log.warn("open files stay pinned until the lease ends: {}", failure.getMessage());
          }
        });
  }

  /** Notes a release; whether one of the same inode waits already. */
  @GuardedBy("this")
  private boolean isToRelease(Session session, InodeId inode, long pin) {
    Map<InodeId, Long> ofSession = toRelease.computeIfAbsent(session, _ -> new LinkedHashMap<>());
    Long before = ofSession.get(inode);
    ofSession.put(inode, before == null ? pin : PinNumber.merged(before, pin));
    if (before == null) {
      waiting++;
    }
    return before != null;
  }

  /** Sends what waits; completes when the owners have it or their time is over. Never fails. */
  public CompletableFuture<Void> sendAll() {
    List<Map.Entry<Session, Map<InodeId, Long>>> all;
    synchronized (this) {
      all = List.copyOf(toRelease.entrySet());
      toRelease = new LinkedHashMap<>();
      waiting = 0;
    }
    return Parallel.run(
        all.size(),
        all.size() + 1,
        i -> {
          Session session = all.get(i).getKey();
          Map<InodeId, Long> releases = all.get(i).getValue();
          return send(session, releases)
              .whenComplete((_, _) -> releases.keySet().forEach(_ -> sessions.release(session)));
        });
  }

  private CompletableFuture<Void> send(Session session, Map<InodeId, Long> releases) {
    ClusterMap map = router.map();
    Map<NodeId, List<PinRelease>> byOwner = new LinkedHashMap<>();
    releases.forEach((inode, pin) -> {
      if (session.isAlive(inode)) {
        byOwner
            .computeIfAbsent(map.owner(inode.slot()), _ -> new ArrayList<>())
            .add(new PinRelease(inode, pin));
      }
    });
    List<Map.Entry<NodeId, List<PinRelease>>> batches = new ArrayList<>();
    byOwner.forEach((node, ofNode) -> {
      for (int from = 0; from < ofNode.size(); from += BATCH_MAX) {
        int to = Math.min(ofNode.size(), from + BATCH_MAX);
        batches.add(Map.entry(node, List.copyOf(ofNode.subList(from, to))));
      }
    });
    return Parallel.run(
        batches.size(),
        BATCH_MAX,
        i -> send(session, batches.get(i).getKey(), batches.get(i).getValue(), map.epoch()));
  }

  private CompletableFuture<Void> send(
      Session session, NodeId node, List<PinRelease> releases, Epoch usedEpoch) {
    return Completion.compose(
        router.send(
            operations.begin(session, () -> "release of open files"),
            node,
            new ReleasePins(releases)),
        (response, failed) -> {
          if (failed == null) {
            Reply _ = Answers.reply(response);
            // It says nothing of inodes that are not its own any more.
            return router
                .mapOf(response.epoch(), node)
                .thenCompose(map -> sendMoved(session, node, releases, usedEpoch, map));
          }
          if (failed.error() != FsError.CLOSED && failed.error() != FsError.SESSION_EXPIRED) {
            log.warn(
                "{} open files stay pinned at {} until the lease ends: {}",
                releases.size(),
                node,
                failed.getMessage());
          }
          return Completion.done();
        });
  }

  /** Tells the new owners of slots that have moved meanwhile, which does no harm. */
  private CompletableFuture<Void> sendMoved(
      Session session, NodeId told, List<PinRelease> releases, Epoch usedEpoch, ClusterMap now) {
    Map<InodeId, Long> moved = new LinkedHashMap<>();
    if (now.epoch().isAfter(usedEpoch)) {
      for (PinRelease release : releases) {
        if (!now.owner(release.inode().slot()).equals(told)) {
          moved.put(release.inode(), release.pin());
        }
      }
    }
    return moved.isEmpty() ? Completion.done() : send(session, moved);
  }
}
