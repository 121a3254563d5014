package io.adhocfs.daemon.directory;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.daemon.transaction.Plan;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.List;

/**
 * Looks whether a directory lies below another, from parent to parent. Means something only while
 * the rename token is held, so that the tree stands still. Metadata thread only.
 */
final class AncestorWalk {
  /** Deeper trees can't be checked; paths end long before. */
  private static final int DEPTH_MAX = 100_000;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final Duration wait;

  AncestorWalk(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      Duration wait) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.wait = wait;
  }

  /** Fails with INVALID when the directory is the other one or lies below it. */
  Plan.Check notBelow(InodeId directory, InodeId other) {
    return outcome -> step(directory, other, 0, outcome);
  }

  private void step(InodeId start, InodeId other, int startDepth, Plan.Outcome outcome) {
    InodeId current = start;
    for (int depth = startDepth; depth < DEPTH_MAX; depth++) {
      if (current.equals(other)) {
        outcome.accept(
            new FsException(
                FsError.INVALID, "directory " + other + " can't be moved below itself"));
        return;
      }
      if (current.equals(InodeId.ROOT)) {
        outcome.accept(null);
        return;
      }
      if (!cluster.owns(current.slotValue())) {
        ask(current, other, depth, outcome);
        return;
      }
      LockKey held = locks.exclusiveInode(current);
      if (held != null) {
        InodeId waited = current;
        int waitedDepth = depth;
        locks.await(
            held,
            thread.nanoTime() + wait.toNanos(),
            () -> step(waited, other, waitedDepth, outcome),
            outcome::accept);
        return;
      }
      try {
        FileAttributes attributes = store.inode(current);
        if (attributes == null) {
          outcome.accept(gone(current));
          return;
        }
        current = attributes.parent();
      } catch (FsException e) {
        outcome.accept(e);
        return;
      }
    }
    outcome.accept(new FsException(FsError.NAME_TOO_LONG, "directory " + start + " lies too deep"));
  }

  private void ask(InodeId directory, InodeId other, int depth, Plan.Outcome outcome) {
    thread.whenDone(
        peers.call(
            cluster.map().owner(directory.slot()),
            new NamespaceRequest.GetShares(directory, List.of(0)),
            Deadline.after(wait.multipliedBy(2))),
        (response, error) -> {
          if (response == null) {
            outcome.accept(
                error == null || error.error() == FsError.NOT_FOUND ? gone(directory) : error);
            return;
          }
          response.payload().release();
          if (response.reply() instanceof Reply.Attributes found) {
            step(found.attributes().parent(), other, depth + 1, outcome);
          } else {
            outcome.accept(
                new FsException(
                    FsError.INTERNAL, "attributes were answered by " + response.reply().type()));
          }
        });
  }

  private static FsException gone(InodeId directory) {
    return new FsException(FsError.CHANGED, "directory " + directory + " is gone");
  }
}
