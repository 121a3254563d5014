package io.adhocfs.client.routing;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.Subject;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Which inodes this client has changed since it last had them synced, and from which of them a node
 * may have lost something meanwhile, because its power failed: the next sync of those has to say
 * so, for all that is left is synced then, and not what was acknowledged. NFS has its write
 * verifier for this (RFC 1813, section 3.3.7). Thread-safe.
 */
public final class Unsynced implements RpcClient.TermListener {
  /** Of more inodes it is not known which have lost something: then all may have. */
  private static final int REMEMBERED_MAX = 1 << 16;

  /** An inode's last change, and the node that may have lost something since its last sync. */
  private static final class State {
    long lastChange;
    @Nullable NodeId loser;
  }

  @GuardedBy("this")
  private final Map<NodeId, Long> terms = new TreeMap<>();

  @GuardedBy("this")
  private final Map<InodeId, State> changed = new HashMap<>();

  @GuardedBy("this")
  private long changes;

  /** The last change that found no room. */
  @GuardedBy("this")
  private long forgotten;

  /** Who lost something when there was no room; null = nobody. */
  @GuardedBy("this")
  private @Nullable NodeId loserOfForgotten;

  @Override
  public synchronized void met(NodeId node, long term) {
    Long before = terms.get(node);
    if (before != null && before >= term) {
      return;
    }
    terms.put(node, term);
    if (before == null) {
      return;
    }
    for (State state : changed.values()) {
      state.loser = node;
    }
    if (forgotten > 0) {
      loserOfForgotten = node;
    }
  }

  /** Of nodes that have left without having been met in their last term, the map tells. */
  void follow(ClusterMap map) {
    for (ClusterMap.Node node : map.nodes()) {
      met(node.id(), node.storageTerm());
    }
  }

  /** A request is about to be sent. */
  void sent(Request request) {
    switch (request) {
      case DataRequest.WriteChunks write -> changed(write.inode());
      case NamespaceRequest.Rename rename -> {
        changed(rename.from().directory());
        changed(rename.to().directory());
      }
      case NamespaceRequest.ReportWrite report -> changed(report.inode());
      default -> {
        if (request.type().stamped()) {
          switch (request.subject()) {
            case Subject.OfInode(InodeId inode) -> changed(inode);
            case Subject.OfPart(InodeId directory, int _) -> changed(directory);
            case Subject.OfDataset _ -> {}
          }
        }
      }
    }
  }

  private synchronized void changed(InodeId inode) {
    changes++;
    State state = changed.get(inode);
    if (state == null) {
      if (changed.size() == REMEMBERED_MAX) {
        forgotten = changes;
        return;
      }
      state = new State();
      changed.put(inode, state);
    }
    state.lastChange = changes;
  }

  /**
   * Has an inode synced.
   *
   * <p>Fails with STORAGE_FAILED, once, where something may have been lost before: everything that
   * was left is synced then.
   *
   * @param sync syncs all that there is of it
   */
  public CompletableFuture<Void> sync(InodeId inode, Supplier<CompletableFuture<Void>> sync) {
    long begun = changes();
    return sync.get()
        .thenCompose(_ -> {
          NodeId loser = synced(inode, begun);
          return loser == null
              ? Completion.done()
              : CompletableFuture.failedFuture(
                  new FsException(
                          FsError.STORAGE_FAILED,
                          "the machine of node %s has been started anew since the last sync: what was written to inode %s meanwhile may be lost"
                              .formatted(loser, inode))
                      .asCompletion());
        });
  }

  private synchronized long changes() {
    return changes;
  }

  /** Who may have lost something of it, told once; null = nobody. */
  private synchronized @Nullable NodeId synced(InodeId inode, long begun) {
    State state = changed.get(inode);
    NodeId loser = loserOfForgotten;
    if (state != null) {
      loser = state.loser != null ? state.loser : loser;
      state.loser = null;
      if (state.lastChange <= begun) {
        changed.remove(inode);
      }
    }
    if (changed.isEmpty()) {
      forgotten = 0;
      loserOfForgotten = null;
    }
    return loser;
  }
}
