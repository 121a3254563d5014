package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.Statistics;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RoutingTest {
  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));

  private static final int NODES = 4;

  private final DaemonCluster cluster =
      new DaemonCluster(1, NODES, Map.of("inline.max", "64", "client.lease", "30s"));

  @AfterEach
  void close() {
    cluster.close();
  }

  private SimulatedClient client(Map<String, String> settings) throws FsException {
    return new SimulatedClient(cluster, settings);
  }

  private SimulatedClient client() throws FsException {
    return client(Map.of());
  }

  private static EntryName name(String text) {
    try {
      return EntryName.ofText(text);
    } catch (FsException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private CompletableFuture<FileAttributes> create(SimulatedClient client, String name) {
    return client.fileSystem.inodes().create(InodeId.ROOT, name(name), FILE);
  }

  @Test
  void createsOnceWhenTheAnswerIsLost() throws FsException {
    SimulatedClient client = client();
    var tries = new AtomicInteger();
    client.rpc.fates =
        (_, request) ->
            request instanceof NamespaceRequest.Create && tries.incrementAndGet() < 4
                ? Fate.REPLY_LOST
                : Fate.ARRIVES;

    FileAttributes made = client.await(create(client, "a"));

    assertThat(tries).hasValue(4);
    assertThat(client.await(client.fileSystem.statAsync(path("/a"))).id()).isEqualTo(made.id());
  }

  @Test
  void sendsTheSameSequenceOnEveryTryAndAnotherForTheNextCall() throws FsException {
    SimulatedClient client = client();
    var tries = new AtomicInteger();
    client.rpc.fates =
        (_, request) ->
            request instanceof NamespaceRequest.Create && tries.incrementAndGet() < 3
                ? Fate.LOST
                : Fate.ARRIVES;
    client.await(create(client, "a"));
    client.await(create(client, "b"));

    List<Long> sequences =
        client.rpc.sent().stream()
            .map(FatefulConnections.Sent::request)
            .filter(NamespaceRequest.Create.class::isInstance)
            .map(request -> ((NamespaceRequest.Create) request).stamp().sequence())
            .toList();
    assertThat(sequences).containsExactly(1L, 1L, 1L, 2L);
  }

  @Test
  void letsDaemonsForgetRepliesOfWhatIsOver() throws FsException {
    SimulatedClient client = client();
    for (int i = 0; i < 50; i++) {
      client.await(create(client, "f" + i));
    }
    assertThat(cluster.repliesKept(client.rpc.session(0))).isEqualTo(1);
  }

  @Test
  void keepsRepliesOfWhatIsNotOver() throws FsException {
    SimulatedClient client = client();
    client.rpc.fates =
        (_, request) ->
            request instanceof NamespaceRequest.Create create && create.entry().name().length() == 1
                ? Fate.REPLY_LOST
                : Fate.ARRIVES;
    CompletableFuture<FileAttributes> slow = create(client, "s");
    for (int i = 0; i < 10; i++) {
      client.await(create(client, "f" + i));
    }
    assertThat(cluster.repliesKept(client.rpc.session(0))).isEqualTo(11);
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    client.await(slow);
    client.await(create(client, "last"));
    assertThat(cluster.repliesKept(client.rpc.session(0))).isEqualTo(1);
  }

  @Test
  void learnsTheMapFromANodeThatDoesNotOwnTheSlotAnyMore() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    cluster.moveSlots(slot -> (slot + 1) % NODES);
    client.rpc.forgetSent();

    client.await(client.fileSystem.statAsync(path("/a")));

    assertThat(client.rpc.sent(ControlRequest.GetMap.class::isInstance)).isEqualTo(1);
    client.rpc.forgetSent();
    client.await(client.fileSystem.statAsync(path("/a")));
    assertThat(client.rpc.sent()).hasSize(1);
  }

  @Test
  void findsADaemonThatWasStartedAtAnotherAddressInTheDescription() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    cluster.moveNode(new NodeId(0), false);
    client.contacts = cluster.instance.contacts();

    long before = cluster.nanoTime();
    client.await(client.fileSystem.statAsync(path("/a")));
    assertThat(cluster.nanoTime() - before).isLessThan(Duration.ofSeconds(1).toNanos());
  }

  @Test
  void findsADaemonThatWasStartedAtAnotherAddressThroughTheOthers() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    cluster.moveNode(new NodeId(0), true);

    long before = cluster.nanoTime();
    client.await(client.fileSystem.statAsync(path("/a")));
    assertThat(cluster.nanoTime() - before).isLessThan(Duration.ofSeconds(1).toNanos());
  }

  @Test
  void givesUpAtTheDeadlineAndNamesNodeAddressAndOperation() throws FsException {
    SimulatedClient client = client(Map.of("client.deadline", "5s"));
    client.rpc.setDown(new NodeId(0), true);
    long before = cluster.nanoTime();

    FsException failure = client.failure(client.fileSystem.statAsync(path("/a")));

    assertThat(failure.error()).isEqualTo(FsError.TIMED_OUT);
    assertThat(failure)
        .hasMessageContainingAll(
            "stat /a", "n0", "host0:" + cluster.map().nodes().getFirst().port(), "5000 ms");
    assertThat(Duration.ofNanos(cluster.nanoTime() - before))
        .isBetween(Duration.ofMillis(4999), Duration.ofMillis(5100));
  }

  @Test
  void waitsForEverWithoutADeadline() throws FsException {
    SimulatedClient client = client(Map.of("client.deadline", "0"));
    client.rpc.setDown(new NodeId(0), true);
    CompletableFuture<?> stat = client.fileSystem.statAsync(path("/"));
    cluster.pass(Duration.ofMinutes(10));
    assertThat(stat).isNotDone();
    client.rpc.setDown(new NodeId(0), false);
    client.await(stat);
  }

  @Test
  void backsOffWhileANodeIsDown() throws FsException {
    SimulatedClient client = client();
    client.rpc.setDown(new NodeId(0), true);
    CompletableFuture<?> stat = client.fileSystem.inodes().getAttributes(InodeId.ROOT);
    cluster.pass(Duration.ofSeconds(30));
    // 10 ms doubling to 1 s, of which half is chance: 7 tries in the first second, then 1 to 2.
    assertThat(client.rpc.sent(NamespaceRequest.GetAttributes.class::isInstance))
        .isBetween(30L, 75L);
    assertThat(client.rpc.sent(ControlRequest.GetMap.class::isInstance)).isBetween(20L, 160L);
    client.rpc.setDown(new NodeId(0), false);
    client.await(stat);
  }

  @Test
  void triesAgainWhereTooMuchIsQueued() throws FsException {
    SimulatedClient client = client();
    var tries = new AtomicInteger();
    client.rpc.fates =
        (_, request) ->
            request instanceof NamespaceRequest.Create && tries.incrementAndGet() < 4
                ? Fate.OVERLOADED
                : Fate.ARRIVES;
    client.await(create(client, "a"));
    assertThat(tries).as("%s", client.rpc.sent()).hasValue(4);
  }

  @Test
  void goesOnInANewSessionWhenItsSessionHasExpired() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    cluster.expire(client.rpc.session(0));
    client.await(client.fileSystem.statAsync(path("/a")));
    client.await(create(client, "b"));
    assertThat(client.rpc.sessions()).isEqualTo(2);
    client.rpc.forgetSent();
    client.await(client.fileSystem.statAsync(path("/b")));
    assertThat(client.rpc.sent())
        .isNotEmpty()
        .allMatch(sent -> sent.session().equals(client.rpc.session(1)));
  }

  @Test
  void whoWasStoppedOverItsLeaseSendsNothingMoreOfItsSession() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    cluster.pass(Duration.ofMinutes(3));
    client.await(client.fileSystem.statAsync(path("/a")));

    client.stopFor(Duration.ofSeconds(36));
    client.rpc.forgetSent();
    client.await(client.fileSystem.statAsync(path("/a")));
    cluster.pass(Duration.ofMinutes(3));
    assertThat(client.rpc.sent())
        .isNotEmpty()
        .allMatch(sent -> sent.session().equals(client.rpc.session(1)));
    assertThat(client.rpc.sessions()).isEqualTo(2);
  }

  @Test
  void whoWasStoppedForLessThanItsLeaseGoesOn() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    for (int seconds = 0; seconds < 12; seconds++) {
      cluster.pass(Duration.ofSeconds(7));
      client.stopFor(Duration.ofSeconds(29));
      client.await(client.fileSystem.statAsync(path("/a")));
    }
  }

  @Test
  void renewsAlsoWhereNoAnswerCameFrom() throws FsException {
    SimulatedClient client = client();
    client.rpc.setDown(new NodeId(1), true);
    CompletableFuture<?> lost = client.fileSystem.inodes().getAttributes(new InodeId(1L << 48 | 5));
    cluster.pass(Duration.ofMillis(50));
    lost.cancel(true);
    client.rpc.setDown(new NodeId(1), false);
    cluster.pass(Duration.ofSeconds(6));
    assertThat(client.rpc.wasRenewed(new NodeId(1))).isTrue();
  }

  @Test
  void aCancelledCallSendsNothingMore() throws FsException {
    SimulatedClient client = client();
    client.rpc.setDown(new NodeId(0), true);
    CompletableFuture<?> stat = client.fileSystem.statAsync(path("/a"));
    cluster.pass(Duration.ofSeconds(2));
    assertThat(stat.cancel(true)).isTrue();
    client.rpc.forgetSent();
    cluster.pass(Duration.ofSeconds(30));
    assertThat(client.rpc.sent(NamespaceRequest.class::isInstance)).isZero();
  }

  @Test
  void aCancelledCallLetsItsSequenceGo() throws FsException {
    SimulatedClient client = client();
    client.rpc.fates = (_, _) -> Fate.UNANSWERED;
    CompletableFuture<?> create = create(client, "a");
    cluster.pass(Duration.ofMillis(10));
    create.cancel(true);
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    client.await(create(client, "b"));
    client.await(create(client, "c"));
    assertThat(cluster.repliesKept(client.rpc.session(0))).isEqualTo(1);
  }

  @Test
  void renewsTheSessionWhereItIsKnown() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    client.rpc.forgetSent();
    cluster.pass(Duration.ofSeconds(31));
    assertThat(client.rpc.sent(ControlRequest.RenewSession.class::isInstance))
        .isGreaterThanOrEqualTo(3);
    assertThat(client.rpc.wasRenewed(new NodeId(0))).isTrue();
  }

  @Test
  void closingEndsTheSessionAndWhatIsUnderWay() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    client.rpc.setDown(new NodeId(1), true);
    var elsewhere = new InodeId(1L << 48 | 5);
    CompletableFuture<?> waiting = client.fileSystem.inodes().getAttributes(elsewhere);
    cluster.pass(Duration.ofMillis(50));

    client.await(client.fileSystem.closeAsync());

    assertThat(client.rpc.wasClosed(new NodeId(0))).isTrue();
    assertThat(client.error(waiting)).isEqualTo(FsError.CLOSED);
    assertThat(client.error(client.fileSystem.statAsync(path("/a")))).isEqualTo(FsError.CLOSED);
  }

  @Test
  void sumsTheSpaceOfAllNodesAndRemembersThoseThatAreSilent() throws FsException {
    SimulatedClient client = client();
    client.await(create(client, "a"));
    Statistics all = client.await(client.fileSystem.inodes().statistics());
    assertThat(all.totalBytes()).isEqualTo(NODES * DaemonCluster.DISK_BYTES);
    assertThat(all.availableBytes()).isBetween(all.totalBytes() * 9 / 10, all.totalBytes() - 1);
    assertThat(all.inodesTotal() - all.inodesFree()).isEqualTo(1);
    client.rpc.setDown(new NodeId(2), true);
    long before = cluster.nanoTime();
    assertThat(client.await(client.fileSystem.inodes().statistics())).isEqualTo(all);
    assertThat(Duration.ofNanos(cluster.nanoTime() - before)).isLessThan(Duration.ofSeconds(4));
  }

  @Test
  void aNodeThatNeverToldItsSpaceIsAnError() throws FsException {
    SimulatedClient client = client(Map.of("client.deadline", "2s"));
    client.rpc.setDown(new NodeId(2), true);
    assertThat(client.failure(client.fileSystem.inodes().statistics())).hasMessageContaining("n2");
  }

  @Test
  void startsWhenSomeContactsAreDead() throws FsException {
    SimulatedClient first = client();
    first.await(create(first, "a"));
    List<Node> old = cluster.map().nodes();
    cluster.moveNode(new NodeId(1), true);
    cluster.moveNode(new NodeId(2), true);
    SimulatedClient client = new SimulatedClient(cluster, Map.of(), old);
    client.await(client.fileSystem.statAsync(path("/a")));
  }
}
