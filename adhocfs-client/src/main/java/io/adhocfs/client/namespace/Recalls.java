package io.adhocfs.client.namespace;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.RecallRequest.AwaitRecalls;
import io.adhocfs.protocol.wire.RecallRequest.Recall;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Both sides of telling others of changes. As a writer: an answer says that another session keeps
 * what it has read of the inode; when the change is to be seen ({@link #tellOthers}), the owner is
 * asked to have them drop it. As a keeper: while inodes are open whose data is kept ({@link Pins}),
 * each of their owners is asked what is to be dropped, again and again, in the session that has
 * them open. Thread-safe.
 */
public final class Recalls {
  private static final Logger log = LoggerFactory.getLogger(Recalls.class);

  /** Short, for a connection that ends waits until its questions are answered. */
  private static final int PATIENCE_MILLIS = 1_000;

  private static final long PAUSE_NANOS = 1_000_000_000L;

  private final Router router;
  private final Timers timers;
  private final OperationSource operations;
  private final Pins pins;

  /** Changed here, kept elsewhere, and the others have not been told. */
  @GuardedBy("this")
  private final Set<InodeId> untold = new HashSet<>();

  /** What others are being told of. */
  @GuardedBy("this")
  private final Map<InodeId, CompletableFuture<Void>> telling = new HashMap<>();

  /** A session, and a node that it asks what is to be dropped. */
  private record Asked(Session session, NodeId node) {}

  /** Who is asked what is to be dropped. */
  @GuardedBy("this")
  private final Set<Asked> asked = new HashSet<>();

  private volatile @Nullable Function<InodeId, CompletableFuture<Void>> keeper;

  /** Makes it the one who hears from a router of answers about what others keep. */
  public Recalls(Router router, Timers timers, OperationSource operations, Pins pins) {
    this.router = router;
    this.timers = timers;
    this.operations = operations;
    this.pins = pins;
    router.onKeptElsewhere(this::keptElsewhere);
  }

  // A writer
  // ---------------------------------------------------------------------------------------

  private void keptElsewhere(Request request) {
    InodeId inode = request.changesDataOf();
    if (inode != null) {
      synchronized (this) {
        untold.add(inode);
      }
    }
  }

  /**
   * Completes when no other session uses what it kept of an inode before the changes that this
   * client has made and that have been answered. Asks nobody where nobody keeps anything. Fails
   * only with the operation's interruption or deadline: what others keep is no reason to fail.
   */
  public CompletableFuture<Void> tellOthers(Operation operation, InodeId inode) {
    var mine = new CompletableFuture<Void>();
    synchronized (this) {
      CompletableFuture<Void> before = telling.get(inode);
      if (!untold.remove(inode)) {
        return before == null ? Completion.done() : operation.share(before);
      }
      telling.put(inode, mine);
      if (before != null) {
        // Whoever waits for this waits for what had begun before, too.
        return tell(operation, inode, mine, before);
      }
    }
    return tell(operation, inode, mine, Completion.done());
  }

  private CompletableFuture<Void> tell(
      Operation operation,
      InodeId inode,
      CompletableFuture<Void> mine,
      CompletableFuture<Void> before) {
    Operation own = operations.beginFor(operation, () -> "recall of inode " + inode);
    Completion.then(
        router.send(own, new Recall(inode)).thenApply(Answers::reply),
        (_, failure) -> {
          if (failure != null) {
            log.debug("what others keep of inode {} stays: {}", inode, failure.getMessage());
          }
          Completion.then(
              before,
              (_, _) -> {
                synchronized (this) {
                  telling.remove(inode, mine);
                }
                mine.complete(null);
              });
        });
    return operation.share(mine);
  }

  // A keeper
  // ---------------------------------------------------------------------------------------

  /**
   * Sets who drops what is kept of an inode; its future completes when that has been done. Before
   * anything is opened to be kept.
   */
  public void keptBy(Function<InodeId, CompletableFuture<Void>> dropping) {
    keeper = dropping;
  }

  /** Whether there is somebody who can drop what is kept. */
  public boolean hasKeeper() {
    return keeper != null;
  }

  /** An inode is being opened in a session to be kept: its owner is asked from now on. */
  public void keeps(Session session, InodeId inode) {
    ask(session, router.map().owner(inode.slot()));
  }

  /**
   * What a session had open is lost, so nobody will tell it of changes: what is kept of that is
   * dropped.
   */
  public void lost(Set<InodeId> inodes) {
    if (!inodes.isEmpty()) {
      Completion.then(drop(List.copyOf(inodes)), (_, _) -> {});
    }
  }

  private void ask(Session session, NodeId node) {
    synchronized (this) {
      if (!asked.add(new Asked(session, node))) {
        return;
      }
    }
    ask(session, node, 0);
  }

  private void ask(Session session, NodeId node, long droppedNumber) {
    Operation operation = operations.begin(session, () -> "recalls of node " + node);
    Completion.then(
        router
            .send(operation, node, new AwaitRecalls(droppedNumber, PATIENCE_MILLIS))
            .thenApply(Answers::reply),
        (reply, failure) -> {
          if (failure == null && reply instanceof Reply.Recalls recalls) {
            Completion.then(
                drop(recalls.inodes()),
                (_, _) -> goOn(session, node, recalls.number(), recalls.inodes().isEmpty()));
          } else if (failure != null && isOver(failure)) {
            log.debug("recalls of node {} are not heard any more: {}", node, failure.getMessage());
            synchronized (this) {
              asked.remove(new Asked(session, node));
            }
          } else {
            Timers.Timer _ =
                timers.after(PAUSE_NANOS, () -> goOn(session, node, droppedNumber, true));
          }
        });
  }

  private static boolean isOver(FsException failure) {
    return failure.error() == FsError.CLOSED || failure.error() == FsError.SESSION_EXPIRED;
  }

  private CompletableFuture<?> drop(List<InodeId> inodes) {
    Function<InodeId, CompletableFuture<Void>> dropping = keeper;
    List<CompletableFuture<Void>> dropped = new ArrayList<>();
    if (dropping != null) {
      inodes.forEach(inode -> dropped.add(dropping.apply(inode)));
    }
    return CompletableFuture.allOf(dropped.toArray(CompletableFuture[]::new));
  }

  /** Asks a node again, and owners that slots have moved to. */
  private void goOn(Session session, NodeId node, long droppedNumber, boolean mayStop) {
    ClusterMap map = router.map();
    Set<NodeId> owners = pins.ownersOfKept(session, map);
    if (mayStop && !owners.contains(node)) {
      synchronized (this) {
        asked.remove(new Asked(session, node));
      }
      // Something may have been opened meanwhile that did not ask, since this one did.
      owners = pins.ownersOfKept(session, map);
    } else {
      ask(session, node, droppedNumber);
    }
    owners.forEach(owner -> ask(session, owner));
  }
}
