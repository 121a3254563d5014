package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.IoPiece;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.DataRequest.ReadChunks;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadInline;
import io.adhocfs.protocol.wire.NamespaceRequest.ReportWrite;
import io.adhocfs.protocol.wire.NamespaceRequest.WriteInline;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How many messages transfers take: one for each node, not one for each piece. */
class VectoredIoTest {
  private static final int CHUNK = DaemonCluster.CHUNK;

  private final DaemonCluster cluster = new DaemonCluster(3, 4, Map.of("inline.max", "256"));

  @AfterEach
  void close() {
    cluster.close();
  }

  private SimulatedClient client(int inlineMax) throws FsException {
    return new SimulatedClient(cluster, Map.of("inline.max", String.valueOf(inlineMax)));
  }

  private static OpenFile file(SimulatedClient client) throws FsException {
    OpenFile file = client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
    client.rpc.forgetSent();
    return file;
  }

  private static Set<NodeId> asked(SimulatedClient client, Class<?> request) {
    Set<NodeId> nodes = new TreeSet<>();
    client.rpc.sent().stream()
        .filter(sent -> request.isInstance(sent.request()))
        .forEach(sent -> assertThat(nodes.add(sent.node())).isTrue());
    return nodes;
  }

  @Test
  void tellsEachNodeOnceHoweverManyPieces() throws FsException {
    SimulatedClient client = client(0);
    OpenFile file = file(client);
    List<IoPiece> pieces = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      pieces.add(new IoPiece(i * 500L, ByteBuffer.allocate(100).put(0, (byte) i)));
    }

    client.await(file.writeVectoredAsync(pieces));

    // The first try finds the file inline, which a client with no limit leaves.
    assertThat(asked(client, WriteChunks.class)).hasSize(4);
    assertThat(client.rpc.sent(ReportWrite.class::isInstance)).isEqualTo(1);
    client.rpc.forgetSent();

    List<IoPiece> reads = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      reads.add(new IoPiece(i * 500L, ByteBuffer.allocate(100)));
    }
    assertThat(client.await(file.readVectoredAsync(reads))).containsOnly(100);
    assertThat(asked(client, ReadChunks.class)).hasSize(4);
    for (int i = 0; i < 1000; i++) {
      assertThat(reads.get(i).buffer().get(0)).isEqualTo((byte) i);
    }
  }

  @Test
  void sendsManyBytesOfOneNodeInAFewMessages() throws FsException {
    SimulatedClient client = client(0);
    OpenFile file = file(client);
    int length = 33 << 20;
    client.await(file.writeAsync(0, ByteBuffer.allocate(length)));
    // 8.25 MiB for each of four nodes, at most 4 MiB in a message.
    assertThat(client.rpc.sent(WriteChunks.class::isInstance)).isEqualTo(12);
    assertThat(cluster.sizeOf(file.inode())).isEqualTo(length);
  }

  @Test
  void sendsOnlyThePiecesThatHaveMovedAgain() throws FsException {
    SimulatedClient client = client(0);
    OpenFile file = file(client);
    client.await(file.writeAsync(0, ByteBuffer.allocate(16 * CHUNK)));
    // One node's slots go to another.
    cluster.moveSlots(slot -> slot % 4 == 1 ? 2 : slot % 4);
    client.rpc.forgetSent();

    client.await(file.writeAsync(0, ByteBuffer.allocate(16 * CHUNK)));

    List<Integer> spans =
        client.rpc.sent().stream()
            .filter(sent -> sent.request() instanceof WriteChunks)
            .map(sent -> ((WriteChunks) sent.request()).spans().size())
            .toList();
    assertThat(spans).containsExactly(4, 4, 4, 4, 4);
  }

  @Test
  void readsASmallFileWithItsAttributesInOneMessage() throws FsException {
    SimulatedClient client = client(256);
    OpenFile file = file(client);
    client.await(file.writeAsync(0, ByteBuffer.wrap("small".getBytes(StandardCharsets.UTF_8))));
    assertThat(client.rpc.sent()).hasSize(1);
    assertThat(client.rpc.sent(WriteInline.class::isInstance)).isEqualTo(1);
    client.rpc.forgetSent();

    ByteBuffer two = ByteBuffer.allocate(3);
    ByteBuffer rest = ByteBuffer.allocate(10);
    assertThat(
            client.await(
                file.readVectoredAsync(List.of(new IoPiece(0, two), new IoPiece(3, rest)))))
        .containsExactly(3, 2);

    assertThat(client.rpc.sent()).hasSize(1);
    assertThat(client.rpc.sent(ReadInline.class::isInstance)).isEqualTo(1);
    assertThat(new String(two.array(), StandardCharsets.UTF_8)).isEqualTo("sma");
  }

  @Test
  void aReadWhoseSizeIsKnownAsksNobodyElse() throws FsException {
    SimulatedClient client = client(0);
    OpenFile file = file(client);
    client.await(file.writeAsync(0, ByteBuffer.allocate(CHUNK)));
    client.rpc.forgetSent();
    client.await(file.readBuffer(0, CHUNK, file.lastKnownAttributes())).release();
    assertThat(client.rpc.sent()).hasSize(1);
    client.rpc.forgetSent();
    client.await(file.readBuffer(0, CHUNK, null)).release();
    assertThat(client.rpc.sent()).hasSize(2);
  }
}
