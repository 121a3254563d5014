package io.adhocfs.client.namespace;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.PinNumber;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.NamespaceRequest.ReleasePins;
import io.adhocfs.protocol.wire.PinRelease;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps open inodes alive. A pin is one number per inode, not a count: opening raises it, the last
 * close lets go of all up to the highest number used, and an open that comes in between has a
 * higher one. Releases are sent late and together. Thread-safe.
 */
public final class Pins {
  private static final Logger log = LoggerFactory.getLogger(Pins.class);

  private static final int BATCH_MAX = 64;
  private static final long DELAY_NANOS = 50_000_000L;

  /** More than this waits only while nodes don't answer; then releases are left to the lease. */
  private static final int WAITING_MAX = 1 << 20;

  private static final class Use {
    int count;
    long highest;
  }

  private final Router router;
  private final Timers timers;
  private final OperationSource operations;

  @GuardedBy("this")
  private long last;

  @GuardedBy("this")
  private final Map<InodeId, Use> uses = new HashMap<>();

  @GuardedBy("this")
  private Map<InodeId, Long> toRelease = new LinkedHashMap<>();

  @GuardedBy("this")
  private boolean timerSet;

  public Pins(Router router, Timers timers, OperationSource operations) {
    this.router = router;
    this.timers = timers;
    this.operations = operations;
  }

  /**
   * A number for an open of something that is not known yet; {@link #use} follows.
   *
   * @param keeps whether what is read is kept, so that others' changes have to be told
   */
  public synchronized long draw(boolean keeps) {
    return PinNumber.of(++last, keeps);
  }

  /** One more use of an inode, under a number that was drawn; before its answer is awaited. */
  public synchronized void use(InodeId inode, long pin) {
    Use use = uses.computeIfAbsent(inode, _ -> new Use());
    use.count++;
    use.highest = PinNumber.merged(use.highest, pin);
  }

  /** The owners of the inodes in use of which something is kept. */
  public synchronized Set<NodeId> ownersOfKept(ClusterMap map) {
    Set<NodeId> owners = new HashSet<>();
    uses.forEach((inode, use) -> {
      if (PinNumber.keeps(use.highest)) {
        owners.add(map.owner(inode.slot()));
      }
    });
    return owners;
  }

  /** A use has ended, or its open has failed. The last one lets go of the inode, soon. */
  public void release(InodeId inode) {
    boolean full;
    boolean setTimer = false;
    synchronized (this) {
      Use use = uses.get(inode);
      if (use == null) {
        throw new IllegalStateException("inode " + inode + " is not in use");
      }
      use.count--;
      if (use.count > 0) {
        return;
      }
      uses.remove(inode);
      if (toRelease.size() >= WAITING_MAX) {
        return;
      }
      toRelease.merge(inode, use.highest, PinNumber::merged);
      full = toRelease.size() >= BATCH_MAX;
      if (!full && !timerSet) {
        timerSet = true;
        setTimer = true;
      }
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

  /** Sends what waits; completes when the owners have it or their time is over. Never fails. */
  public CompletableFuture<Void> sendAll() {
    Map<InodeId, Long> waiting;
    synchronized (this) {
      waiting = toRelease;
      toRelease = new LinkedHashMap<>();
    }
    return send(waiting);
  }

  private CompletableFuture<Void> send(Map<InodeId, Long> waiting) {
    ClusterMap map = router.map();
    Map<NodeId, List<PinRelease>> byOwner = new LinkedHashMap<>();
    waiting.forEach((inode, pin) ->
        byOwner
            .computeIfAbsent(map.owner(inode.slot()), _ -> new ArrayList<>())
            .add(new PinRelease(inode, pin)));
    List<Map.Entry<NodeId, List<PinRelease>>> batches = new ArrayList<>();
    byOwner.forEach((node, releases) -> {
      for (int from = 0; from < releases.size(); from += BATCH_MAX) {
        int to = Math.min(releases.size(), from + BATCH_MAX);
        batches.add(Map.entry(node, List.copyOf(releases.subList(from, to))));
      }
    });
    return Parallel.run(
        batches.size(),
        BATCH_MAX,
        i -> send(batches.get(i).getKey(), batches.get(i).getValue(), map.epoch()));
  }

  private CompletableFuture<?> send(NodeId node, List<PinRelease> releases, Epoch usedEpoch) {
    return Completion.compose(
        router
            .send(operations.begin(() -> "release of open files"), node, new ReleasePins(releases))
            .thenApply(Answers::reply),
        (_, failed) -> {
          if (failed != null && failed.error() != FsError.CLOSED) {
            log.warn(
                "{} open files stay pinned at {} until the lease ends: {}",
                releases.size(),
                node,
                failed.getMessage());
          }
          // Slots that have moved meanwhile: those inodes' new owners are told, which does no harm.
          Map<InodeId, Long> moved = new LinkedHashMap<>();
          ClusterMap now = router.map();
          if (failed == null && now.epoch().isAfter(usedEpoch)) {
            for (PinRelease release : releases) {
              if (!now.owner(release.inode().slot()).equals(node)) {
                moved.put(release.inode(), release.pin());
              }
            }
          }
          return moved.isEmpty()
              ? CompletableFuture.completedFuture(true)
              : send(moved).thenApply(_ -> true);
        });
  }
}
