package io.adhocfs.daemon;

import static io.adhocfs.daemon.DaemonProcess.NODE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.DaemonProcess.Connection;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real daemons in processes of their own. */
class DaemonProcessTest {
  private static final int CHUNK = 512 << 10;
  private static final FileLayout LAYOUT = new FileLayout(CHUNK, 7, 1, 0, false);
  private static final InodeId FILE = InodeId.of(new SlotId(12), 5);
  private static final List<ChunkSpan> SPANS =
      List.of(new ChunkSpan(0, 100, CHUNK - 100), new ChunkSpan(1, 0, 1000));

  @TempDir Path parent;

  private DaemonConfiguration configuration() {
    return DaemonProcess.configuration(parent.resolve("data"), Map.of());
  }

  private static void installMap(DaemonProcess daemon, Connection connection) throws Exception {
    ClusterMap map = ClusterMap.initial(List.of(daemon.address()));
    assertThat(connection.call(new ControlRequest.InstallMap(map))).isInstanceOf(Reply.Done.class);
  }

  private static NodeStatus status(Connection connection) throws FsException {
    return ((Reply.Status) connection.call(new ControlRequest.GetStatus())).status();
  }

  private static byte[] write(Connection connection) throws FsException {
    var bytes = new byte[CHUNK - 100 + 1000];
    new Random(1).nextBytes(bytes);
    ByteBuf payload = Unpooled.directBuffer(bytes.length).writeBytes(bytes);
    Response written =
        connection.call(new DataRequest.WriteChunks(FILE, LAYOUT, 1, SPANS), payload);
    written.payload().release();
    assertThat(((Reply.Spans) written.reply()).outcomes())
        .containsOnly(Reply.Spans.OUTCOME_OK)
        .hasSize(2);
    return bytes;
  }

  private static byte[] read(Connection connection) throws FsException {
    Response answer =
        connection.call(new DataRequest.ReadChunks(FILE, LAYOUT, 1, SPANS), Unpooled.EMPTY_BUFFER);
    var bytes = new byte[answer.payload().readableBytes()];
    answer.payload().readBytes(bytes).release();
    return bytes;
  }

