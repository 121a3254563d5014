package io.adhocfs.protocol.transport;

import static io.adhocfs.protocol.transport.Cluster.answer;
import static io.adhocfs.protocol.transport.Cluster.failure;
import static io.adhocfs.protocol.transport.Cluster.send;
import static io.adhocfs.protocol.transport.RpcServerTest.NONE;
import static io.adhocfs.protocol.transport.RpcServerTest.SEED;
import static io.adhocfs.protocol.transport.RpcServerTest.assertStillServes;
import static io.adhocfs.protocol.transport.RpcServerTest.impatient;
import static io.adhocfs.protocol.transport.RpcServerTest.limits;
import static io.adhocfs.protocol.transport.RpcServerTest.peer;
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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How both sides prove themselves, and what becomes of those that do not. */
@ExtendWith(LeakCheck.class)
final class RpcHandshakeTest {
  @TempDir private Path directory;

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
}
