package io.adhocfs.protocol.transport;

import static io.adhocfs.protocol.transport.Cluster.answer;
import static io.adhocfs.protocol.transport.Cluster.failure;
import static io.adhocfs.protocol.transport.Cluster.send;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What callers of an {@link RpcClient} may rely on, over every route to a real server. */
@ExtendWith(LeakCheck.class)
final class RpcContractTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  @TempDir private Path directory;

  /** Limits under which a server gives up on what is under way at once. */
  private static RpcServerConfiguration.Limits hasty() {
    RpcServerConfiguration.Limits usual = RpcServerConfiguration.Limits.usual();
    return new RpcServerConfiguration.Limits(
        usual.dataThreads(),
        usual.maxConnections(),
        usual.maxUnproved(),
        usual.maxRequestsInFlight(),
        usual.maxPayloadBytesPerConnection(),
        usual.maxPayloadBytes(),
        usual.handshakeTimeout(),
        usual.stallTimeout(),
        Duration.ofMillis(50));
  }

  private static void assertIsPattern(ByteBuf payload, long seed, int length) {
    ByteBuf expected = Requests.pattern(seed, length);
    try {
      assertThat(payload.readableBytes()).isEqualTo(length);
      if (length > 0) {
        assertThat(payload.isDirect()).isTrue();
        assertThat(payload.nioBufferCount()).isEqualTo(1);
        assertThat(payload.nioBuffer().equals(expected.nioBuffer())).isTrue();
      }
    } finally {
      expected.release();
      payload.release();
    }
  }

  @ParameterizedTest
  @EnumSource
  void answersCallsOfSeveralThreadsEachWithItsOwn(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      NettyRpcClient client = cluster.client();
      List<Future<?>> done = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        int number = thread;
        done.add(
            threads.submit(() -> {
              var random = new SplittableRandom(SEED + number);
              Map<CompletableFuture<Response>, Integer> reads = new HashMap<>();
              for (int i = 0; i < 300; i++) {
                if (random.nextBoolean()) {
                  assertThat(answer(send(client, Requests.lookup("n" + i))).reply())
                      .isEqualTo(new Reply.Done());
                } else {
                  int inode = 1 + random.nextInt(9000);
                  reads.put(send(client, Requests.read(inode, inode)), inode);
                }
              }
              for (var read : reads.entrySet()) {
                int inode = read.getValue();
                assertIsPattern(answer(read.getKey()).payload(), inode, inode);
              }
              return null;
            }));
      }
      for (Future<?> thread : done) {
        thread.get(Cluster.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void bringsPayloadsOfAllSizesThereAndBack(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      int[] sizes = {
        0, 1, 7, 48, 3900, 4047, 4048, 4096, 65536, 100_003, 1 << 20, 4 << 20, 16 << 20
      };
      for (int size : sizes) {
        calls.add(send(client, Requests.write(size + 1L, 1, 1), Requests.pattern(size, size)));
        calls.add(send(client, Requests.read(size, size)));
      }
      for (int i = 0; i < sizes.length; i++) {
        assertIsPattern(answer(calls.get(2 * i)).payload(), sizes[i], sizes[i]);
        assertIsPattern(answer(calls.get(2 * i + 1)).payload(), sizes[i], sizes[i]);
      }
      Waiting.until(
          "all room for payloads is free", () -> cluster.server.payloadBytesInFlight() == 0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void acceptsPayloadsInPieces(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      ByteBuf whole = Requests.pattern(5, 300_000);
      ByteBuf pieces =
          PooledByteBufAllocator.DEFAULT
              .compositeDirectBuffer()
              .addComponent(true, whole.retainedSlice(0, 100_001))
              .addComponent(true, whole.retainedSlice(100_001, 199_999));
      whole.release();
      assertIsPattern(
          answer(send(cluster.client(), Requests.write(1, 1, 1), pieces)).payload(), 5, 300_000);
    }
  }

  @ParameterizedTest
  @EnumSource
  void keepsTheOrderOfRequestsAboutOneFile(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      var random = new SplittableRandom(SEED);
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      for (int i = 1; i <= 500; i++) {
        int size = random.nextInt(20_000);
        calls.add(send(client, Requests.write(1 + i % 5, i, 1), Requests.pattern(i, size)));
      }
      for (var call : calls) {
        answer(call).payload().release();
      }
      Map<Long, Long> last = new HashMap<>();
      int seen = 0;
      for (Request request : cluster.handler.seen) {
        var write = (WriteChunks) request;
        Long before = last.put(write.inode().value(), write.dataGeneration());
        assertThat(before == null ? 0 : before).isLessThan(write.dataGeneration());
        seen++;
      }
      assertThat(seen).as("seed %d", SEED).isEqualTo(500);
      assertThat(cluster.server.connectionCount()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void handlesAllMetadataOnOneThread(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        NettyRpcClient client = cluster.client();
        for (int j = 0; j < 20; j++) {
          calls.add(send(client, Requests.lookup("thread" + j)));
        }
        calls.add(send(client, Requests.read(1, 1)));
      }
      for (var call : calls) {
        answer(call).payload().release();
      }
      assertThat(cluster.handler.threads).hasSize(110);
      assertThat(new HashSet<>(cluster.handler.threads))
          .containsExactly(
              cluster.server.metadataThread().submit(() -> Thread.currentThread().getName()).get());
    }
  }

  @ParameterizedTest
  @EnumSource
  void tellsEpochAndSession(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      cluster.handler.epoch = new Epoch(9);
      SessionId session = Cluster.newSession();
      NettyRpcClient client = cluster.client(session, Cluster.identity(), cluster.map());
      assertThat(answer(send(client, Requests.lookup("a"))).epoch()).isEqualTo(new Epoch(9));
      assertThat(cluster.handler.sessions.take()).isEqualTo(session);
      CompletableFuture<Response> call =
          client.call(
              Cluster.NODE,
              Requests.sync(1),
              Unpooled.EMPTY_BUFFER,
              TrafficClass.MIGRATION,
              Deadline.NEVER);
      ScriptedHandler.Held held = cluster.handler.held.take();
      assertThat(held.exchange().epoch()).isEqualTo(Epoch.FIRST);
      assertThat(held.exchange().session()).isEqualTo(session);
      assertThat(held.exchange().role()).isEqualTo(PeerRole.CLIENT);
      assertThat(held.exchange().trafficClass()).isEqualTo(TrafficClass.MIGRATION);
      held.exchange().reply(new Reply.Done());
      held.exchange().fail(FsError.INTERNAL, "a second answer does not count");
      assertThat(answer(call).reply()).isEqualTo(new Reply.Done());
    }
  }

  @ParameterizedTest
  @EnumSource
  void turnsFailedAnswersIntoExceptions(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> call = send(client, Requests.sync(1));
      cluster.handler.held.take().exchange().fail(FsError.NO_SPACE, "disk full: /data");
      FsException error = failure(call);
      assertThat(error.error()).isEqualTo(FsError.NO_SPACE);
      assertThat(error).hasMessageContaining("n7").hasMessageContaining("disk full: /data");

      FsException defect = failure(send(client, Requests.lookup("throw")));
      assertThat(defect.error()).isEqualTo(FsError.INTERNAL);
      assertThat(answer(send(client, Requests.lookup("after"))).reply())
          .isEqualTo(new Reply.Done());
    }
  }

  @ParameterizedTest
  @EnumSource
  void givesUpAtTheDeadlineAndGoesOn(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      answer(send(client, Requests.lookup("connect")));
      long start = System.nanoTime();
      FsException error =
          failure(
              client.call(
                  Cluster.NODE,
                  Requests.lookup("hold"),
                  Unpooled.EMPTY_BUFFER,
                  TrafficClass.FOREGROUND,
                  Deadline.after(Duration.ofMillis(60))));
      assertThat(error.error()).isEqualTo(FsError.TIMED_OUT);
      assertThat(error)
          .hasMessageContaining("n7")
          .hasMessageContaining("127.0.0.1:" + cluster.server.port())
          .hasMessageContaining("LOOKUP");
      assertThat(System.nanoTime() - start).isGreaterThan(Duration.ofMillis(60).toNanos());
      // The late answer is nobody's.
      cluster.handler.held.take().exchange().reply(new Reply.Done(), Requests.pattern(1, 5000));
      assertThat(answer(send(client, Requests.lookup("after"))).reply())
          .isEqualTo(new Reply.Done());
    }
  }

  @ParameterizedTest
  @EnumSource
  void dropsTheAnswerOfACancelledCall(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> call = send(client, Requests.lookup("hold"));
      ScriptedHandler.Held held = cluster.handler.held.take();
      assertThat(call.cancel(false)).isTrue();
      held.exchange().reply(new Reply.Done(), Requests.pattern(1, 5000));
      answer(send(client, Requests.lookup("after")));
    }
  }

  @ParameterizedTest
  @EnumSource
  void saysWhenTheConnectionWasLostAndConnectsAgain(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory, hasty())) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> lookup = send(client, Requests.lookup("hold"));
      CompletableFuture<Response> sync = send(client, Requests.sync(1));
      ScriptedHandler.Held first = cluster.handler.held.take();
      ScriptedHandler.Held second = cluster.handler.held.take();
      cluster.restartServer();
      for (var call : List.of(lookup, sync)) {
        FsException error = failure(call);
        assertThat(error.error()).isEqualTo(FsError.CONNECTION_LOST);
        assertThat(error).hasMessageContaining("n7").hasMessageContaining("127.0.0.1");
      }
      // Answers for connections that are gone go nowhere.
      first.exchange().reply(new Reply.Done(), Requests.pattern(1, 100));
      second.exchange().reply(new Reply.Done(), Requests.pattern(1, 100));
      assertThat(answer(send(client, Requests.lookup("again"))).reply())
          .isEqualTo(new Reply.Done());
      assertIsPattern(answer(send(client, Requests.read(3, 3000))).payload(), 3, 3000);
    }
  }

  @ParameterizedTest
  @EnumSource
  void answersWhatIsUnderWayBeforeItStops(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory);
        ExecutorService stopper = Executors.newSingleThreadExecutor()) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> call = send(client, Requests.lookup("hold"));
      ScriptedHandler.Held held = cluster.handler.held.take();
      Future<?> stopped = stopper.submit(() -> cluster.server.stop());
      Waiting.until(
          "nobody listens any more",
          () -> {
            try (var probe = new RawPeer(cluster.server.port())) {
              return !probe.socket.isConnected();
            } catch (IOException e) {
              return true;
            }
          });
      held.exchange().reply(new Reply.Done());
      assertThat(answer(call).reply()).isEqualTo(new Reply.Done());
      stopped.get();
      assertThat(cluster.server.metadataThread().submit(() -> 5).get()).isEqualTo(5);
    }
  }

  @ParameterizedTest
  @EnumSource
  void saysWhenNobodyListens(Route route) throws Exception {
    int freePort;
    try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      freePort = probe.getLocalPort();
    }
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client =
          cluster.client(Cluster.newSession(), Cluster.identity(), cluster.map(freePort, 1));
      cluster.server.stop();
      FsException error = failure(send(client, Requests.lookup("a")));
      assertThat(error.error()).isEqualTo(FsError.UNREACHABLE);
      assertThat(error).hasMessageContaining("n7").hasMessageContaining(":" + freePort);
      ByteBuf payload = Requests.pattern(1, 1000);
      assertThat(failure(send(client, Requests.write(1, 1, 1000), payload)).error())
          .isEqualTo(FsError.UNREACHABLE);
      assertThat(payload.refCnt()).isZero();
      CompletableFuture<Response> unknown =
          client.call(
              new NodeId(8),
              Requests.lookup("a"),
              Unpooled.EMPTY_BUFFER,
              TrafficClass.FOREGROUND,
              Deadline.NEVER);
      assertThat(failure(unknown)).hasMessageContaining("n8 is not in the map");
    }
  }

  @ParameterizedTest
  @EnumSource
  void followsANodeToItsNewAddress(Route route) throws Exception {
    try (var old = new Cluster(route, directory.resolve("a").toAbsolutePath());
        var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      NettyRpcClient client = old.client();
      CompletableFuture<Response> call = send(client, Requests.lookup("hold"));
      ScriptedHandler.Held held = old.handler.held.take();
      client.useMap(cluster.map(cluster.server.port(), 2));
      assertThat(failure(call).error()).isEqualTo(FsError.CONNECTION_LOST);
      answer(send(client, Requests.lookup("there")));
      assertThat(cluster.handler.seen).hasSize(1);
      client.useMap(old.map());
      answer(send(client, Requests.lookup("still there")));
      assertThat(cluster.handler.seen).hasSize(2);
      held.exchange().reply(new Reply.Done());
    }
  }

  @ParameterizedTest
  @EnumSource
  void endsEverythingWhenClosed(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> call = send(client, Requests.lookup("hold"));
      ScriptedHandler.Held held = cluster.handler.held.take();
      client.close();
      assertThat(failure(call).error()).isEqualTo(FsError.CLOSED);
      ByteBuf payload = Requests.pattern(1, 10);
      assertThat(failure(send(client, Requests.write(1, 1, 10), payload)).error())
          .isEqualTo(FsError.CLOSED);
      assertThat(payload.refCnt()).isZero();
      held.exchange().reply(new Reply.Done());
      Waiting.until("connections are gone", () -> cluster.server.connectionCount() == 0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesWhatNoFrameCanCarry(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      ByteBuf large = Unpooled.directBuffer((16 << 20) + 1).writeZero((16 << 20) + 1);
      FsException error = failure(send(client, Requests.write(1, 1, 1), large));
      assertThat(error.error()).isEqualTo(FsError.BAD_MESSAGE);
      assertThat(large.refCnt()).isZero();
      Request body =
          new io.adhocfs.protocol.wire.ControlRequest.ScanInodes(new byte[(2 << 20) + 1], 1);
      assertThat(failure(send(client, body)).error()).isEqualTo(FsError.BAD_MESSAGE);
      Request largest =
          new io.adhocfs.protocol.wire.ControlRequest.ScanInodes(new byte[(2 << 20) - 8], 1);
      answer(send(client, largest));
      answer(send(client, Requests.lookup("after")));
    }
  }

  @ParameterizedTest
  @EnumSource
  void boundsTheCallsUnderWay(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client =
          cluster.client(
              new RpcClientConfiguration(
                  Cluster.identity(),
                  Cluster.newSession(),
                  PeerRole.CLIENT,
                  1,
                  route.driver,
                  1,
                  3,
                  Duration.ofSeconds(5)),
              cluster.map());
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        calls.add(send(client, Requests.sync(i + 1)));
      }
      assertThat(failure(send(client, Requests.sync(9))).error()).isEqualTo(FsError.OVERLOADED);
      for (int i = 0; i < 3; i++) {
        cluster.handler.held.take().exchange().reply(new Reply.Done());
      }
      for (var call : calls) {
        answer(call);
      }
      CompletableFuture<Response> last = send(client, Requests.sync(9));
      cluster.handler.held.take().exchange().reply(new Reply.Done());
      answer(last);
    }
  }

  @ParameterizedTest
  @EnumSource
  void callsFromCompletionsGoOn(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      CompletableFuture<Response> chain = send(client, Requests.lookup("0"));
      for (int i = 1; i < 200; i++) {
        String name = "link" + i;
        chain = chain.thenCompose(answer -> send(client, Requests.lookup(name)));
      }
      answer(chain);
    }
  }

  @ParameterizedTest
  @EnumSource
  void manyClientsComeAndGo(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<?>> done = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        done.add(
            threads.submit(() -> {
              for (int i = 0; i < 25; i++) {
                try (NettyRpcClient client = cluster.client()) {
                  CompletableFuture<Response> lookup = send(client, Requests.lookup("a"));
                  assertIsPattern(answer(send(client, Requests.read(9, 99))).payload(), 9, 99);
                  answer(lookup);
                }
              }
              return null;
            }));
      }
      for (Future<?> thread : done) {
        thread.get(3 * Cluster.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      }
      Waiting.until("all are gone", () -> cluster.server.connectionCount() == 0);
    }
  }
}