  @Test
  void asksToComeAgainUntilItHasAMap() throws Exception {
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      NodeStatus before = status(connection);
      assertThat(before.state()).isEqualTo(NodeState.JOINING);
      assertThat(before.epoch()).isZero();
      assertThat(before.residentBytes()).isBetween(30L << 20, 400L << 20);
      for (var request :
          List.of(
              new ControlRequest.GetMap(),
              new NamespaceRequest.GetAttributes(InodeId.ROOT),
              new DataRequest.SyncChunks(FILE))) {
        assertThatThrownBy(() -> connection.call(request))
            .isInstanceOfSatisfying(
                FsException.class,
                e -> {
                  assertThat(e.error()).isEqualTo(FsError.OVERLOADED);
                  assertThat(e).hasMessageContaining("no map yet");
                });
      }
      installMap(daemon, connection);
      NodeStatus after = status(connection);
      assertThat(after.state()).isEqualTo(NodeState.ACTIVE);
      assertThat(after.slots()).isEqualTo(SlotId.COUNT);
      assertThat(after.id()).isEqualTo(NODE);
      var root =
          ((Reply.Attributes) connection.call(new NamespaceRequest.GetAttributes(InodeId.ROOT)))
              .attributes();
      assertThat(root.uid()).isEqualTo(17);
      assertThat(root.gid()).isEqualTo(18);
      assertThat(read(connection)).containsOnly(0);
    }
  }

  @Test
  void comesBackWithEverythingAfterBeingKilled() throws Exception {
    byte[] bytes;
    int port;
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      installMap(daemon, connection);
      bytes = write(connection);
      port = daemon.address().port();
    }
    assertThat(Files.exists(parent.resolve("data/daemon.json"))).isTrue();
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      assertThat(daemon.address().incarnation()).isEqualTo(2);
      assertThat(read(connection)).isEqualTo(bytes);
      ClusterMap map = ((Reply.Map) connection.call(new ControlRequest.GetMap())).map();
      assertThat(map.epoch().value()).isEqualTo(1);
      assertThat(map.node(NODE)).isEqualTo(daemon.address());
      assertThat(map.node(NODE)).isNotNull().extracting(ClusterMap.Node::port).isNotEqualTo(port);
      assertThat(((Reply.Findings) connection.call(new ControlRequest.CheckStorage())).findings())
          .isEmpty();
    }
  }

  @Test
  void goesOnAfterGarbageOnItsPort() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    var random = new Random(seed);
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      installMap(daemon, connection);
      for (int i = 0; i < 20; i++) {
        var garbage = new byte[1 + random.nextInt(100_000)];
        random.nextBytes(garbage);
        try (var socket = new Socket(DaemonProcess.loopback(), daemon.address().port());
            OutputStream out = socket.getOutputStream()) {
          out.write(garbage);
        } catch (java.io.IOException e) {
          // It may close the connection before it has all.
        }
      }
      assertThat(write(connection)).isEqualTo(read(connection));
      try (Connection another = daemon.connect()) {
        assertThat(status(another).epoch()).isEqualTo(1);
      }
    }
  }

  @Test
  void refusesADirectoryThatAnotherDaemonHas() throws Exception {
    try (DaemonProcess first = DaemonProcess.start(configuration());
        DaemonProcess second = DaemonProcess.begin(configuration())) {
      assertThat(second.exitCode()).isEqualTo(DaemonMain.NOT_STARTED);
      assertThat(second.output())
          .contains("the daemon cannot start: another daemon runs on " + parent.resolve("data"));
      assertThat(first.process().isAlive()).isTrue();
      assertThat(first.ready().number("pid")).isEqualTo(first.process().pid());
    }
  }

  @Test
  void aDefectInItsStartEndsIt() throws Exception {
    try (DaemonProcess daemon =
        DaemonProcess.begin(configuration(), "-Dadhocfs.crash=NO_SUCH_POINT")) {
      Waiting.until("the defect", () -> daemon.output().contains("NO_SUCH_POINT"));
      // Well below the time for which a signal waits for a daemon that is just starting.
      assertThat(daemon.process().waitFor(10, TimeUnit.SECONDS)).as(daemon.output()).isTrue();
      assertThat(daemon.process().exitValue()).isNotZero();
    }
  }

  @Test
  void removesItsDataWhenToldTo() throws Exception {
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      installMap(daemon, connection);
      write(connection);
      assertThat(connection.call(new ControlRequest.Shutdown(true))).isInstanceOf(Reply.Done.class);
      assertThat(daemon.exitCode()).isZero();
      assertThat(parent.resolve("data")).doesNotExist();
    }
  }

  @Test
  void keepsItsDataWhenTerminated() throws Exception {
    byte[] bytes;
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      installMap(daemon, connection);
      bytes = write(connection);
      Path socket = Path.of(daemon.address().socketPath());
      assertThat(socket).exists();
      daemon.process().destroy();
      assertThat(daemon.exitCode()).isZero();
      assertThat(daemon.readyFile()).doesNotExist();
      assertThat(socket).doesNotExist();
    }
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect()) {
      assertThat(read(connection)).isEqualTo(bytes);
    }
  }

  @Test
  void removesItsDataWhenTerminatedIfItIsToldTo() throws Exception {
    try (DaemonProcess daemon =
            DaemonProcess.start(
                DaemonProcess.configuration(
                    parent.resolve("data"), Map.of("daemon.sigterm", "remove")));
        Connection connection = daemon.connect()) {
      installMap(daemon, connection);
      write(connection);
      daemon.process().destroy();
      assertThat(daemon.exitCode()).isZero();
      assertThat(parent.resolve("data")).doesNotExist();
    }
  }

  @Test
  void showsItsFiguresToPrometheus() throws Exception {
    try (DaemonProcess daemon = DaemonProcess.start(configuration());
        Connection connection = daemon.connect();
        HttpClient browser = HttpClient.newHttpClient()) {
      installMap(daemon, connection);
      write(connection);
      int port = daemon.ready().intNumber("metricsPort");
      assertThat(status(connection).metricsPort()).isEqualTo(port);
      HttpResponse<String> answer =
          browser.send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body())
          .contains("adhocfs_operation_seconds_count{operation=\"write_chunks\"} 1")
          .contains("adhocfs_payload_bytes_total{operation=\"write_chunks\"} 525188.0")
          .contains("jvm_memory_used_bytes")
          .contains("adhocfs_chunks_files 1.0")
          .contains("adhocfs_rocksdb_keys");
    }
  }
}
