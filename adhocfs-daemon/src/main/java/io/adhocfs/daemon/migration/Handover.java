package io.adhocfs.daemon.migration;

import io.adhocfs.daemon.chunk.ChunkTransfer;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.slot.RecordChange;
import io.adhocfs.daemon.slot.SlotStream;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.daemon.throttle.Throttling;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands one batch of slots over to one node: sends them, then what has changed since, again and
 * again; holds them, sends the rest, has the move agreed on, and lets go. Whatever fails before the
 * move is proposed leaves things as they were; from then on only the agreed outcome counts.
 *
 * <p>Used by one thread, which waits here: one that may {@link Threads#await}.
 */
final class Handover {
  private static final Logger LOG = LoggerFactory.getLogger(Handover.class);

  /** A batch takes no further slot once it has sent so much. */
  private static final long BATCH_BYTES = 64L << 20;

  private static final int RECORDS_BYTES = 256 << 10;
  private static final int PIECE_BYTES = 512 << 10;
  private static final int UNDER_WAY_MAX = 16;
  private static final int ROUNDS_MAX = 10;
  private static final int FEW_CHANGES = 64;

  /** What may be left to send while slots are held. */
  private static final long FEW_BYTES = 1L << 20;

  /** A limited batch takes about so long, so that one sees it move. */
  private static final long LIMITED_BATCH_SECONDS = 2;

  private static final long LIMITED_BATCH_BYTES_MIN = 1L << 20;
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final Duration PROPOSAL = Duration.ofSeconds(10);

  /**
   * What is to be handed over.
   *
   * @param number as {@link BatchNumber}
   * @param source this node
   * @param offered slots of this node; those that go may be fewer
   */
  record Batch(long rebalance, long number, NodeId source, NodeId target, BitSet offered) {}

  /** What a handover needs of the daemon around it. */
  interface Source {
    /** Holds slots, and returns when nothing of them changes any more. Blocks. */
    void hold(BitSet slots) throws FsException, InterruptedException;

    /** Lets go of slots that stay. */
    void letGo(BitSet slots);

    /** Waits until the map of this daemon says that the slots have gone, or it ends. Blocks. */
    void awaitGone(BitSet slots) throws InterruptedException;
  }

  private final Threads threads;
  private final long rebalance;
  private final long batch;
  private final NodeId self;
  private final NodeId target;
  private final BitSet offered;
  private final SlotStorage storage;
  private final Changes changes = new Changes();
  private final RpcClient client;
  private final ControlPlane control;
  private final RateLimit limit;
  private final Throttling throttling;
  private final Source source;
  private final CrashPoints crashPoints;

  private final UnderWay underWay = new UnderWay(UNDER_WAY_MAX);
  private final AtomicReference<@Nullable FsException> failure = new AtomicReference<>();

  private @Nullable ByteBuf records;
  private boolean limited = true;
  private long sentBytes;
  private long heldBytes;

  Handover(
      Threads threads,
      Batch batch,
      SlotStorage storage,
      RpcClient client,
      ControlPlane control,
      RateLimit limit,
      Throttling throttling,
      Source source,
      CrashPoints crashPoints) {
    this.threads = threads;
    this.rebalance = batch.rebalance();
    this.batch = batch.number();
    this.self = batch.source();
    this.target = batch.target();
    this.offered = batch.offered();
    this.storage = storage;
    this.client = client;
    this.control = control;
    this.limit = limit;
    this.throttling = throttling;
    this.source = source;
    this.crashPoints = crashPoints;
  }

  /**
   * Does it.
   *
   * @throws FsException why the slots are still here: what the target said, NO_SPACE above all, or
   *     CHANGED when the rebalance is over
   */
  void run() throws FsException, InterruptedException {
    var slots = (BitSet) offered.clone();
    boolean begun = false;
    boolean gone = false;
    boolean held = false;
    boolean undecided = false;
    // Before anything is read: what changes from now on is sent again.
    try (SlotStream.Subscription subscription =
        storage.records().stream().listenBeforeAnswer(offered, changes)) {
      call(new MigrationRequest.BeginReceive(batch, set(offered)));
      begun = true;
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_AFTER_BEGIN);
      slots = sendAll();
      subscription.only(slots);
      call(new MigrationRequest.SyncReceived(batch));
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_AFTER_FIRST_PASS);
      catchUp(slots);
      held = true;
      limited = false;
      long heldSince = threads.nanoTime();
      source.hold(slots);
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_AFTER_HOLD);
      send(changes.take(slots));
      call(
          new MigrationRequest.FinishReceive(
              batch,
              set(slots),
              storage.chunks().floors(),
              storage.chunks().lastingFloors(),
              storage.chunks().outlivesPower()));
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_AFTER_FINISH);
      ControlCommand.Move move = move(slots);
      undecided = true;
      Outcome outcome = propose(move);
      undecided = false;
      if (!outcome.accepted()) {
        throw new FsException(FsError.CHANGED, outcome.message());
      }
      gone = true;
      source.awaitGone(slots);
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_AFTER_MOVE);
      LOG.info(
          "slots handed over count={} to={} bytesSent={} bytesHeld={} heldMillis={}",
          slots.cardinality(),
          target,
          sentBytes,
          heldBytes,
          (threads.nanoTime() - heldSince) / 1_000_000);
    } finally {
      dropRecords();
      // Where this daemon ends before it knows, nobody is answered: they may be the target's.
      if (!gone && !undecided) {
        if (held) {
          source.letGo(slots);
        }
        if (begun) {
          // Should it not hear this, it drops what it has when the next batch of them begins.
          var _ = submit(new MigrationRequest.AbandonReceive(batch), Unpooled.EMPTY_BUFFER);
        }
      }
    }
  }

  private static SlotSet set(BitSet slots) {
    return SlotSet.of(slots.stream());
  }

  /** Sends slots until the batch is large enough, and answers which. */
  private BitSet sendAll() throws FsException, InterruptedException {
    BitSet used = storage.used(offered);
    // What is empty costs nothing.
    BitSet sent = Migrator.without(offered, used);
    long rate = limit.bytesPerSecond();
    long batchBytes =
        rate == 0
            ? BATCH_BYTES
            : Math.clamp(rate * LIMITED_BATCH_SECONDS, LIMITED_BATCH_BYTES_MIN, BATCH_BYTES);
    for (int slot = used.nextSetBit(0); slot >= 0; slot = used.nextSetBit(slot + 1)) {
      if (sentBytes >= batchBytes) {
        break;
      }
      sent.set(slot);
      storage.forEach(
          slot,
          (key, value) -> {
            if (SlotStorage.isChunk(key)) {
              sendChunk(key, value, true, 0, ChunkTransfer.chunkSizeBytes(value));
            } else {
              addRecord(key, value);
            }
          });
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_IN_FIRST_PASS);
    }
    flushRecords();
    awaitAll();
    heldBytes = sentBytes;
    return sent;
  }

  /** Sends what has changed until little does. */
  private void catchUp(BitSet slots) throws FsException, InterruptedException {
    for (int round = 0; round < ROUNDS_MAX; round++) {
      Changes.Noted changed = changes.take(slots);
      long before = sentBytes;
      send(changed);
      crashPoints.reached(CrashPoint.MIGRATION_SOURCE_IN_CATCH_UP);
      if (changed.size() <= FEW_CHANGES && sentBytes - before <= FEW_BYTES) {
        return;
      }
    }
  }

  private void send(Changes.Noted changed) throws FsException, InterruptedException {
    heldBytes += changed.writtenBytes();
    for (RecordChange.RangeRemoved range : changed.ranges()) {
      ByteBuf out = records(range.key());
      out.writeInt(MigrationRequest.RANGE_GONE);
      out.writeInt(range.end().length);
      out.writeBytes(range.end());
    }
    for (Map.Entry<Changes.Key, Changes.Change> one : changed.keys().entrySet()) {
      byte[] key = one.getKey().bytes();
      byte[] value = storage.records().get(key);
      if (value == null || !SlotStorage.isChunk(key)) {
        addRecord(key, value);
      } else if (one.getValue().whole()) {
        sendChunk(key, value, true, 0, ChunkTransfer.chunkSizeBytes(value));
      } else {
        sendChunk(key, value, false, one.getValue().fromByte(), one.getValue().toByte());
      }
    }
    flushRecords();
    awaitAll();
  }

  private void sendChunk(byte[] key, byte[] value, boolean clears, int fromByte, int toByte)
      throws FsException, InterruptedException {
    // Records that were noted before must not come after.
    flushRecords();
    boolean clearing = clears;
    int position = fromByte;
    while (true) {
      ChunkTransfer.Piece piece = storage.chunks().read(key, value, position, toByte, PIECE_BYTES);
      if (piece == null) {
        if (clearing) {
          post(
              new MigrationRequest.ReceiveChunk(batch, key, value, true, 0), Unpooled.EMPTY_BUFFER);
        }
        return;
      }
      position = piece.offsetBytes() + piece.bytes().readableBytes();
      post(
          new MigrationRequest.ReceiveChunk(batch, key, value, clearing, piece.offsetBytes()),
          piece.bytes());
      clearing = false;
    }
  }

  /** Room for a record, its key written. */
  private ByteBuf records(byte[] key) {
    ByteBuf out = records;
    if (out == null) {
      out = PooledByteBufAllocator.DEFAULT.directBuffer(RECORDS_BYTES);
      records = out;
    }
    out.writeInt(key.length);
    out.writeBytes(key);
    return out;
  }

  private void addRecord(byte[] key, byte @Nullable [] value)
      throws FsException, InterruptedException {
    ByteBuf out = records(key);
    if (value == null) {
      out.writeInt(MigrationRequest.GONE);
    } else {
      out.writeInt(value.length);
      out.writeBytes(value);
    }
    if (out.readableBytes() >= RECORDS_BYTES) {
      flushRecords();
    }
  }

  private void flushRecords() throws FsException, InterruptedException {
    ByteBuf out = records;
    records = null;
    if (out != null) {
      post(new MigrationRequest.ReceiveRecords(batch), out);
    }
  }

  private void dropRecords() {
    if (records != null) {
      records.release();
      records = null;
    }
  }

  /** Sends without waiting for the answer, once few enough are under way. */
  private void post(MigrationRequest request, ByteBuf payload)
      throws FsException, InterruptedException {
    int bytes = payload.readableBytes();
    boolean sent = false;
    try {
      if (limited) {
        await(() -> limit.pass(bytes));
      }
      throttling.passMigration(bytes, limited);
      await(underWay::begin);
      sent = true;
      sentBytes += bytes;
      var _ =
          submit(request, payload)
              .whenComplete((response, error) -> {
                if (response != null) {
                  response.payload().release();
                } else {
                  failure.compareAndSet(null, FsException.of(error));
                  limit.wake();
                }
                underWay.end();
              });
    } finally {
      if (!sent) {
        payload.release();
      }
    }
  }

  private void awaitAll() throws FsException, InterruptedException {
    await(underWay::over);
  }

  /**
   * Waits until there is nothing to wait for any more. What has failed ends at once, not after a
   * pause: what was wrong may be mended by then.
   */
  private void await(Supplier<@Nullable CompletableFuture<?>> waits)
      throws FsException, InterruptedException {
    while (true) {
      FsException failed = failure.get();
      if (failed != null) {
        throw failed;
      }
      CompletableFuture<?> wait = waits.get();
      if (wait == null) {
        return;
      }
      try {
        var _ = threads.await(wait);
      } catch (ExecutionException e) {
        throw FsException.of(e);
      }
    }
  }

  private CompletableFuture<Response> submit(MigrationRequest request, ByteBuf payload) {
    return client.call(target, request, payload, TrafficClass.MIGRATION, Deadline.after(ANSWER));
  }

  private void call(MigrationRequest request) throws FsException, InterruptedException {
    try {
      threads.await(submit(request, Unpooled.EMPTY_BUFFER)).payload().release();
    } catch (ExecutionException e) {
      throw FsException.of(e);
    }
  }

  private ControlCommand.Move move(BitSet slots) {
    return new ControlCommand.Move(
        rebalance, self, target, set(slots), sentBytes, heldBytes, threads.wallNanos());
  }

  /** Proposes the move until its outcome is known: before that, nobody may be answered. */
  private Outcome propose(ControlCommand.Move move) throws InterruptedException {
    while (true) {
      try {
        return threads.await(control.propose(move, Deadline.after(PROPOSAL)));
      } catch (ExecutionException e) {
        FsException failed = FsException.of(e);
        if (failed.error() == FsError.CLOSED) {
          // This daemon ends; the outcome is found out at its next start.
          throw new InterruptedException("stopping");
        }
        LOG.warn(
            "{} slots are held until it is known who owns them: {}",
            move.slots().size(),
            failed.getMessage());
      }
    }
  }

  /** The slots that it may hand over; stays as it is. */
  BitSet offered() {
    return offered;
  }

  /** For logs. */
  @Override
  public String toString() {
    return "batch of "
        + offered.cardinality()
        + " slots to "
        + target
        + ", from "
        + (offered.isEmpty() ? "none" : Integer.toString(offered.nextSetBit(0)));
  }
}
