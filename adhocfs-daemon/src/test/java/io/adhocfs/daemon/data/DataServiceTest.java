package io.adhocfs.daemon.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.Waiting;
import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.chunk.LocalDisk;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Reply.Spans;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataServiceTest {
  private static final int CHUNK = 4096;

  /** Slots alternate between nodes 0, which is this one, and 1. */
  private static final FileLayout LAYOUT = new FileLayout(CHUNK, 0, 1, 0, false);

  private static final FileLayout OWN = new FileLayout(CHUNK, 0, 2, 0, false);
  private static final InodeId FILE = InodeId.of(new SlotId(2), 9);

  @TempDir Path directory;

  /** Set before every test. */
  @SuppressWarnings("NullAway.Init")
  private RocksSlotStore database;

  @SuppressWarnings("NullAway.Init")
  private FileChunkStore store;

  @SuppressWarnings("NullAway.Init")
  private ClusterState cluster;

  /** What was answered. */
  private record Answer(Reply reply, ByteBuf payload) {}

  private static final class Question implements Exchange {
    private final CompletableFuture<Answer> answer = new CompletableFuture<>();

    @Override
    public SessionId session() {
      return new SessionId(7);
    }

    @Override
    public PeerRole role() {
      return PeerRole.CLIENT;
    }

    @Override
    public Epoch epoch() {
      return Epoch.FIRST;
    }

    @Override
    public TrafficClass trafficClass() {
      return TrafficClass.FOREGROUND;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      assertThat(answer.complete(new Answer(reply, payload))).isTrue();
    }

    @Override
    public void fail(FsError error, String message) {
      reply(new Reply.Failed(error, message), Unpooled.EMPTY_BUFFER);
    }

    Answer await() throws Exception {
      return answer.get(30, TimeUnit.SECONDS);
    }
  }

  @BeforeEach
  void open() throws Exception {
    database = new RocksSlotStore(directory.resolve("metadata"), 1 << 28);
    store =
        new FileChunkStore(
            Threads.SYSTEM,
            new LocalDisk(directory.resolve("chunks")),
            database,
            new FileChunkStore.Limits(1 << 20, 0, 8),
            FileChunkStore.Sealing.AT_REST,
            PooledByteBufAllocator.DEFAULT);
    ClusterMap map =
        ClusterMap.initial(
            List.of(
                new ClusterMap.Node(new NodeId(0), "a", 1, "", 1, NodeState.ACTIVE),
                new ClusterMap.Node(new NodeId(1), "b", 1, "", 1, NodeState.ACTIVE)));
    cluster =
        ClusterState.open(
            SmallFile.at(directory.resolve(ClusterState.FILE_NAME)), new NodeId(0), map);
  }

  @AfterEach
  void close() {
    store.close();
    database.close();
  }

  private static ByteBuf payload(int length, int value) {
    ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(Math.max(1, length));
    for (int i = 0; i < length; i++) {
      payload.writeByte(value);
    }
    return payload;
  }

  private static Answer ask(DataService service, DataRequest request, ByteBuf payload)
      throws Exception {
    var question = new Question();
    service.handle(question, request, payload);
    Answer answer = question.await();
    Waiting.until("the payload's release", () -> payload.refCnt() == 0 || payload.capacity() == 0);
    return answer;
  }

  private static FsError error(Answer answer) {
    return ((Reply.Failed) answer.reply()).error();
  }

  @Test
  void saysWhichSpansLieElsewhereAndDoesTheRest() throws Exception {
    try (var service = new DataService(Threads.SYSTEM, cluster, store, 2)) {
      List<ChunkSpan> spans =
          List.of(new ChunkSpan(0, 0, 10), new ChunkSpan(1, 0, 20), new ChunkSpan(2, 5, 30));
      ByteBuf bytes = payload(60, 0);
      for (int i = 0; i < 60; i++) {
        bytes.setByte(i, i + 1);
      }
      Answer written = ask(service, new DataRequest.WriteChunks(FILE, LAYOUT, 1, spans), bytes);
      assertThat(((Spans) written.reply()).outcomes())
          .containsExactly(Spans.OUTCOME_OK, Spans.OUTCOME_MOVED, Spans.OUTCOME_OK);
      Answer read =
          ask(service, new DataRequest.ReadChunks(FILE, LAYOUT, 1, spans), Unpooled.EMPTY_BUFFER);
      assertThat(((Spans) read.reply()).outcomes())
          .containsExactly(Spans.OUTCOME_OK, Spans.OUTCOME_MOVED, Spans.OUTCOME_OK);
      assertThat(read.payload().readableBytes()).isEqualTo(40);
      assertThat(read.payload().getByte(0)).isEqualTo((byte) 1);
      assertThat(read.payload().getByte(10)).isEqualTo((byte) 31);
      read.payload().release();
      Answer elsewhere =
          ask(
              service,
              new DataRequest.WriteChunks(FILE, LAYOUT, 1, List.of(spans.get(1))),
              payload(20, 1));
      assertThat(((Spans) elsewhere.reply()).outcomes()).containsExactly(Spans.OUTCOME_MOVED);
    }
  }

  @Test
  void refusesWhatNoSanePeerSends() throws Exception {
    try (var service = new DataService(Threads.SYSTEM, cluster, store, 1)) {
      List<List<ChunkSpan>> wrong =
          List.of(
              List.of(new ChunkSpan(0, CHUNK - 1, 2)),
              List.of(new ChunkSpan(Long.MAX_VALUE / 2, 0, 1)),
              Collections.nCopies(DataService.SPANS_MAX + 1, new ChunkSpan(0, 0, 1)),
              Collections.nCopies(
                  DataService.SPAN_BYTES_MAX / CHUNK + 1, new ChunkSpan(0, 0, CHUNK)));
      for (List<ChunkSpan> spans : wrong) {
        Answer read =
            ask(service, new DataRequest.ReadChunks(FILE, OWN, 1, spans), Unpooled.EMPTY_BUFFER);
        assertThat(error(read)).isEqualTo(FsError.BAD_MESSAGE);
        Answer written =
            ask(service, new DataRequest.WriteChunks(FILE, OWN, 1, spans), payload(1, 1));
        assertThat(error(written)).isEqualTo(FsError.BAD_MESSAGE);
      }
      Answer otherLength =
          ask(
              service,
              new DataRequest.WriteChunks(FILE, OWN, 1, List.of(new ChunkSpan(0, 0, 5))),
              payload(6, 1));
      assertThat(error(otherLength)).isEqualTo(FsError.BAD_MESSAGE);
      for (var discard :
          List.of(
              new DataRequest.DiscardChunks(FILE, OWN, 2, -1, 5, false),
              new DataRequest.DiscardChunks(FILE, OWN, 2, 6, 5, false),
              new DataRequest.DiscardChunks(FILE, OWN, -2, 0, 5, false))) {
        assertThat(error(ask(service, discard, Unpooled.EMPTY_BUFFER)))
            .isEqualTo(FsError.BAD_MESSAGE);
      }
    }
  }

  @Test
  void discardsAndSyncs() throws Exception {
    try (var service = new DataService(Threads.SYSTEM, cluster, store, 3)) {
      var spans = List.of(new ChunkSpan(0, 0, 10));
      ask(service, new DataRequest.WriteChunks(FILE, OWN, 1, spans), payload(10, 5));
      assertThat(ask(service, new DataRequest.SyncChunks(FILE), Unpooled.EMPTY_BUFFER).reply())
          .isEqualTo(new Reply.Done());
      assertThat(
              ask(
                      service,
                      new DataRequest.DiscardChunks(FILE, OWN, 2, 0, Long.MAX_VALUE, false),
                      Unpooled.EMPTY_BUFFER)
                  .reply())
          .isEqualTo(new Reply.Done());
      Answer late = ask(service, new DataRequest.WriteChunks(FILE, OWN, 1, spans), payload(10, 5));
      assertThat(((Spans) late.reply()).outcomes()).containsExactly(Spans.OUTCOME_STALE);
    }
  }

  @Test
  void keepsTheOrderOfOneSessionsWritesToAFile() throws Exception {
    try (var service = new DataService(Threads.SYSTEM, cluster, store, 4)) {
      var spans = List.of(new ChunkSpan(0, 0, CHUNK));
      for (int round = 0; round < 20; round++) {
        List<Question> questions = new ArrayList<>();
        for (int i = 1; i <= 50; i++) {
          var question = new Question();
          questions.add(question);
          service.handle(
              question, new DataRequest.WriteChunks(FILE, OWN, 1, spans), payload(CHUNK, i));
        }
        for (Question question : questions) {
          assertThat(((Spans) question.await().reply()).outcomes())
              .containsExactly(Spans.OUTCOME_OK);
        }
        Answer read =
            ask(
                service,
                new DataRequest.ReadChunks(FILE, OWN, 1, List.of(new ChunkSpan(0, 77, 1))),
                Unpooled.EMPTY_BUFFER);
        assertThat(read.payload().getByte(0)).isEqualTo((byte) 50);
        read.payload().release();
      }
    }
  }

  /** Holds every sync until it is let go; the rest goes to a real store. */
  private record HeldStore(ChunkStore store, CountDownLatch entered, CountDownLatch letGo)
      implements ChunkStore {
    @Override
    public io.adhocfs.daemon.chunk.SpanOutcome[] write(
        InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans, ByteBuf bytes) {
      return store.write(inode, layout, generation, spans, bytes);
    }

    @Override
    public ChunkBytes read(
        InodeId inode, FileLayout layout, long generation, List<ChunkSpan> spans) {
      return store.read(inode, layout, generation, spans);
    }

    @Override
    public void discard(
        InodeId inode,
        FileLayout layout,
        long generation,
        long fromByte,
        long toByte,
        IntPredicate slots)
        throws FsException {
      store.discard(inode, layout, generation, fromByte, toByte, slots);
    }

    @Override
    public long seek(
        InodeId inode, FileLayout layout, long fromByte, boolean hole, IntPredicate slots)
        throws FsException {
      return store.seek(inode, layout, fromByte, hole, slots);
    }

    @Override
    public long allocatedBytes(InodeId inode) throws FsException {
      return store.allocatedBytes(inode);
    }

    @Override
    public void discardOnDisk(
        InodeId inode,
        FileLayout layout,
        long generation,
        long fromByte,
        long toByte,
        IntPredicate slots)
        throws FsException {
      store.discard(inode, layout, generation, fromByte, toByte, slots);
    }

    @Override
    public void syncDiscards(Collection<Dropped> files) throws FsException {
      store.syncDiscards(files);
    }

    @Override
    public void sync(InodeId inode) {
      entered.countDown();
      try {
        letGo.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public io.adhocfs.daemon.chunk.StoreCapacity capacity() {
      return store.capacity();
    }

    @Override
    public ChunkPage scan(byte[] cursor, int itemsMax) throws FsException {
      return store.scan(cursor, itemsMax);
    }

    @Override
    public List<StoredChunk> markLost(
        InodeId inode,
        FileLayout layout,
        long generation,
        long firstChunk,
        long lastChunk,
        IntPredicate slots)
        throws FsException {
      return store.markLost(inode, layout, generation, firstChunk, lastChunk, slots);
    }

    @Override
    public void drop(List<StoredChunk> chunks) throws FsException {
      store.drop(chunks);
    }

    @Override
    public VerifiedPage verify(byte[] cursor, long bytesMax) throws FsException {
      return store.verify(cursor, bytesMax);
    }

    @Override
    public List<String> findings() throws FsException {
      return store.findings();
    }

    @Override
    public void close() {
      store.close();
    }
  }

  @Test
  void refusesWhatItsQueueCannotHoldAndReleasesIt() throws Exception {
    var held = new HeldStore(store, new CountDownLatch(1), new CountDownLatch(1));
    List<Question> questions = new ArrayList<>();
    List<ByteBuf> payloads = new ArrayList<>();
    try (var service = new DataService(Threads.SYSTEM, cluster, held, 1)) {
      service.handle(new Question(), new DataRequest.SyncChunks(FILE), Unpooled.EMPTY_BUFFER);
      held.entered().await();
      for (int i = 0; i < 1100; i++) {
        var question = new Question();
        ByteBuf bytes = payload(1, 1);
        questions.add(question);
        payloads.add(bytes);
        service.handle(
            question,
            new DataRequest.WriteChunks(FILE, OWN, 1, List.of(new ChunkSpan(0, 0, 1))),
            bytes);
      }
      assertThat(service.queued()).isEqualTo(1024);
      assertThat(questions.subList(1024, 1100))
          .allSatisfy(
              question -> assertThat(error(question.await())).isEqualTo(FsError.OVERLOADED));
      held.letGo().countDown();
      for (Question question : questions.subList(0, 1024)) {
        assertThat(((Spans) question.await().reply()).outcomes()).containsExactly(Spans.OUTCOME_OK);
      }
    }
    assertThat(payloads).allSatisfy(bytes -> assertThat(bytes.refCnt()).isZero());
  }
}
