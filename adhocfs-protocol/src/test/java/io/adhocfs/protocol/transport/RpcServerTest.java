package io.adhocfs.protocol.transport;

import static io.adhocfs.protocol.transport.Cluster.answer;
import static io.adhocfs.protocol.transport.Cluster.send;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.Handshake.Refusal;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
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

/** What a server does with peers that have proved themselves and are broken, late, slow or many. */
@ExtendWith(LeakCheck.class)
final class RpcServerTest {
  static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  static final byte[] NONE = {};

  @TempDir private Path directory;

  static RpcServerConfiguration.Limits limits(
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

  static RpcServerConfiguration.Limits impatient(Duration handshake, Duration stall) {
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

  static void assertStillServes(Cluster cluster) throws Exception {
    assertThat(answer(send(cluster.client(), Requests.lookup("still there"))).reply())
        .isEqualTo(new Reply.Done());
  }

  static RawPeer peer(Cluster cluster) throws IOException {
    return new RawPeer(cluster.server.port());
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
