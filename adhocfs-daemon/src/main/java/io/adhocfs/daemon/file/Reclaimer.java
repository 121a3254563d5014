package io.adhocfs.daemon.file;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Page;
import io.adhocfs.daemon.metadata.Reclaim;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the chunks of inodes that are gone dropped. All nodes are asked: a writer that died may have
 * left chunks behind the size that the inode's owner knew. In {@link DiskOrder}, the removal is on
 * this node's disk before a chunk is dropped, and all drops are on theirs before the record goes.
 *
 * <p>Metadata thread only.
 */
public final class Reclaimer implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(Reclaimer.class);
  private static final int UNDER_WAY_MAX = 64;

  /** More are found again by a scan. */
  private static final int QUEUED_MAX = 1 << 16;

  private static final int SCAN_ITEMS = 500;

  /** The generation that tells chunk owners to forget a file wholly. */
  private static final long FORGET = Long.MAX_VALUE;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final ClusterState cluster;
  private final Discards discards;
  private final CrashPoints crashPoints;
  private final Supplier<Backoff.Pauses> backoffs;
  private final ArrayDeque<InodeId> queued = new ArrayDeque<>();
  private final Set<InodeId> underWay = new HashSet<>();
  private boolean woken;

  /** Where a scan for records that did not fit the queue goes on; null = none is needed. */
  private byte @Nullable [] scanCursor;

  public Reclaimer(
      MetadataThread thread,
      MetadataStore store,
      DiskOrder diskOrder,
      ClusterState cluster,
      Discards discards,
      CrashPoints crashPoints,
      Supplier<Backoff.Pauses> backoffs) {
    this.thread = thread;
    this.store = store;
    this.diskOrder = diskOrder;
    this.cluster = cluster;
    this.discards = discards;
    this.crashPoints = crashPoints;
    this.backoffs = backoffs;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.RECLAIM);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) {
    add(new InodeId(Keys.number(key, 0)));
  }

  /** A record has been written, or found. */
  public void add(InodeId inode) {
    if (queued.size() < QUEUED_MAX) {
      queued.add(inode);
    } else {
      scanCursor = new byte[0];
    }
    wake();
  }

  /** How many inodes wait or are under way; a lower bound when there are very many. */
  @Override
  public int pending() {
    return queued.size() + underWay.size();
  }

  /** Later, so that whoever removed the inode is answered first. */
  private void wake() {
    if (!woken) {
      woken = true;
      thread.execute(() -> {
        woken = false;
        pump();
      });
    }
  }

  private void pump() {
    while (underWay.size() < UNDER_WAY_MAX) {
      InodeId inode = queued.poll();
      if (inode == null) {
        if (scanCursor != null) {
          scan(scanCursor);
        }
        return;
      }
      // A scan may find what is queued as well.
      if (underWay.add(inode)) {
        begin(inode, backoffs.get());
      }
    }
  }

  private void scan(byte[] cursor) {
    try {
      Page<InodeId> page = store.scanReclaims(cursor, SCAN_ITEMS);
      scanCursor = page.cursor().length == 0 ? null : page.cursor();
      queued.addAll(page.items());
      wake();
    } catch (FsException e) {
      LOG.warn("some removed files keep their chunks until the next start: {}", e.getMessage());
      scanCursor = null;
    }
  }

  private void begin(InodeId inode, Backoff.Pauses pauses) {
    if (!cluster.owns(inode.slotValue())) {
      done(inode); // its new owner has the record
      return;
    }
    if (store.cutPending(inode)) {
      // Its confirmation must not arrive after the file has been forgotten.
      var _ = thread.schedule(() -> begin(inode, pauses), pauses.nextNanos());
      return;
    }
    try {
      Reclaim reclaim = store.reclaim(inode);
      if (reclaim == null) {
        done(inode);
        return;
      }
      crashPoints.reached(CrashPoint.RECLAIM_AFTER_RECORD);
      diskOrder.then(error -> {
        if (error == null) {
          discard(inode, reclaim, pauses);
        } else {
          LOG.warn("the chunks of inode {} stay for now: {}", inode, error.getMessage());
          var _ = thread.schedule(() -> begin(inode, pauses), pauses.nextNanos());
        }
      });
    } catch (FsException e) {
      LOG.warn("inode {} keeps its chunks until the next start: {}", inode, e.getMessage());
      done(inode);
    }
  }

  private void discard(InodeId inode, Reclaim reclaim, Backoff.Pauses pauses) {
    discards.send(
        new DataRequest.DiscardChunks(
            inode, reclaim.layout(), FORGET, 0, Long.MAX_VALUE, diskOrder.isKept()),
        ClusterMap::owningNodes,
        () -> {
          crashPoints.reached(CrashPoint.RECLAIM_AFTER_DISCARD);
          finish(inode, pauses);
        });
  }

  private void finish(InodeId inode, Backoff.Pauses pauses) {
    if (!cluster.owns(inode.slotValue())) {
      done(inode);
      return;
    }
    try {
      Batch batch = store.batch();
      batch.removeReclaim(inode);
      batch.commit();
    } catch (FsException e) {
      LOG.warn("the reclaim record of inode {} stays for now: {}", inode, e.getMessage());
      var _ = thread.schedule(() -> finish(inode, pauses), pauses.nextNanos());
      return;
    }
    done(inode);
  }

  private void done(InodeId inode) {
    underWay.remove(inode);
    if (!queued.isEmpty() || scanCursor != null) {
      wake();
    }
  }
}
