package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.PendingCut;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.transaction.Backoff;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cuts of files that lie in chunks: decided by a record at the inode's owner, done when every owner
 * of chunks in the range has confirmed. Until then the file's end is held: it can't grow, nor be
 * cut again, and the new data generation is told to nobody. Who knew it could write data behind the
 * cut that the cut then takes away. In {@link DiskOrder}, the record is on this node's disk before
 * anything is dropped, and what was dropped is on the others' before the record goes.
 *
 * <p>Metadata thread only.
 */
final class FileCuts implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(FileCuts.class);

  private final MetadataThread thread;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final ClusterState cluster;
  private final Discards discards;
  private final KeyLocks locks;
  private final CrashPoints crashPoints;
  private final Supplier<Backoff> backoffs;
  private final List<PendingCut> recovered = new ArrayList<>();
  private int pending;

  FileCuts(
      MetadataThread thread,
      MetadataStore store,
      DiskOrder diskOrder,
      ClusterState cluster,
      Discards discards,
      KeyLocks locks,
      CrashPoints crashPoints,
      Supplier<Backoff> backoffs) {
    this.thread = thread;
    this.store = store;
    this.diskOrder = diskOrder;
    this.cluster = cluster;
    this.discards = discards;
    this.locks = locks;
    this.crashPoints = crashPoints;
    this.backoffs = backoffs;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.PENDING_CUT);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    recovered.add(PendingCut.ofRecord(key, value));
  }

  @Override
  public void takeUp(BitSet slots) throws FsException {
    for (PendingCut cut : recovered) {
      switch (cut.kind()) {
        case CUT -> begin(cut, () -> {});
        case LEAVE_INLINE -> undoLeaving(cut);
      }
    }
    recovered.clear();
  }

  @Override
  public int pending() {
    return pending;
  }

  /** The inode as others may know it. */
  FileAttributes visible(FileAttributes attributes) {
    if (locks.isEmpty() || locks.heldCut(attributes.id()) == null) {
      return attributes;
    }
    return AttributeEdit.of(attributes)
        .dataGeneration(DataGeneration.justBefore(attributes.dataGeneration()))
        .done();
  }

  /** Goes on with a cut whose record has been written; the action runs when it is done. */
  void begin(PendingCut cut, Runnable whenDone) {
    crashPoints.reached(CrashPoint.CUT_AFTER_RECORD);
    pending++;
    locks.acquire(cut, List.of(new LockKey.Wanted(new LockKey.OfCut(cut.inode()), false)), false);
    discardInOrder(cut, whenDone, backoffs.get());
  }

  private void discardInOrder(PendingCut cut, Runnable whenDone, Backoff backoff) {
    diskOrder.then(error -> {
      if (error == null) {
        discard(cut, whenDone);
      } else {
        LOG.warn("the cut of inode {} waits: {}", cut.inode(), error.getMessage());
        var _ = thread.schedule(() -> discardInOrder(cut, whenDone, backoff), backoff.nextNanos());
      }
    });
  }

  private void discard(PendingCut cut, Runnable whenDone) {
    discards.send(
        new DataRequest.DiscardChunks(
            cut.inode(),
            cut.layout(),
            cut.generation(),
            cut.fromByte(),
            cut.toByte(),
            diskOrder.isKept()),
        map -> ChunkOwners.of(map, cut.layout(), cut.fromByte(), cut.toByte()),
        () -> {
          crashPoints.reached(CrashPoint.CUT_AFTER_DISCARD);
          finish(cut, whenDone, backoffs.get());
        });
  }

  private void finish(PendingCut cut, Runnable whenDone, Backoff backoff) {
    if (!cluster.owns(cut.inode().slotValue())) {
      // Its new owner has the record, and finishes it.
      pending--;
      locks.release(cut);
      return;
    }
    try {
      Batch batch = store.batch();
      batch.removeCut(cut);
      batch.commit();
    } catch (FsException e) {
      LOG.warn("the cut of inode {} stays for now: {}", cut.inode(), e.getMessage());
      var _ = thread.schedule(() -> finish(cut, whenDone, backoff), backoff.nextNanos());
      return;
    }
    pending--;
    whenDone.run();
    locks.release(cut);
  }

  /**
   * Takes back what a file that did not leave inline form after all may have in chunks: as a cut
   * with a generation above that of the copy.
   */
  void undoLeaving(PendingCut leaving) throws FsException {
    var cut =
        new PendingCut(
            leaving.inode(),
            DataGeneration.afterClearing(leaving.generation()),
            PendingCut.Kind.CUT,
            leaving.layout(),
            0,
            leaving.toByte());
    FileAttributes attributes = store.inode(leaving.inode());
    Batch batch = store.batch();
    batch.removeCut(leaving);
    if (attributes != null) {
      batch.putInode(AttributeEdit.of(attributes).dataGeneration(cut.generation()).done());
      batch.putCut(cut);
    }
    batch.commit();
    // Without an inode there is a reclaim record, which takes the chunks along.
    if (attributes != null) {
      begin(cut, () -> {});
    }
  }
}
