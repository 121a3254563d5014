package io.adhocfs.daemon.migration;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.service.MigrationRequestHandler;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes in slots that are to become this node's. Everything runs on one thread, in the order in
 * which it came, so nothing of a batch overtakes its beginning, and nothing is dropped while it
 * comes.
 */
final class SlotReceiver implements MigrationRequestHandler {
  private static final Logger LOG = LoggerFactory.getLogger(SlotReceiver.class);

  /** A batch on its way. */
  private static final class Batch {
    final BitSet slots;

    /** Inodes of which chunks came since the last sync. */
    final Set<Long> unsynced = new HashSet<>();

    Batch(BitSet slots) {
      this.slots = slots;
    }
  }

  private static final Duration CATCH_UP = Duration.ofSeconds(5);

  private final ClusterState cluster;
  private final ControlPlane control;
  private final SlotStorage storage;
  private final ExecutorService thread;
  private final CrashPoints crashPoints;

  /** On the thread. */
  private final Map<Long, Batch> batches = new HashMap<>();

  /** The number of the last batch that has begun with each slot. On the thread. */
  private long @Nullable [] begun;

  /**
   * @param thread one thread; stays the caller's
   */
  SlotReceiver(
      ClusterState cluster,
      ControlPlane control,
      SlotStorage storage,
      ExecutorService thread,
      CrashPoints crashPoints) {
    this.cluster = cluster;
    this.control = control;
    this.storage = storage;
    this.thread = thread;
    this.crashPoints = crashPoints;
  }

  @Override
  public void handle(Exchange exchange, MigrationRequest request, ByteBuf payload) {
    if (exchange.role() != PeerRole.DAEMON) {
      payload.release();
      exchange.fail(FsError.NOT_PERMITTED, "slots come from daemons only");
      return;
    }
    if (request instanceof MigrationRequest.BeginReceive) {
      // The source may be the first to know of what it begins with.
      var _ =
          control
              .caughtUp(exchange.epoch(), Deadline.after(CATCH_UP))
              .whenComplete((_, _) -> runLater(exchange, request, payload));
    } else {
      runLater(exchange, request, payload);
    }
  }

  private void runLater(Exchange exchange, MigrationRequest request, ByteBuf payload) {
    try {
      thread.execute(() -> {
        try {
          run(request, payload);
          exchange.reply(new Reply.Done());
        } catch (FsException e) {
          exchange.fail(e.error(), request.type() + ": " + e.getMessage());
        } catch (InterruptedException e) {
          exchange.fail(FsError.CLOSED, "this daemon is stopping");
        } catch (RuntimeException e) {
          LOG.error("{} failed", request.type(), e);
          exchange.fail(FsError.INTERNAL, request.type() + ": " + e);
        } finally {
          payload.release();
        }
      });
    } catch (RejectedExecutionException e) {
      payload.release();
      exchange.fail(FsError.CLOSED, "this daemon is stopping");
    }
  }

