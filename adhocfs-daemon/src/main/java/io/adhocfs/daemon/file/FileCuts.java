package io.adhocfs.daemon.file;

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
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
public final class FileCuts implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(FileCuts.class);

  private final MetadataThread thread;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final Discards discards;
  private final KeyLocks locks;
  private final CrashPoints crashPoints;
  private final Supplier<Backoff.Pauses> backoffs;
  private final List<PendingCut> recovered = new ArrayList<>();

  /** In the order in which they began. */
  private final Map<PendingCut, Cutting> running = new LinkedHashMap<>();

  public FileCuts(
      MetadataThread thread,
      MetadataStore store,
      DiskOrder diskOrder,
      Discards discards,
      KeyLocks locks,
      CrashPoints crashPoints,
      Supplier<Backoff.Pauses> backoffs) {
    this.thread = thread;
    this.store = store;
    this.diskOrder = diskOrder;
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
        case LEAVE_INLINE -> undoLeaving(store.batch(), cut);
      }
    }
    recovered.clear();
  }

  @Override
  public int pending() {
    return running.size();
  }

  /** The inode as others may know it. */
  public FileAttributes visible(FileAttributes attributes) {
    if (locks.isEmpty() || locks.heldCut(attributes.id()) == null) {
      return attributes;
    }
    return AttributeEdit.of(attributes)
        .dataGeneration(DataGeneration.justBefore(attributes.dataGeneration()))
        .done();
  }

  /** Goes on with a cut whose record has been written; the action runs when it is done. */
  public void begin(PendingCut cut, Runnable whenDone) {
    crashPoints.reached(CrashPoint.CUT_AFTER_RECORD);
    locks.acquire(cut, List.of(new LockKey.Wanted(new LockKey.OfCut(cut.inode()), false)), false);
    var cutting = new Cutting(cut, whenDone);
    running.put(cut, cutting);
    cutting.discardInOrder(backoffs.get());
  }

  /** A cut that is under way; not any more once it is done, or its slot has gone. */
  private final class Cutting {
    private final PendingCut cut;
    private final Runnable whenDone;

    Cutting(PendingCut cut, Runnable whenDone) {
      this.cut = cut;
      this.whenDone = whenDone;
    }

    @SuppressWarnings("ReferenceEquality") // its slot may have come back, and the cut with it
    private boolean isUnderWay() {
      return running.get(cut) == this;
    }

    private void discardInOrder(Backoff.Pauses pauses) {
      diskOrder.then(error -> {
        if (!isUnderWay()) {
          return;
        }
        if (error == null) {
          discard();
        } else {
          LOG.warn("the cut of inode {} waits: {}", cut.inode(), error.getMessage());
          var _ = thread.schedule(() -> discardInOrder(pauses), pauses.nextNanos());
        }
      });
    }

    private void discard() {
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
            finish(backoffs.get());
          });
    }

    private void finish(Backoff.Pauses pauses) {
      if (!isUnderWay()) {
        return;
      }
      try {
        Batch batch = store.batch();
        batch.removeCut(cut);
        batch.commit();
      } catch (FsException e) {
        LOG.warn("the cut of inode {} stays for now: {}", cut.inode(), e.getMessage());
        var _ = thread.schedule(() -> finish(pauses), pauses.nextNanos());
        return;
      }
      running.remove(cut);
      whenDone.run();
      locks.release(cut);
    }
  }

  /** Drops the cuts of slots that have gone: the new owners have their records, and finish them. */
  @Override
  public void forget(BitSet slots) {
    for (PendingCut cut : List.copyOf(running.keySet())) {
      if (slots.get(cut.inode().slotValue())) {
        running.remove(cut);
        locks.release(cut);
      }
    }
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots,
        running.keySet().stream().map(PendingCut::inode),
        InodeId::slotValue,
        inode -> "a cut of " + inode);
  }

  /**
   * Takes back what a file that did not leave inline form after all may have in chunks: as a cut
   * with a generation above that of the copy.
   */
  void undoLeaving(Batch batch, PendingCut leaving) throws FsException {
    var cut =
        new PendingCut(
            leaving.inode(),
            DataGeneration.afterClearing(leaving.generation()),
            PendingCut.Kind.CUT,
            leaving.layout(),
            0,
            leaving.toByte());
    FileAttributes attributes = store.inode(leaving.inode());
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
