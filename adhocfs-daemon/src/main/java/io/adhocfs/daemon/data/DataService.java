package io.adhocfs.daemon.data;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.chunk.ChunkStore.ChunkBytes;
import io.adhocfs.daemon.chunk.SpanOutcome;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.DataRequest.AcquireData;
import io.adhocfs.protocol.wire.DataRequest.DiscardChunks;
import io.adhocfs.protocol.wire.DataRequest.MeasureChunks;
import io.adhocfs.protocol.wire.DataRequest.ReadChunks;
import io.adhocfs.protocol.wire.DataRequest.SeekChunks;
import io.adhocfs.protocol.wire.DataRequest.SyncChunks;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Reply.Spans;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.StampedLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers requests about chunks on a few data threads, each with a bounded queue.
 *
 * <p>Everything that one session asks to change in one file runs on one thread, in the order in
 * which it came: a later write never overtakes an earlier one of the same bytes. Reads run
 * anywhere. Thread-safe; {@link #handle} never blocks.
 */
public final class DataService implements DataRequestHandler, AutoCloseable {
  /** The most spans of a request. */
  public static final int SPANS_MAX = 4096;

  /** The most bytes of a request's spans together. */
  public static final int SPAN_BYTES_MAX = 16 << 20;

  private static final Logger LOG = LoggerFactory.getLogger(DataService.class);
  private static final int QUEUE_OF_A_THREAD_MAX = 1024;
  private static final long DRAIN_SECONDS = 10;

  private final ClusterState cluster;
  private final ChunkStore store;
  private final Threads clock;
  private final ExecutorService[] threads;

  /** Requests that wait for a thread. */
  private final AtomicInteger waiting = new AtomicInteger();

  private final DiscardSync discardSync;
  private final AtomicInteger nextReader = new AtomicInteger();

  /** Shared by requests that run, alone for who waits until those before him are over. */
  private final StampedLock running = new StampedLock();

  /**
   * Starts the threads.
   *
   * @param threads where they come from
   * @param store stays its owner's, and open until this is closed
   * @param threadCount 1 or more
   */
  public DataService(Threads threads, ClusterState cluster, ChunkStore store, int threadCount) {
    this.cluster = cluster;
    this.store = store;
    this.clock = threads;
    this.threads = new ExecutorService[threadCount];
    this.discardSync = new DiscardSync(threads, store);
    for (int i = 0; i < threadCount; i++) {
      this.threads[i] = threads.bounded("adhocfs-data-" + i, QUEUE_OF_A_THREAD_MAX);
    }
  }

  @Override
  public void handle(Exchange exchange, DataRequest request, ByteBuf payload) {
    var work = new Work(exchange, request, payload);
    work.start();
  }

  /** Waits until all requests are over that run now. Blocks. */
  public void awaitRunning() {
    running.unlockWrite(running.writeLock());
  }

  /** Requests that wait for a data thread. */
  public int queued() {
    return waiting.get();
  }

  private int threadOf(Exchange exchange, DataRequest request) {
    if (!request.isOrdered()) {
      return Math.floorMod(nextReader.getAndIncrement(), threads.length);
    }
    long mixed = (request.inode().value() ^ exchange.session().value()) * 0x9E3779B97F4A7C15L;
    return (int) ((mixed >>> 32) % threads.length);
  }

  /** One request, which owns its payload until it has run or was refused. */
  private final class Work implements Runnable {
    private final Exchange exchange;
    private final DataRequest request;
    private final ByteBuf payload;
    private final long sinceNanos = clock.nanoTime();

    Work(Exchange exchange, DataRequest request, ByteBuf payload) {
      this.exchange = exchange;
      this.request = request;
      this.payload = payload;
    }

    /** Hands it over to a thread, or refuses it. */
    void start() {
      waiting.incrementAndGet();
      try {
        threads[threadOf(exchange, request)].execute(this);
      } catch (RejectedExecutionException e) {
        refuse();
      }
    }

    void refuse() {
      waiting.decrementAndGet();
      payload.release();
      boolean closing = threads[0].isShutdown();
      exchange.fail(
          closing ? FsError.CLOSED : FsError.OVERLOADED,
          closing ? "this daemon is stopping" : "too many requests wait for the data threads");
    }

    /** Has it run again when slots are let go of; answers whether it will. */
    private boolean waits() {
      if (clock.nanoTime() - sinceNanos > ClusterState.HELD_WAIT_NANOS) {
        return false;
      }
      payload.retain();
      boolean waits = cluster.awaitLetGo(payload.readableBytes(), this::start);
      if (!waits) {
        payload.release();
      }
      return waits;
    }

    @Override
    public void run() {
      waiting.decrementAndGet();
      long stamp = running.readLock();
      try {
        if (cluster.holdsAny() && isHeld(request)) {
          if (waits()) {
            return;
          }
          if (request instanceof DataRequest.OfChunksHere) {
            throw new FsException(FsError.OVERLOADED, "slots go to another node at this moment");
          }
        }
        switch (request) {
          case WriteChunks write -> write(exchange, write, payload);
          case ReadChunks read -> read(exchange, read);
          case DiscardChunks discard -> discard(exchange, discard);
          case SeekChunks seek -> {
            if (seek.fromByte() < 0) {
              throw new FsException(FsError.BAD_MESSAGE, "a search from " + seek.fromByte());
            }
            exchange.reply(
                new Reply.Position(
                    store.seek(
                        seek.inode(), seek.layout(), seek.fromByte(), seek.hole(), cluster::owns)));
          }
          case MeasureChunks measure ->
              exchange.reply(new Reply.Allocated(store.allocatedBytes(measure.inode())));
          case SyncChunks sync -> {
            store.sync(sync.inode());
            exchange.reply(new Reply.Done());
          }
          // Where there are limits, it has waited before.
          case AcquireData _ -> exchange.reply(new Reply.Done());
        }
      } catch (FsException e) {
        exchange.fail(e.error(), request.type() + ": " + e.getMessage());
      } catch (RuntimeException e) {
        LOG.error("request failed type={} session={}", request.type(), exchange.session(), e);
        exchange.fail(FsError.INTERNAL, request.type() + ": " + e);
      } finally {
        running.unlockRead(stamp);
        payload.release();
      }
    }
  }

  /** Whether a request is about a slot that is held. */
  private boolean isHeld(DataRequest request) {
    return switch (request) {
      case DataRequest.OfSpans asked -> holdsAny(asked.layout(), asked.spans());
      case DataRequest.OfChunksHere _ -> true;
      case DataRequest.OfNoSlot _ -> false;
    };
  }

  private boolean holdsAny(FileLayout layout, List<ChunkSpan> spans) {
    for (ChunkSpan span : spans) {
      int slot = Placement.chunkSlotValue(layout, span.chunkIndex());
      if (cluster.owns(slot) && !cluster.serves(slot)) {
        return true;
      }
    }
    return false;
  }

  /** Sum of the spans' lengths, all of which can be what a sane peer sends. */
  private static int check(FileLayout layout, List<ChunkSpan> spans) throws FsException {
    if (spans.size() > SPANS_MAX) {
      throw new FsException(FsError.BAD_MESSAGE, spans.size() + " spans; at most " + SPANS_MAX);
    }
    long chunkMax = FileLayout.FILE_BYTES_MAX / layout.chunkSizeBytes();
    long sum = 0;
    for (ChunkSpan span : spans) {
      if ((long) span.offsetBytes() + span.lengthBytes() > layout.chunkSizeBytes()
          || span.chunkIndex() > chunkMax) {
        throw new FsException(
            FsError.BAD_MESSAGE, span + " in chunks of " + layout.chunkSizeBytes());
      }
      sum += span.lengthBytes();
    }
    if (sum > SPAN_BYTES_MAX) {
      throw new FsException(
          FsError.BAD_MESSAGE, "spans of " + sum + " bytes; at most " + SPAN_BYTES_MAX);
    }
    return (int) sum;
  }

  private void write(Exchange exchange, WriteChunks request, ByteBuf payload) throws FsException {
    int bytes = check(request.layout(), request.spans());
    if (bytes != payload.readableBytes()) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "spans of " + bytes + " bytes with a payload of " + payload.readableBytes());
    }
    var outcomes = new byte[request.spans().size()];
    List<ChunkSpan> own = markMoved(request.layout(), request.spans(), outcomes);
    if (own.isEmpty()) {
      exchange.reply(new Spans(outcomes));
      return;
    }
    ByteBuf ownBytes =
        own.size() == outcomes.length
            ? payload.retain()
            : withoutMoved(request.spans(), outcomes, payload);
    try {
      fill(
          outcomes,
          store.write(request.inode(), request.layout(), request.dataGeneration(), own, ownBytes));
    } finally {
      ownBytes.release();
    }
    exchange.reply(new Spans(outcomes));
  }

  private void read(Exchange exchange, ReadChunks request) throws FsException {
    check(request.layout(), request.spans());
    var outcomes = new byte[request.spans().size()];
    List<ChunkSpan> own = markMoved(request.layout(), request.spans(), outcomes);
    ChunkBytes answer =
        store.read(request.inode(), request.layout(), request.dataGeneration(), own);
    fill(outcomes, answer.outcomes());
    exchange.reply(new Spans(outcomes), answer.payload());
  }

  private void discard(Exchange exchange, DiscardChunks request) throws FsException {
    if (request.fromByte() < 0
        || request.toByte() < request.fromByte()
        || request.dataGeneration() < 0) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "generation %d, range from %d to %d"
              .formatted(request.dataGeneration(), request.fromByte(), request.toByte()));
    }
    if (request.onDisk()) {
      store.discardOnDisk(
          request.inode(),
          request.layout(),
          request.dataGeneration(),
          request.fromByte(),
          request.toByte(),
          cluster::owns);
      discardSync.then(new ChunkStore.Dropped(request.inode(), request.layout()), exchange);
      return;
    }
    store.discard(
        request.inode(),
        request.layout(),
        request.dataGeneration(),
        request.fromByte(),
        request.toByte(),
        cluster::owns);
    exchange.reply(new Reply.Done());
  }

  /** Marks the spans of slots that lie at another node; the others, which are this node's. */
  private List<ChunkSpan> markMoved(FileLayout layout, List<ChunkSpan> spans, byte[] outcomes) {
    boolean anyMoved = false;
    for (int i = 0; i < outcomes.length; i++) {
      if (!cluster.serves(Placement.chunkSlotValue(layout, spans.get(i).chunkIndex()))) {
        outcomes[i] = Spans.OUTCOME_MOVED;
        anyMoved = true;
      }
    }
    if (!anyMoved) {
      return spans;
    }
    List<ChunkSpan> own = new ArrayList<>(spans.size());
    for (int i = 0; i < outcomes.length; i++) {
      if (outcomes[i] != Spans.OUTCOME_MOVED) {
        own.add(spans.get(i));
      }
    }
    return own;
  }

  private static ByteBuf withoutMoved(List<ChunkSpan> spans, byte[] outcomes, ByteBuf payload) {
    ByteBuf kept = PooledByteBufAllocator.DEFAULT.directBuffer(payload.readableBytes());
    int position = payload.readerIndex();
    for (int i = 0; i < outcomes.length; i++) {
      int length = spans.get(i).lengthBytes();
      if (outcomes[i] != Spans.OUTCOME_MOVED) {
        kept.writeBytes(payload, position, length);
      }
      position += length;
    }
    return kept;
  }

  /** Puts the outcomes of this node's spans in their places between those that moved. */
  private static void fill(byte[] outcomes, SpanOutcome[] own) {
    int next = 0;
    for (int i = 0; i < outcomes.length; i++) {
      if (outcomes[i] != Spans.OUTCOME_MOVED) {
        outcomes[i] = code(own[next++]);
      }
    }
  }

  private static byte code(SpanOutcome outcome) {
    return switch (outcome) {
      case DONE -> Spans.OUTCOME_OK;
      case STALE -> Spans.OUTCOME_STALE;
      case NO_SPACE -> Spans.OUTCOME_NO_SPACE;
      case LOST -> Spans.OUTCOME_LOST;
      // Whoever asks looks around, and asks again.
      case UNKNOWN -> Spans.OUTCOME_MOVED;
      case FAILED -> Spans.OUTCOME_FAILED;
      case CORRUPT -> Spans.OUTCOME_CORRUPT;
    };
  }

  /** Takes no more requests; those that wait are answered for some seconds, then refused. */
  @Override
  public void close() {
    Arrays.stream(threads).forEach(ExecutorService::shutdown);
    long limit = clock.nanoTime() + TimeUnit.SECONDS.toNanos(DRAIN_SECONDS);
    try {
      for (ExecutorService thread : threads) {
        boolean ended =
            thread.awaitTermination(Math.max(0, limit - clock.nanoTime()), TimeUnit.NANOSECONDS);
        if (!ended) {
          refuse(thread.shutdownNow());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      Arrays.stream(threads).forEach(thread -> refuse(thread.shutdownNow()));
    } finally {
      discardSync.close();
    }
  }

  private static void refuse(List<Runnable> waiting) {
    for (Runnable work : waiting) {
      ((Work) work).refuse();
    }
  }
}
