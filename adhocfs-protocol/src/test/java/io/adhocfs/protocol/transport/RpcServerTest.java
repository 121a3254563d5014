package io.adhocfs.protocol.transport;

import static io.adhocfs.protocol.transport.Cluster.answer;
import static io.adhocfs.protocol.transport.Cluster.failure;
import static io.adhocfs.protocol.transport.Cluster.send;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.Handshake.Refusal;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a server does with peers that are hostile, broken, late, slow or many. */
@ExtendWith(LeakCheck.class)
final class RpcServerTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  private static final byte[] NONE = {};

  @TempDir private Path directory;

  private static RpcServerConfiguration.Limits limits(
      int connections, int requests, long bytesPerConnection, long bytes) {
    RpcServerConfiguration.Limits usual = RpcServerConfiguration.Limits.usual();
    return new RpcServerConfiguration.Limits(
        1,
        connections,
        usual.maxUnproved(),
        requests,
        bytesPerConnection,
        bytes,
        usual.handshakeTimeout(),
        usual.stallTimeout(),
        usual.drainTimeout());
  }

  private static RpcServerConfiguration.Limits impatient(Duration handshake, Duration stall) {
    RpcServerConfiguration.Limits usual = RpcServerConfiguration.Limits.usual();
    return new RpcServerConfiguration.Limits(
        1,
        usual.maxConnections(),
        usual.maxUnproved(),
        usual.maxRequestsInFlight(),
        usual.maxPayloadBytesPerConnection(),
        usual.maxPayloadBytes(),
        handshake,
        stall,
        usual.drainTimeout());
  }

  private static void assertStillServes(Cluster cluster) throws Exception {
    assertThat(answer(send(cluster.client(), Requests.lookup("still there"))).reply())
        .isEqualTo(new Reply.Done());
  }

  private static RawPeer peer(Cluster cluster) throws IOException {
    return new RawPeer(cluster.server.port());
  }

  // ---- handshake

  @ParameterizedTest
  @EnumSource
  void refusesClientsWithAnotherSecret(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client =
          cluster.client(Cluster.newSession(), Cluster.identity("test-instance", 2), cluster.map());
      FsException error = failure(send(client, Requests.lookup("a")));
      assertThat(error.error()).isEqualTo(FsError.REFUSED);
      assertThat(error).hasMessageContaining("n7").hasMessageContaining("secret");
      assertThat(cluster.handler.seen).isEmpty();
      assertStillServes(cluster);
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesClientsOfAnotherInstance(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client =
          cluster.client(Cluster.newSession(), Cluster.identity("other", 1), cluster.map());
      FsException error = failure(send(client, Requests.lookup("a")));
      assertThat(error.error()).isEqualTo(FsError.REFUSED);
      assertThat(error)
          .hasMessageContaining("n7")
          .hasMessageContaining("'other'")
          .hasMessageContaining("'test-instance'");
      assertStillServes(cluster);
    }
  }

  @Test
  void refusesClientsThatLookForAnotherNode() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var peer = peer(cluster)) {
      peer.introduce(
          RawPeer.hello(
              MessageType.PROTOCOL_VERSION,
              "test-instance",
              Cluster.newSession(),
              0,
              1,
              new NodeId(8)),
          Cluster.identity().secret());
      Handshake.Refused refused = peer.receive().refused();
      assertThat(refused.reason()).isEqualTo(Refusal.WRONG_NODE);
      assertThat(refused.message()).contains("n8").contains("n7");
      peer.awaitClose();
    }
  }

  @Test
  void refusesOtherVersionsInHelloAndFrame() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      try (var peer = peer(cluster)) {
        peer.sendStep(
            Step.HELLO,
            RawPeer.hello(2, "test-instance", Cluster.newSession(), 0, 1, Cluster.NODE)::encode);
        assertThat(peer.receive().refused().reason()).isEqualTo(Refusal.VERSION);
        peer.awaitClose();
      }
      try (var peer = peer(cluster)) {
        byte[] frame = peer.frame(Frame.Kind.HANDSHAKE, Step.HELLO, 0, NONE, NONE);
        frame[5] = 2;
        peer.send(peer.signed(frame));
        assertThat(peer.receive().refused().reason()).isEqualTo(Refusal.VERSION);
        peer.awaitClose();
      }
      assertStillServes(cluster);
    }
  }

  @Test
  void refusesProofsOfAnotherHello() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var peer = peer(cluster)) {
      SessionId session = Cluster.newSession();
      peer.sendStep(Step.HELLO, RawPeer.hello(session, 0, 1)::encode);
      Handshake.Challenge challenge =
          Handshake.Challenge.decode(io.netty.buffer.Unpooled.wrappedBuffer(peer.receive().body()));
      peer.sendStep(
          Step.PROOF,
          Handshake.clientProof(
                  Cluster.identity().secret(), RawPeer.hello(session, 0, 1), challenge)
              ::encode);
      assertThat(peer.receive().refused().reason()).isEqualTo(Refusal.SECRET);
    }
  }

  @Test
  void theServersProofIsNoProofOfAClient() {
    Handshake.Hello hello = RawPeer.hello(Cluster.newSession(), 0, 1);
    var challenge = new Handshake.Challenge(Cluster.NODE, Handshake.newNonce(), 1);
    byte[] secret = Cluster.identity().secret();
    assertThat(
            Handshake.clientProof(secret, hello, challenge)
                .matches(Handshake.serverProof(secret, hello, challenge)))
        .isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void survivesGarbage(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      var random = new SplittableRandom(SEED);
      for (int i = 0; i < 30; i++) {
        try (var peer = peer(cluster)) {
          byte[] garbage = new byte[48 + random.nextInt(3000)];
          random.nextBytes(garbage);
          peer.send(garbage);
          peer.awaitClose();
        }
      }
      assertThat(cluster.handler.seen).as("seed %d", SEED).isEmpty();
      assertStillServes(cluster);
    }
  }

  @Test
  void refusesRequestsBeforeTheHandshake() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var peer = peer(cluster)) {
      peer.request(1, Requests.lookup("a"), NONE);
      assertThat(peer.receive().refused().reason()).isEqualTo(Refusal.MALFORMED);
      peer.awaitClose();
      assertThat(cluster.handler.seen).isEmpty();
    }
  }

  @Test
  void closesWhoStaysSilent() throws Exception {
    try (var cluster =
            new Cluster(
                Route.EPOLL_TCP,
                directory,
                impatient(Duration.ofMillis(100), Duration.ofSeconds(60)));
        var silent = peer(cluster);
        var half = peer(cluster)) {
      half.sendStep(Step.HELLO, RawPeer.hello(Cluster.newSession(), 0, 1)::encode);
      assertThat(half.receive().header().typeCode()).isEqualTo(Step.CHALLENGE);
      assertThat(silent.receive().refused().reason()).isEqualTo(Refusal.TOO_SLOW);
      assertThat(half.receive().refused().reason()).isEqualTo(Refusal.TOO_SLOW);
      silent.awaitClose();
      half.awaitClose();
      Waiting.until("both are gone", () -> cluster.server.connectionCount() == 0);
    }
  }

  @Test
  void refusesMoreConnectionsThanAllowed() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory, limits(2, 10, 1 << 20, 64 << 20));
        var first = peer(cluster).ready(Cluster.newSession(), 0, 1);
        var second = peer(cluster).ready(Cluster.newSession(), 0, 1)) {
      assertThat(failure(send(cluster.client(), Requests.lookup("a"))).error())
          .isEqualTo(FsError.OVERLOADED);
      first.request(1, Requests.lookup("a"), NONE);
      assertThat(first.receive().message()).isEqualTo(new Reply.Done());
      second.socket.close();
      Waiting.until("there is room", () -> cluster.server.connectionCount() == 1);
      assertStillServes(cluster);
    }
  }

  @Test
  void thoseThatHaveNotProvedThemselvesTakeNoPlaceOfThoseThatDo() throws Exception {
    List<RawPeer> silent = new ArrayList<>();
    SessionId session = Cluster.newSession();
    try (var cluster =
            new Cluster(
                Route.EPOLL_TCP,
                directory,
                limits(3, 10, 1 << 20, 64 << 20).withConnections(3, 8));
        var served = peer(cluster).ready(session, 0, 1)) {
      for (int i = 0; i < 100; i++) {
        silent.add(peer(cluster));
      }
      // An address has a quarter of the places, and its newest connections have them.
      assertThat(silent.getFirst().receive().refused().reason())
          .isEqualTo(Refusal.TOO_MANY_CONNECTIONS);
      Waiting.until(
          "all but two of them are gone", () -> cluster.server.connectionCount() == 1 + 2);
      try (var lane = peer(cluster).ready(session, 1, 1)) {
        assertStillServes(cluster);
        assertThat(lane.socket.isConnected()).isTrue();
      }
      served.request(1, Requests.lookup("a"), NONE);
      assertThat(served.receive().message()).isEqualTo(new Reply.Done());
    } finally {
      for (RawPeer peer : silent) {
        peer.close();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void clientsRefuseServersThatDoNotKnowTheSecret(Route route) throws Exception {
    try (var impostor = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        var cluster = new Cluster(route, directory);
        ExecutorService thread = Executors.newSingleThreadExecutor()) {
      Future<?> played =
          thread.submit(() -> {
            try (Socket socket = impostor.accept()) {
              var real = new RawPeer(cluster.server.port());
              byte[] hello = new byte[1000];
              int length = socket.getInputStream().read(hello);
              // Passes the challenge on, then claims to be welcome.
              real.send(Arrays.copyOf(hello, length));
              RawPeer.Received challenge = real.receive();
              socket
                  .getOutputStream()
                  .write(
                      real.frame(Frame.Kind.HANDSHAKE, Step.CHALLENGE, 0, challenge.body(), NONE));
              assertThat(socket.getInputStream().read(hello)).isPositive();
              byte[] proof = new byte[36];
              proof[3] = 32;
              socket
                  .getOutputStream()
                  .write(real.frame(Frame.Kind.HANDSHAKE, Step.WELCOME, 0, proof, NONE));
              real.close();
              assertThat(socket.getInputStream().read(hello)).isNegative();
            }
            return null;
          });
      var tcpOnly = new Cluster(Route.EPOLL_TCP, directory);
      NettyRpcClient client =
          cluster.client(
              Cluster.newSession(), Cluster.identity(), tcpOnly.map(impostor.getLocalPort(), 1));
      FsException error = failure(send(client, Requests.lookup("a")));
      assertThat(error.error()).isEqualTo(FsError.REFUSED);
      assertThat(error).hasMessageContaining("n7").hasMessageContaining("secret");
      played.get();
      tcpOnly.close();
    }
  }

  @Test
  void clientsGiveUpOnServersThatSayNothing() throws Exception {
    try (var mute = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      NettyRpcClient client =
          cluster.client(
              new RpcClientConfiguration(
                  Cluster.identity(),
                  Cluster.newSession(),
                  RequestHandler.PeerRole.CLIENT,
                  1,
                  SocketDriver.best(),
                  1,
                  100,
                  Duration.ofMillis(100)),
              cluster.map(mute.getLocalPort(), 1));
      FsException error = failure(send(client, Requests.lookup("a")));
      assertThat(error.error()).isEqualTo(FsError.UNREACHABLE);
      assertThat(error).hasMessageContaining("handshake");
    }
  }

  @Test
  void goesOverTcpWhereTheSocketFileIsAnotherNodes() throws Exception {
    var other =
        new RpcServer(
            new RpcServerConfiguration(
                "127.0.0.1",
                0,
                Optional.of(directory.resolve("rpc.sock")),
                Cluster.identity(),
                new NodeId(3)));
    var otherHandler = new ScriptedHandler();
    other.start(otherHandler);
    try (other;
        otherHandler;
        var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      var map =
          io.adhocfs.protocol.placement.ClusterMap.initial(
              List.of(
                  new io.adhocfs.protocol.placement.ClusterMap.Node(
                      Cluster.NODE,
                      "localhost",
                      cluster.server.port(),
                      directory.resolve("rpc.sock").toString(),
                      1,
                      io.adhocfs.protocol.placement.ClusterMap.NodeState.ACTIVE)));
      NettyRpcClient client = cluster.client(Cluster.newSession(), Cluster.identity(), map);
      answer(send(client, Requests.lookup("a")));
      assertThat(cluster.handler.seen).hasSize(1);
      assertThat(otherHandler.seen).isEmpty();
    }
  }

  @Test
  void replacesTheSocketOfAnEarlierServerAndNothingElse() throws Exception {
    Path path = directory.resolve("rpc.sock");
    Files.writeString(path, "precious");
    assertThatThrownBy(() -> new Cluster(Route.EPOLL_UNIX, directory))
        .isInstanceOf(FsException.class)
        .hasMessageContaining("rpc.sock");
    assertThat(Files.readString(path)).isEqualTo("precious");
    Files.delete(path);
    try (var cluster = new Cluster(Route.EPOLL_UNIX, directory)) {
      assertStillServes(cluster);
    }
    assertThat(path).doesNotExist();
  }

  // ---- frames

  @ParameterizedTest
  @EnumSource
  void answersBadBodiesAndGoesOn(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory);
        var peer = peer(cluster).ready(Cluster.newSession(), 0, 1)) {
      byte[] body = RawPeer.body(Requests.lookup("name"));
      int lookup = MessageType.LOOKUP.code();
      byte[] flipped = peer.request(lookup, 1, body, NONE);
      flipped[50] ^= 4;
      peer.send(flipped);
      assertFailed(peer, 1, FsError.CORRUPT);

      peer.send(peer.request(0xABC, 2, body, new byte[70_000]));
      assertFailed(peer, 2, FsError.UNKNOWN_MESSAGE);

      peer.send(peer.request(MessageType.DONE.code(), 3, NONE, NONE));
      assertFailed(peer, 3, FsError.BAD_MESSAGE);

      peer.send(peer.request(MessageType.SYNC_CHUNKS.code(), 4, new byte[8], NONE));
      assertFailed(peer, 4, FsError.BAD_MESSAGE);

      for (int length = 0; length < body.length; length++) {
        peer.send(peer.request(lookup, 5, Arrays.copyOf(body, length), new byte[length]));
        FsError error = assertFails(peer, 5);
        assertThat(error).isIn(FsError.BAD_MESSAGE, FsError.NOT_FOUND);
      }

      byte[] slash = body.clone();
      slash[slash.length - 1] = '/';
      peer.send(peer.request(lookup, 6, slash, NONE));
      assertFailed(peer, 6, FsError.INVALID);

      peer.send(peer.request(0xFFFF, 7, new byte[2 << 20], NONE));
      assertFailed(peer, 7, FsError.UNKNOWN_MESSAGE);

      peer.request(8, Requests.lookup("good"), NONE);
      assertThat(peer.receive().message()).isEqualTo(new Reply.Done());
      assertThat(cluster.handler.seen).containsExactly(Requests.lookup("good"));
      assertThat(cluster.server.payloadBytesInFlight()).isZero();
    }
  }

  @Test
  void answersBadPayloadsAndGoesOn() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var peer = peer(cluster).ready(Cluster.newSession(), 1, 1)) {
      byte[] frame =
          peer.request(
              MessageType.WRITE_CHUNKS.code(),
              1,
              RawPeer.body(Requests.write(1, 1, 1)),
              new byte[50_000]);
      frame[frame.length - 1] = 1;
      peer.send(frame);
      assertFailed(peer, 1, FsError.CORRUPT);
      // More than any answer could carry is not even begun.
      peer.request(2, Requests.read(1, (16 << 20) + 1), NONE);
      assertFailed(peer, 2, FsError.BAD_MESSAGE);
      byte[] payload = {1, 2, 3};
      peer.request(3, Requests.write(1, 1, 1), payload);
      RawPeer.Received received = peer.receive();
      assertThat(received.message()).isEqualTo(new Reply.Done());
      assertThat(received.payload()).isEqualTo(payload);
      assertThat(cluster.handler.seen).hasSize(1);
    }
  }

  private static void assertFailed(RawPeer peer, long id, FsError error) throws IOException {
    assertThat(assertFails(peer, id)).isEqualTo(error);
  }

  private static FsError assertFails(RawPeer peer, long id) throws IOException {
    RawPeer.Received received = peer.receive();
    assertThat(received.header().requestId()).isEqualTo(id);
    return received.failed().error();
  }

  @ParameterizedTest
  @EnumSource
  void closesAfterAnyBadHeaderAndServesOthers(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient other = cluster.client();
      SessionId session = Cluster.newSession();
      for (int bit = 0; bit < 8 * Frame.HEADER_BYTES; bit += 5) {
        try (var peer = peer(cluster).ready(session, 0, 1 + bit)) {
          byte[] frame =
              peer.request(MessageType.LOOKUP.code(), 1, RawPeer.body(Requests.lookup("a")), NONE);
          frame[bit / 8] ^= (byte) (1 << (bit % 8));
          peer.send(frame);
          assertThat(peer.receive().refused().reason()).isEqualTo(Refusal.MALFORMED);
          peer.awaitClose();
        }
        answer(send(other, Requests.lookup("other")));
      }
    }
  }

  @Test
  void closesAfterLengthsOverTheLimits() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      int[][] lengths = {{12, (2 << 20) + 1}, {16, (16 << 20) + 1}, {12, -1}, {16, -1}};
      long number = 1;
      SessionId session = Cluster.newSession();
      for (int[] wrong : lengths) {
        try (var peer = peer(cluster).ready(session, 0, number++)) {
          byte[] frame = peer.request(MessageType.LOOKUP.code(), 1, NONE, NONE);
          java.nio.ByteBuffer.wrap(frame).putInt(wrong[0], wrong[1]);
          peer.send(peer.signed(frame));
          Handshake.Refused refused = peer.receive().refused();
          assertThat(refused.message()).contains("at most");
          peer.awaitClose();
        }
      }
      assertStillServes(cluster);
    }
  }

  @ParameterizedTest
  @EnumSource
  void takesFramesCutAnywhere(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory);
        var metadata = peer(cluster).ready(Cluster.newSession(), 0, 1);
        var data = peer(cluster).ready(Cluster.newSession(), 1, 1)) {
      metadata.socket.setTcpNoDelay(true);
      data.socket.setTcpNoDelay(true);
      var random = new SplittableRandom(SEED);
      for (int i = 0; i < 60; i++) {
        byte[] payload = new byte[random.nextInt(9000)];
        random.nextBytes(payload);
        byte[] write =
            data.request(
                MessageType.WRITE_CHUNKS.code(), i, RawPeer.body(Requests.write(1, i, 1)), payload);
        byte[] lookup =
            metadata.request(
                MessageType.LOOKUP.code(), i, RawPeer.body(Requests.lookup("n" + i)), payload);
        sendInPieces(data, write, random);
        sendInPieces(metadata, lookup, random);
        RawPeer.Received received = data.receive();
        assertThat(received.header().requestId()).as("seed %d", SEED).isEqualTo(i);
        assertThat(received.payload()).isEqualTo(payload);
        assertThat(metadata.receive().message()).isEqualTo(new Reply.Done());
      }
    }
  }

  private static void sendInPieces(RawPeer peer, byte[] bytes, SplittableRandom random)
      throws IOException {
    for (int at = 0; at < bytes.length; ) {
      int end = Math.min(bytes.length, at + 1 + random.nextInt(random.nextBoolean() ? 60 : 4000));
      peer.send(Arrays.copyOfRange(bytes, at, end));
      at = end;
    }
  }

  // ---- connections of a session

  @ParameterizedTest
  @EnumSource
  void aNewerConnectionWaitsForWhatTheOlderSent(Route route) throws Exception {
    for (int lane = 0; lane < 2; lane++) {
      try (var cluster = new Cluster(route, directory);
          var older = peer(cluster);
          var newer = peer(cluster);
          var late = peer(cluster)) {
        SessionId session = Cluster.newSession();
        older.ready(session, lane, 3);
        older.request(1, lane == 0 ? Requests.lookup("hold") : Requests.sync(1), NONE);
        ScriptedHandler.Held held = cluster.handler.held.take();
        newer.welcome(session, lane, 4);
        // Another lane of the session does not wait, and tells that the server has got so far.
        try (var otherLane = peer(cluster).ready(session, 5, 1)) {
          assertThat(otherLane.socket.isConnected()).isTrue();
        }
        older.request(2, lane == 0 ? Requests.lookup("unread") : Requests.sync(2), NONE);
        newer.socket.setSoTimeout(50);
        assertThatThrownBy(newer::receive).isInstanceOf(java.net.SocketTimeoutException.class);
        newer.socket.setSoTimeout((int) Cluster.PATIENCE.toMillis());
        late.welcome(session, lane, 2);
        assertThat(late.receive().refused().reason()).isEqualTo(Refusal.SUPERSEDED);

        held.exchange().reply(new Reply.Done());
        newer.awaitReady();
        newer.request(7, lane == 0 ? Requests.lookup("new") : Requests.read(1, 10), NONE);
        assertThat(newer.receive().header().requestId()).isEqualTo(7);
        assertThat(older.receive().header().requestId()).isEqualTo(1);
        older.awaitClose();
        assertThat(cluster.handler.seen).hasSize(2);
        assertThat(cluster.handler.held).isEmpty();
      }
    }
  }

  @Test
  void aNewerConnectionWaitsEvenWhenTheOlderIsGone() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var newer = peer(cluster);
        var newest = peer(cluster)) {
      SessionId session = Cluster.newSession();
      var older = peer(cluster).ready(session, 1, 1);
      older.request(1, Requests.sync(1), NONE);
      ScriptedHandler.Held held = cluster.handler.held.take();
      older.close();
      Waiting.until("the older is gone", () -> cluster.server.connectionCount() == 2);
      newer.welcome(session, 1, 2);
      newest.welcome(session, 1, 3);
      assertThat(newer.receive().refused().reason()).isEqualTo(Refusal.SUPERSEDED);
      newest.socket.setSoTimeout(50);
      assertThatThrownBy(newest::receive).isInstanceOf(java.net.SocketTimeoutException.class);
      newest.socket.setSoTimeout((int) Cluster.PATIENCE.toMillis());
      held.exchange().reply(new Reply.Done());
      newest.awaitReady();
    }
  }

  @Test
  void anOlderConnectionIsRefusedAfterTheNewerClosed() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var older = peer(cluster)) {
      SessionId session = Cluster.newSession();
      peer(cluster).ready(session, 0, 9).close();
      Waiting.until("the newer is gone", () -> cluster.server.connectionCount() <= 1);
      older.welcome(session, 0, 8);
      assertThat(older.receive().refused().reason()).isEqualTo(Refusal.SUPERSEDED);
    }
  }

  @Test
  void connectsAgainAndAgainUnderLoad() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      SessionId session = Cluster.newSession();
      var random = new SplittableRandom(SEED);
      for (int number = 1; number <= 60; number++) {
        var peer = peer(cluster).ready(session, random.nextBoolean() ? 0 : 1, number);
        peer.request(1, Requests.lookup("a"), NONE);
        if (random.nextBoolean()) {
          peer.receive();
        }
        peer.close();
      }
      Waiting.until("all are gone", () -> cluster.server.connectionCount() == 0);
      assertStillServes(cluster);
    }
  }

  // ---- limits

  @ParameterizedTest
  @EnumSource
  void aReaderThatStallsDoesNotFillTheMemory(Route route) throws Exception {
    long perConnection = 4 << 20;
    try (var cluster = new Cluster(route, directory, limits(100, 1000, perConnection, 64 << 20));
        var peer = peer(cluster).ready(Cluster.newSession(), 1, 1);
        ExecutorService sender = Executors.newSingleThreadExecutor()) {
      int requests = 200;
      Future<?> sent =
          sender.submit(() -> {
            for (int i = 1; i <= requests; i++) {
              peer.request(i, Requests.read(i, 1 << 20), NONE);
            }
            return null;
          });
      Waiting.untilStill(() -> cluster.handler.seen.size());
      assertThat(cluster.server.payloadBytesInFlight()).isBetween(1L, perConnection);
      assertThat(cluster.handler.seen.size()).isLessThan(requests / 2);
      answer(send(cluster.client(), Requests.read(1, 1 << 20))).payload().release();
      boolean[] seen = new boolean[requests + 1];
      for (int i = 0; i < requests; i++) {
        RawPeer.Received received = peer.receive();
        assertThat(received.payload()).hasSize(1 << 20);
        seen[(int) received.header().requestId()] = true;
        assertThat(cluster.server.payloadBytesInFlight())
            .isLessThanOrEqualTo(perConnection + (1 << 20));
      }
      sent.get();
      seen[0] = true;
      assertThat(seen).doesNotContain(false);
      Waiting.until("all room is free", () -> cluster.server.payloadBytesInFlight() == 0);
    }
  }

  @Test
  void allConnectionsShareTheRoomForPayloads() throws Exception {
    long all = 32 << 20;
    int length = 5 << 20;
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory, limits(100, 1000, all, all));
        ExecutorService senders = Executors.newFixedThreadPool(4)) {
      List<RawPeer> peers = new ArrayList<>();
      List<Future<?>> sent = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        RawPeer peer = peer(cluster).ready(Cluster.newSession(), 1, 1);
        peers.add(peer);
        sent.add(
            senders.submit(() -> {
              for (int id = 1; id <= 3; id++) {
                peer.request(id, Requests.write(id, ScriptedHandler.HOLD, 1), new byte[length]);
              }
              return null;
            }));
      }
      Waiting.until("six are taken", () -> cluster.handler.held.size() == 6);
      for (int answered = 0; answered < 12; answered++) {
        assertThat(cluster.server.payloadBytesInFlight()).isLessThanOrEqualTo(all);
        cluster.handler.held.take().exchange().reply(new Reply.Done());
      }
      for (Future<?> sender : sent) {
        sender.get();
      }
      for (RawPeer peer : peers) {
        for (int id = 1; id <= 3; id++) {
          assertThat(peer.receive().header().requestId()).isEqualTo(id);
        }
        peer.close();
      }
      Waiting.until("all room is free", () -> cluster.server.payloadBytesInFlight() == 0);
    }
  }

  @Test
  void doesNotTakeMoreRequestsThanAllowed() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory, limits(100, 5, 1 << 20, 64 << 20));
        var peer = peer(cluster).ready(Cluster.newSession(), 1, 1)) {
      for (int id = 1; id <= 20; id++) {
        peer.request(id, Requests.sync(id), NONE);
      }
      assertStillServes(cluster);
      Waiting.until("five are taken", () -> cluster.handler.held.size() == 5);
      for (int id = 1; id <= 20; id++) {
        assertThat(cluster.handler.held.size()).isLessThanOrEqualTo(5);
        cluster.handler.held.take().exchange().reply(new Reply.Done());
        assertThat(peer.receive().header().requestId()).isEqualTo(id);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void givesUpPeersThatStall(Route route) throws Exception {
    try (var cluster =
            new Cluster(
                route, directory, impatient(Duration.ofSeconds(5), Duration.ofMillis(150)));
        var sender = peer(cluster).ready(Cluster.newSession(), 1, 1);
        var reader = peer(cluster).ready(Cluster.newSession(), 1, 1);
        var idle = peer(cluster).ready(Cluster.newSession(), 1, 1)) {
      byte[] frame =
          sender.request(
              MessageType.WRITE_CHUNKS.code(),
              1,
              RawPeer.body(Requests.write(1, 1, 1)),
              new byte[1 << 20]);
      sender.send(Arrays.copyOf(frame, 500_000));
      for (int id = 1; id <= 16; id++) {
        reader.request(id, Requests.read(id, 2 << 20), NONE);
      }
      Waiting.until("both are given up", () -> cluster.server.connectionCount() == 1);
      Waiting.until("all room is free", () -> cluster.server.payloadBytesInFlight() == 0);
      idle.request(1, Requests.read(1, 10), NONE);
      assertThat(idle.receive().payload()).hasSize(10);
    }
  }

  @Test
  void answersAfterTheConnectionIsGoneAreDropped() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory)) {
      var peer = peer(cluster).ready(Cluster.newSession(), 1, 1);
      for (int id = 1; id <= 10; id++) {
        peer.request(id, Requests.sync(id), NONE);
      }
      Waiting.until("all are held", () -> cluster.handler.held.size() == 10);
      peer.close();
      Waiting.until("it is gone", () -> cluster.server.connectionCount() == 0);
      for (ScriptedHandler.Held held : cluster.handler.held) {
        held.exchange().reply(new Reply.Done(), Requests.pattern(1, 1000));
      }
      CompletableFuture<Response> other = send(cluster.client(), Requests.lookup("other"));
      assertThat(answer(other).reply()).isEqualTo(new Reply.Done());
    }
  }

  @Test
  void namesTheAddressThatItCannotListenAt() throws Exception {
    try (var cluster = new Cluster(Route.EPOLL_TCP, directory);
        var second =
            new RpcServer(
                new RpcServerConfiguration(
                    "127.0.0.1",
                    cluster.server.port(),
                    Optional.empty(),
                    Cluster.identity(),
                    Cluster.NODE))) {
      assertThatThrownBy(() -> second.start(cluster.handler))
          .isInstanceOf(FsException.class)
          .hasMessageContaining("127.0.0.1:" + cluster.server.port());
    }
  }
}
