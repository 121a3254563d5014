package io.adhocfs.daemon.file;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.PendingCut;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves a file's inline data to chunks, once and for good. The inode is held meanwhile. A record
 * goes before the copy: should the copy come to nothing, the next start (or this daemon, at once)
 * takes back what of it lies in chunks. In {@link DiskOrder}, the record is on this node's disk
 * before the copy begins, and the copy is on the others' before the inline data goes.
 *
 * <p>Metadata thread only.
 */
public final class InlineDeparture implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(InlineDeparture.class);

  /** Takes part in the batch that makes the file a chunked one. */
  public interface Finish {
    void addTo(Batch batch, FileAttributes after) throws FsException;
  }

  private final MetadataThread thread;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final FileCuts cuts;
  private final CrashPoints crashPoints;

  /** Those under way, in the order in which they began. */
  private final Set<Copy> copies = new LinkedHashSet<>();

  public InlineDeparture(
      MetadataThread thread,
      MetadataStore store,
      DiskOrder diskOrder,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      FileCuts cuts,
      CrashPoints crashPoints) {
    this.thread = thread;
    this.store = store;
    this.diskOrder = diskOrder;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.cuts = cuts;
    this.crashPoints = crashPoints;
  }

  /**
   * Begins.
   *
   * @param file inline; neither it nor its end is held
   * @param finish adds to the last batch what must happen with it
   * @param done told the attributes afterwards
   * @param failed told why it stays inline
   */
  public void leave(
      FileAttributes file,
      Finish finish,
      Consumer<FileAttributes> done,
      Consumer<FsException> failed) {
    try {
      byte[] data = store.inlineData(file.id());
      if (data.length == 0) {
        done.accept(becomeChunked(store.batch(), file.id(), null, finish));
      } else {
        new Copy(file, data, finish, done, failed).begin();
      }
    } catch (FsException e) {
      failed.accept(e);
    }
  }

  /** Drops the copies of slots that have gone: the new owners take them back. */
  @Override
  public void forget(BitSet slots) {
    for (Copy copy : List.copyOf(copies)) {
      if (slots.get(copy.file.id().slotValue())) {
        copies.remove(copy);
        locks.release(copy);
        copy.failed.accept(
            new FsException(
                FsError.WRONG_OWNER, "inode " + copy.file.id() + " has gone to another node"));
      }
    }
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots,
        copies.stream().map(copy -> copy.file.id()),
        InodeId::slotValue,
        inode -> "a copy of the inline data of " + inode);
  }

  private FileAttributes becomeChunked(
      Batch batch, InodeId inode, @Nullable PendingCut leaving, Finish finish) throws FsException {
    FileAttributes before = store.inode(inode);
    if (leaving != null) {
      batch.removeCut(leaving);
    }
    if (before == null) {
      // The last pin went meanwhile; the reclaim record takes the copy along.
      batch.commit();
      throw new FsException(FsError.NOT_FOUND, "inode " + inode + " is gone");
    }
    FileAttributes after = AttributeEdit.of(before).layout(before.layout().chunked()).done();
    batch.putInode(after);
    batch.removeInlineData(inode);
    finish.addTo(batch, after);
    batch.commit();
    return after;
  }

  private final class Copy {
    private final FileAttributes file;
    private final FileLayout layout;
    private final byte[] data;
    private final Finish finish;
    private final Consumer<FileAttributes> done;
    private final Consumer<FsException> failed;
    private final PendingCut leaving;
    private @Nullable FsException error;
    private Set<NodeId> owners = Set.of();

    /** The storage terms in which owners have written; put by network threads. */
    private final Map<NodeId, Long> terms = new ConcurrentHashMap<>();

    private int underWay;

    Copy(
        FileAttributes file,
        byte[] data,
        Finish finish,
        Consumer<FileAttributes> done,
        Consumer<FsException> failed) {
      this.file = file;
      this.layout = file.layout().chunked();
      this.data = data;
      this.finish = finish;
      this.done = done;
      this.failed = failed;
      long chunk = layout.chunkSizeBytes();
      long end = (data.length + chunk - 1) / chunk * chunk;
      this.leaving =
          new PendingCut(
              file.id(),
              DataGeneration.afterClearing(file.dataGeneration()),
              PendingCut.Kind.LEAVE_INLINE,
              layout,
              0,
              end);
    }

    void begin() throws FsException {
      Batch batch = store.batch();
      batch.putInode(AttributeEdit.of(file).dataGeneration(leaving.generation()).done());
      batch.putCut(leaving);
      batch.commit();
      locks.acquire(this, List.of(new LockKey.Wanted(new LockKey.OfInode(file.id()), false)), true);
      copies.add(this);
      crashPoints.reached(CrashPoint.INLINE_AFTER_RECORD);
      diskOrder.then(unsynced -> {
        if (unsynced == null) {
          copy();
        } else {
          error = notNow(unsynced);
          end();
        }
      });
    }

    private void copy() {
      Map<NodeId, List<ChunkSpan>> byOwner = new TreeMap<>();
      for (ChunkSpan span : Striping.spans(0, data.length, layout.chunkSizeBytes())) {
        NodeId owner = cluster.map().owner(Placement.chunkSlot(layout, span.chunkIndex()));
        byOwner.computeIfAbsent(owner, node -> new ArrayList<>()).add(span);
      }
      owners = Set.copyOf(byOwner.keySet());
      underWay = byOwner.size();
      byOwner.forEach((node, spans) ->
          // Without a deadline: a write that is given up here could still run there, later.
          thread.whenDone(
              peers
                  .call(
                      node,
                      new DataRequest.WriteChunks(file.id(), layout, leaving.generation(), spans),
                      bytesOf(spans),
                      Deadline.NEVER)
                  .whenComplete((_, _) -> terms.put(node, peers.storageTerm(node))),
              this::written));
    }

    private ByteBuf bytesOf(List<ChunkSpan> spans) {
      int total = spans.stream().mapToInt(ChunkSpan::lengthBytes).sum();
      ByteBuf bytes = PooledByteBufAllocator.DEFAULT.directBuffer(total, total);
      for (ChunkSpan span : spans) {
        int from =
            Math.toIntExact(span.chunkIndex() * layout.chunkSizeBytes() + span.offsetBytes());
        bytes.writeBytes(data, from, span.lengthBytes());
      }
      return bytes;
    }

    private void written(@Nullable Response response, @Nullable FsException failure) {
      if (response != null) {
        response.payload().release();
        if (response.reply() instanceof Reply.Spans spans) {
          for (byte outcome : spans.outcomes()) {
            if (outcome == Reply.Spans.OUTCOME_NO_SPACE) {
              error = new FsException(FsError.NO_SPACE, "no space for the first chunk");
            } else if (outcome != Reply.Spans.OUTCOME_OK && error == null) {
              error = new FsException(FsError.OVERLOADED, "the first chunk can't be written now");
            }
          }
        } else {
          error =
              new FsException(
                  FsError.INTERNAL, "chunks were answered by " + response.reply().type());
        }
      } else if (failure != null && error == null) {
        error = notNow(failure);
      }
      if (--underWay == 0) {
        crashPoints.reached(CrashPoint.INLINE_AFTER_WRITE);
        if (error == null && diskOrder.isKept()) {
          sync();
        } else {
          end();
        }
      }
    }

    private static FsException notNow(FsException failure) {
      return new FsException(
          failure.error() == FsError.NO_SPACE ? FsError.NO_SPACE : FsError.OVERLOADED,
          "the first chunk can't be written now: " + failure.getMessage());
    }

    private void sync() {
      underWay = owners.size();
      owners.forEach(node ->
          thread.whenDone(
              peers.call(node, new DataRequest.SyncChunks(file.id()), Deadline.NEVER),
              (response, failure) -> {
                if (response != null) {
                  response.payload().release();
                } else if (failure != null && error == null) {
                  error = notNow(failure);
                }
                if (error == null && peers.storageTerm(node) != terms.getOrDefault(node, -1L)) {
                  error =
                      new FsException(FsError.OVERLOADED, node + " may have lost the first chunk");
                }
                if (--underWay == 0) {
                  end();
                }
              }));
    }

    private void end() {
      if (!copies.remove(this)) {
        return; // its slot has gone
      }
      if (error == null) {
        try {
          done.accept(becomeChunked(store.batch(this), file.id(), leaving, finish));
          locks.release(this);
          return;
        } catch (FsException e) {
          error = e;
        }
      }
      if (store.cutPending(file.id())) {
        try {
          cuts.undoLeaving(store.batch(this), leaving);
        } catch (FsException e) {
          LOG.warn(
              "inode {} stays half out of inline form until the next start: {}",
              file.id(),
              e.getMessage());
        }
      }
      failed.accept(error);
      locks.release(this);
    }
  }
}
