package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A session ends at one node, or as a whole: what that costs, and what goes on. */
class SessionLossTest {
  private static final int CHUNK = DaemonCluster.CHUNK;
  private static final int NODES = 4;
  private static final Duration OVER_LEASE = Duration.ofSeconds(48);
  private static final NodeId HOME = new NodeId(0);
  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));

  private final DaemonCluster cluster =
      new DaemonCluster(
          11, NODES, Map.of("client.lease", "30s", "client.deadline", "20s", "inline.max", "0"));
  private final SimulatedClient client = new SimulatedClient(cluster);
  private final SessionId first = client.rpc.session(0);

  SessionLossTest() throws FsException {}

  @AfterEach
  void close() {
    cluster.close();
  }

  private SessionId second() {
    return client.rpc.session(1);
  }

  private OpenFile open(String name) throws FsException {
    return client.await(client.fileSystem.openAsync(path(name), OpenOptions.CREATE));
  }

  private CompletableFuture<Void> write(OpenFile file, long offset, String text) {
    return file.writeAsync(offset, ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
  }

  private String read(OpenFile file, long offset, int length) throws FsException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    int got = client.await(file.readAsync(offset, buffer));
    return new String(buffer.array(), 0, got, StandardCharsets.US_ASCII);
  }

  /** A chunk of the file that lies at a node. */
  private static long chunkAt(OpenFile file, NodeId node) {
    long first = file.lastKnownAttributes().layout().firstSlot();
    long chunk = 0;
    while (((first + chunk) & (SlotId.COUNT - 1)) % NODES != node.value()) {
      chunk++;
    }
    return chunk;
  }

  /** How many writes of chunks the client has sent in its n-th session. */
  private long written(int session) {
    return client.rpc.sessions() <= session ? 0 : written(client.rpc.session(session));
  }

  private long written(SessionId session) {
    return client.rpc.sent().stream()
        .filter(sent -> sent.session().equals(session))
        .filter(sent -> sent.request() instanceof DataRequest.WriteChunks)
        .count();
  }

  @Test
  void aHandleOfTheNodeIsLostUntilItsFileIsOpenedAgain() throws FsException {
    OpenFile file = open("/file");
    client.await(write(file, 0, "first"));
    client.cutOff(List.of(HOME), OVER_LEASE);

    FsException failure = client.failure(file.attributesAsync());
    assertThat(failure.error()).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(failure).hasMessageContaining("n0").hasMessageContaining("open the file again");
    client.rpc.forgetSent();
    assertThat(client.error(write(file, 0, "later"))).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(client.error(file.truncateAsync(0))).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(client.error(file.readAsync(0, ByteBuffer.allocate(5))))
        .isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(client.error(file.syncAsync())).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(client.rpc.sent()).isEmpty();

    OpenFile again = open("/file");
    assertThat(read(again, 0, 10)).isEqualTo("first");
    client.await(write(again, 0, "again"));
    assertThat(client.error(write(file, 0, "later"))).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(read(again, 0, 10)).isEqualTo("again");
    client.await(file.closeAsync());
    client.await(again.closeAsync());
    assertThat(client.rpc.unreleased()).isZero();
  }

  @Test
  void aHandleOfAnotherNodeGoesOnAtTheNodeOnceItsOwnHasConfirmedTheSession() throws FsException {
    OpenFile file = open("/file");
    var other = new NodeId(2);
    long offset = chunkAt(file, other) * CHUNK;
    client.await(write(file, offset, "first"));
    cluster.expireAt(other, first);
    client.rpc.forgetSent();

    client.await(write(file, offset, "later"));

    assertThat(read(file, offset, 10)).isEqualTo("later");
    assertThat(written(0)).isEqualTo(1);
    assertThat(written(1)).isEqualTo(1);
    assertThat(client.rpc.sent())
        .anySatisfy(sent -> {
          assertThat(sent.session()).isEqualTo(first);
          assertThat(sent.node()).isEqualTo(HOME);
          assertThat(sent.request()).isInstanceOf(ControlRequest.RenewSession.class);
        });
    // The inode's own requests stay in the session that has it open.
    assertThat(client.rpc.sent())
        .filteredOn(sent -> sent.request() instanceof NamespaceRequest.ReportWrite)
        .allMatch(sent -> sent.session().equals(first));
  }

  @Test
  void whoWasCutOffFromAllNodesStoresNothingWhicheverHeHearsFirst() throws FsException {
    OpenFile file = open("/file");
    var other = new NodeId(2);
    long offset = chunkAt(file, other) * CHUNK;
    client.await(write(file, offset, "first"));
    client.cutOff(cluster.map().nodes().stream().map(Node::id).toList(), OVER_LEASE);
    client.rpc.forgetSent();

    assertThat(client.error(write(file, offset, "later"))).isEqualTo(FsError.SESSION_EXPIRED);

    assertThat(written(1)).isZero();
    assertThat(read(open("/file"), offset, 10)).isEqualTo("first");
  }

  @Test
  void anOldConfirmationDoesNotCount() throws FsException {
    OpenFile file = open("/file");
    var other = new NodeId(2);
    long offset = chunkAt(file, other) * CHUNK;
    cluster.expireAt(other, first);
    client.await(write(file, offset, "first"));
    assertThat(written(1)).isEqualTo(1);
    // From now on nobody hears of this client, and it comes in a session that nobody knows.
    client.rpc.fates =
        (_, request) -> request instanceof ControlRequest.RenewSession ? Fate.LOST : Fate.ARRIVES;
    cluster.pass(Duration.ofSeconds(60));
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    client.rpc.forgetSent();
    assertThat(client.error(write(file, offset, "later"))).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(client.rpc.sent(DataRequest.WriteChunks.class::isInstance)).isZero();
    assertThat(read(open("/file"), offset, 10)).isEqualTo("first");
  }

  @Test
  void waitsForAnOwnNodeThatDoesNotSayWhetherTheSessionLives() throws FsException {
    OpenFile file = open("/file");
    var other = new NodeId(2);
    long offset = chunkAt(file, other) * CHUNK;
    client.await(write(file, offset, "first"));
    cluster.expireAt(other, first);
    client.rpc.setDown(HOME, true);
    client.rpc.forgetSent();
    CompletableFuture<Void> waiting = write(file, offset, "later");
    cluster.pass(Duration.ofSeconds(10));
    assertThat(waiting).isNotDone();
    assertThat(written(1)).isZero();
    client.rpc.setDown(HOME, false);
    client.await(waiting);
    assertThat(written(1)).isEqualTo(1);
  }

  @Test
  void whatCannotHaveRunIsDoneInTheNextSession() throws FsException {
    client.await(client.fileSystem.statAsync(path("/")));
    cluster.expireAt(HOME, first);
    var tries = new AtomicInteger();
    client.rpc.fates =
        (_, request) ->
            request instanceof NamespaceRequest.Create && tries.incrementAndGet() <= 2
                ? Fate.UNREACHABLE
                : Fate.ARRIVES;
    client.await(create("a"));
    assertThat(client.rpc.sessions()).isEqualTo(2);
    client.await(client.fileSystem.statAsync(path("/a")));
  }

  private CompletableFuture<FileAttributes> create(String name) throws FsException {
    return client.fileSystem.inodes().create(InodeId.ROOT, EntryName.ofText(name), FILE);
  }

  @Test
  void whatMayHaveRunFailsAndSaysSo() throws FsException {
    client.rpc.fates =
        (_, request) -> {
          if (request instanceof NamespaceRequest.Create) {
            cluster.after(Duration.ofMillis(2), () -> cluster.beginToExpireAt(HOME, first));
            return Fate.REPLY_LOST;
          }
          return Fate.ARRIVES;
        };
    FsException failure = client.failure(create("a"));
    assertThat(failure.error()).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(failure).hasMessageContaining("whether it has been done is not known");
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    client.await(client.fileSystem.statAsync(path("/a")));
    client.await(create("b"));
  }

  @Test
  void anOldSessionIsClosedWhenItsLastHandleIs() throws FsException {
    OpenFile file = open("/file");
    cluster.expireAt(new NodeId(2), first);
    client.await(client.fileSystem.inodes().statistics());
    client.await(client.fileSystem.statAsync(path("/file")));
    assertThat(client.rpc.sessions()).isEqualTo(2);
    cluster.pass(Duration.ofSeconds(60));
    assertThat(client.rpc.open()).isEqualTo(2);
    assertThat(cluster.isPinned(file.inode())).isTrue();
    client.await(write(file, 0, "still"));

    client.await(file.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(file.inode())).isFalse();
    assertThat(client.rpc.wasClosed(HOME)).isTrue();
    assertThat(client.rpc.wasClosed(new NodeId(2))).isFalse();
    assertThat(client.rpc.open()).isEqualTo(1);
    client.rpc.forgetSent();
    cluster.pass(Duration.ofSeconds(30));
    assertThat(client.rpc.sent()).isNotEmpty().allMatch(sent -> sent.session().equals(second()));
  }

  @Test
  void aFileThatIsOpenIsOpenedInTheSameSession() throws FsException {
    OpenFile one = open("/file");
    cluster.expireAt(new NodeId(2), first);
    client.await(client.fileSystem.inodes().statistics());
    client.rpc.forgetSent();
    OpenFile found = client.await(client.fileSystem.inodes().open(one.inode()));
    // A create does not know what it finds.
    OpenFile made =
        client
            .await(
                client
                    .fileSystem
                    .inodes()
                    .createAndOpen(InodeId.ROOT, EntryName.ofText("file"), FILE, false))
            .file();
    assertThat(client.rpc.sent())
        .filteredOn(sent -> sent.request() instanceof NamespaceRequest.Open)
        .hasSize(2)
        .allMatch(sent -> sent.session().equals(first));
    client.await(one.closeAsync());
    client.await(found.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(one.inode())).isTrue();
    client.await(write(made, 0, "more"));
    client.await(made.closeAsync());
    cluster.pass(Duration.ofSeconds(1));
    assertThat(cluster.isPinned(one.inode())).isFalse();
  }

  @Test
  void whoWasStoppedOverTheLeaseLosesHandlesAlone() throws FsException {
    OpenFile file = open("/file");
    client.await(write(file, 0, "first"));
    client.stopFor(Duration.ofSeconds(36));
    client.rpc.forgetSent();
    assertThat(client.failure(write(file, 0, "later")))
        .hasMessageContaining("stopped for longer than its lease");
    assertThat(client.rpc.sent()).allMatch(sent -> !sent.session().equals(first));
    OpenFile again = open("/file");
    assertThat(read(again, 0, 10)).isEqualTo("first");
    client.await(write(again, 0, "again"));
    client.await(file.closeAsync());
    client.await(again.closeAsync());
    cluster.pass(Duration.ofSeconds(5));
    assertThat(client.rpc.open()).isEqualTo(1);
  }
}