  private void run(MigrationRequest request, ByteBuf payload)
      throws FsException, InterruptedException {
    switch (request) {
      case MigrationRequest.BeginReceive begin -> {
        begin(begin);
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_BEGIN);
      }
      case MigrationRequest.ReceiveRecords records -> {
        records(batch(records), payload);
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_RECORDS);
      }
      case MigrationRequest.ReceiveChunk chunk -> {
        chunk(batch(chunk), chunk, payload);
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_CHUNK);
      }
      case MigrationRequest.SyncReceived sync -> {
        sync(batch(sync));
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_SYNC);
      }
      case MigrationRequest.FinishReceive finish -> {
        finish(batch(finish), finish);
        crashPoints.reached(CrashPoint.MIGRATION_TARGET_AFTER_FINISH);
      }
      case MigrationRequest.AbandonReceive abandon -> {
        Batch batch = batches.remove(abandon.batch());
        if (batch != null) {
          storage.drop(batch.slots, slot -> !cluster.owns(slot));
        }
      }
    }
  }

  private Batch batch(MigrationRequest request) throws FsException {
    Batch batch = batches.get(request.batch());
    if (batch == null) {
      throw new FsException(FsError.CHANGED, "nothing is known here of this batch of slots");
    }
    return batch;
  }

  private void begin(MigrationRequest.BeginReceive begin) throws FsException, InterruptedException {
    BitSet slots = bits(begin.slots());
    long[] latest = begun == null ? new long[SlotId.COUNT] : begun;
    begun = latest;
    ControlState state = control.state();
    Rebalance running = state.rebalance();
    for (int slot = slots.nextSetBit(0); slot >= 0; slot = slots.nextSetBit(slot + 1)) {
      if (cluster.owns(slot) || state.map().ownerValue(slot) == cluster.self().value()) {
        throw new FsException(FsError.INVALID, "slot " + slot + " is this node's already");
      }
      if (state.map().ownerValue(slot) != BatchNumber.source(begin.batch())) {
        throw new FsException(FsError.CHANGED, "slot " + slot + " is not its sender's any more");
      }
      // A beginning may be late: it waited for news, or came by a connection that has broken since.
      if (BatchNumber.isLater(latest[slot], begin.batch())) {
        throw new FsException(FsError.CHANGED, "a later batch has begun with slot " + slot);
      }
      // What is not wanted here is dropped whenever it is looked for.
      if (running == null || running.targetValue(slot) != cluster.self().value()) {
        throw new FsException(FsError.CHANGED, "slot " + slot + " is not wanted here");
      }
    }
    slots.stream().forEach(slot -> latest[slot] = begin.batch());
    // What came before, and its source does not go on with: it has begun anew.
    batches.values().removeIf(batch -> batch.slots.intersects(slots));
    storage.drop(slots, slot -> !cluster.owns(slot));
    storage.chunks().forget(slots);
    batches.put(begin.batch(), new Batch(slots));
  }

  private void requireExpected(Batch batch, byte[] key) throws FsException {
    if (key.length < Keys.PREFIX_BYTES || !batch.slots.get(Keys.slot(key))) {
      throw new FsException(FsError.BAD_MESSAGE, "a key of another slot");
    }
    if (cluster.owns(Keys.slot(key))) {
      throw new FsException(FsError.INVALID, "slot " + Keys.slot(key) + " is this node's already");
    }
  }

  private void records(Batch batch, ByteBuf in) throws FsException {
    List<byte[]> chunksGone = new ArrayList<>();
    var writes = new SlotBatch();
    while (in.isReadable()) {
      byte[] key = bytes(in);
      requireExpected(batch, key);
      int length = in.readableBytes() < Integer.BYTES ? 0 : in.getInt(in.readerIndex());
      if (length == MigrationRequest.RANGE_GONE) {
        in.skipBytes(Integer.BYTES);
        byte[] end = bytes(in);
        requireExpected(batch, end);
        if (Keys.slot(end) != Keys.slot(key)) {
          throw new FsException(FsError.BAD_MESSAGE, "a range over several slots");
        }
        writes.removeRange(key, end);
      } else if (length == MigrationRequest.GONE) {
        in.skipBytes(Integer.BYTES);
        if (SlotStorage.isChunk(key)) {
          chunksGone.add(key);
        } else {
          writes.remove(key);
        }
      } else {
        writes.put(key, bytes(in));
      }
    }
    storage.records().commit(writes);
    storage.chunks().drop(chunksGone);
  }

  private static byte[] bytes(ByteBuf in) throws FsException {
    int length = in.readableBytes() < Integer.BYTES ? -1 : in.readInt();
    if (length < 0 || length > in.readableBytes()) {
      throw new FsException(FsError.BAD_MESSAGE, "records that end in the middle");
    }
    var bytes = new byte[length];
    in.readBytes(bytes);
    return bytes;
  }

  private void chunk(Batch batch, MigrationRequest.ReceiveChunk chunk, ByteBuf bytes)
      throws FsException {
    requireExpected(batch, chunk.key());
    storage
        .chunks()
        .take(chunk.key(), chunk.chunkRecord(), chunk.clears(), chunk.offsetBytes(), bytes);
    batch.unsynced.add(Keys.number(chunk.key(), 0));
  }

  private void sync(Batch batch) throws FsException {
    storage.chunks().sync(batch.unsynced);
    batch.unsynced.clear();
    storage.records().sync();
  }

  private void finish(Batch batch, MigrationRequest.FinishReceive finish) throws FsException {
    BitSet slots = bits(finish.slots());
    if (!Migrator.without(slots, batch.slots).isEmpty()) {
      throw new FsException(FsError.BAD_MESSAGE, "slots that the batch did not begin with");
    }
    finish.floors().forEach(storage.chunks()::raiseFloor);
    for (Map.Entry<Long, Long> floor : finish.lastingFloors().entrySet()) {
      storage.chunks().raiseLastingFloor(floor.getKey(), floor.getValue());
    }
    if (finish.outlivesPower()) {
      storage.chunks().outlivePower();
    }
    sync(batch);
    batches.remove(finish.batch());
  }

  /** Takes in nothing more of batches of which some slots are not to come. On the thread. */
  void forget(IntPredicate slots) {
    batches.values().removeIf(batch -> batch.slots.stream().anyMatch(slots));
  }

  static BitSet bits(SlotSet slots) {
    var bits = new BitSet();
    slots.forEachSlot(bits::set);
    return bits;
  }
}
