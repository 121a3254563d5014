package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is agreed on is agreed on once, whoever of those who agree is killed meanwhile. */
@Timeout(300)
class ControlPlaneIT {
  private static final int NODES = 4;
  private static final int VOTERS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  /** Speaks to the daemons of an instance as a command does. */
  private static final class Admin implements AutoCloseable {
    private final TestInstance instance;
    private final NettyRpcClient client;

    Admin(TestInstance instance) throws FsException {
      this.instance = instance;
      Instance described = instance.described();
      client =
          new NettyRpcClient(
              new InstanceIdentity(described.id(), described.secret()),
              new SessionId(ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE)),
              PeerRole.ADMIN,
              1,
              ClusterMap.initial(described.nodes()));
    }

    /** Daemons that were started again are at other addresses. */
    void lookAgain() throws FsException {
      client.useMap(ClusterMap.initial(instance.described().nodes()));
    }

    /** The answer, or null where there was none. */
    @Nullable Reply ask(int node, ControlRequest request, Duration patience)
        throws InterruptedException {
      try {
        Response response =
            client
                .call(
                    new NodeId(node),
                    request,
                    Unpooled.EMPTY_BUFFER,
                    TrafficClass.CONTROL,
                    Deadline.after(patience))
                .get();
        response.payload().release();
        return response.reply();
      } catch (ExecutionException e) {
        return null;
      }
    }

    @Nullable ControlState state(int node) throws InterruptedException {
      return ask(node, new ControlRequest.GetControl(), Duration.ofSeconds(5))
              instanceof Reply.Control control
          ? control.state()
          : null;
    }

    /** Proposes by way of any node that answers, until the outcome is known. */
    Outcome propose(int firstNode, ControlCommand command) throws InterruptedException {
      long limit = System.nanoTime() + PATIENCE.toNanos();
      for (int node = firstNode; System.nanoTime() - limit < 0; node++) {
        if (ask(node % NODES, new ControlRequest.Propose(command, true), Duration.ofSeconds(10))
            instanceof Reply.Decided decided) {
          return decided.outcome();
        }
        LockSupport.parkNanos(20_000_000);
      }
      throw new AssertionError("nobody decides on " + command);
    }

    /** The states of all nodes once they are equal. */
    ControlState agreed() throws InterruptedException {
      long limit = System.nanoTime() + PATIENCE.toNanos();
      while (System.nanoTime() - limit < 0) {
        ControlState first = state(0);
        if (first != null) {
          boolean equal = true;
          for (int node = 1; node < NODES && equal; node++) {
            equal = first.equals(state(node));
          }
          if (equal) {
            return first;
          }
        }
        LockSupport.parkNanos(20_000_000);
      }
      throw new AssertionError("the nodes do not agree");
    }

    @Override
    public void close() {
      client.close();
    }
  }

  /** Nodes that nobody has started: they are known of, and given nothing. */
  private static List<ControlCommand.Join> joins(int count) {
    return IntStream.range(0, count)
        .mapToObj(i ->
            new ControlCommand.Join(
                List.of(
                    new ClusterMap.Node(
                        new NodeId(100 + i), "127.0.0.1", 1, "", 1, NodeState.JOINING))))
        .toList();
  }

  private static void requireAll(ControlState agreed, List<ControlCommand.Join> joins) {
    assertThat(agreed.map().nodes().stream().map(ClusterMap.Node::id))
        .containsAll(joins.stream().map(join -> join.nodes().getFirst().id()).toList())
        .hasSize(NODES + joins.size());
  }

  @Test
  void everyVoterMayBeKilledWhileOthersPropose() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES);
        var admin = new Admin(instance)) {
      ControlState first = admin.agreed();
      assertThat(first.voters())
          .containsExactlyElementsOf(IntStream.range(0, VOTERS).mapToObj(NodeId::new).toList());
      // Nobody has asked for anything yet: nobody keeps a log.
      assertThat(instance.dataDirectory(0).resolve("control").resolve("log")).doesNotExist();
      List<ControlCommand.Join> joins = joins(40);

      var done = new AtomicBoolean();
      var failure = new AtomicReference<@Nullable Throwable>();
      List<Outcome> outcomes = new ArrayList<>();
      long[] longestNanos = {0};
      var proposing =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  for (int i = 0; i < joins.size() || !done.get(); i++) {
                    long began = System.nanoTime();
                    // Those that come again have nothing more to do.
                    Outcome outcome = admin.propose(i, joins.get(i % joins.size()));
                    if (i < joins.size()) {
                      outcomes.add(outcome);
                    }
                    longestNanos[0] = Math.max(longestNanos[0], System.nanoTime() - began);
                    // So that there are some left for each of the deaths.
                    LockSupport.parkNanos(100_000_000);
                  }
                } catch (Throwable e) {
                  failure.set(e);
                }
              });
      for (int voter = 0; voter < VOTERS; voter++) {
        instance.killDaemon(voter);
        instance.adhocfs("start").expectSuccess();
        admin.lookAgain();
        var _ = admin.agreed();
      }
      done.set(true);
      proposing.join();
      assertThat(failure.get()).isNull();
      System.out.printf(
          "40 commands while each voter was killed; the longest took %.0f ms%n",
          longestNanos[0] / 1e6);

      // Each was agreed on, once, whatever answers were lost on the way.
      assertThat(outcomes).hasSize(joins.size()).allMatch(Outcome::accepted);
      ControlState agreed = admin.agreed();
      requireAll(agreed, joins);
      assertThat(agreed.epoch().value()).isEqualTo(first.epoch().value() + joins.size());
    }
  }

  @Test
  void everythingAgreedOnIsThereAfterAllWereKilled() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES);
        var admin = new Admin(instance)) {
      ControlState first = admin.agreed();
      List<ControlCommand.Join> joins = joins(5);
      for (ControlCommand.Join join : joins) {
        assertThat(admin.propose(1, join)).isEqualTo(Outcome.OK);
      }
      ControlState before = admin.agreed();
      for (int node = 0; node < NODES; node++) {
        instance.killDaemon(node);
      }
      instance.adhocfs("start").expectSuccess();
      admin.lookAgain();
      ControlState after = admin.agreed();
      assertThat(after.map().owners()).isEqualTo(before.map().owners());
      assertThat(after.epoch()).isEqualTo(before.epoch());
      assertThat(after.epoch().value()).isEqualTo(first.epoch().value() + joins.size());
      requireAll(after, joins);
      // Nodes that have nothing can go as they came.
      List<NodeId> idle = joins.stream().map(join -> join.nodes().getFirst().id()).toList();
      assertThat(admin.propose(2, new ControlCommand.Leave(idle))).isEqualTo(Outcome.OK);
      assertThat(admin.propose(3, new ControlCommand.Leave(idle))).isEqualTo(Outcome.UNCHANGED);
      assertThat(admin.agreed().map().nodes())
          .filteredOn(node -> idle.contains(node.id()))
          .allMatch(node -> !node.isMember());
      instance.verify();
    }
  }

  @Test
  void daemonThatIsBehindCatchesUpBeforeItAnswers() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES);
        var admin = new Admin(instance)) {
      // From here on there is a log: what is agreed on is no longer waiting for its start.
      assertThat(admin.propose(0, joins(1).getFirst())).isEqualTo(Outcome.OK);
      ControlState first = admin.agreed();
      short[] target = first.map().owners();
      for (int slot = 0; slot < target.length; slot++) {
        if (target[slot] == 1) {
          target[slot] = NODES - 1;
        }
      }
      var start =
          new ControlCommand.Start(
              7, Rebalance.Kind.RELOCATE, first.epoch(), target, List.of(), 0, 1, false, 1);
      SlotSet moving =
          SlotSet.of(
              IntStream.range(0, SlotId.COUNT).filter(slot -> first.map().ownerValue(slot) == 1));
      int slot = moving.nextFrom(0);
      var move = new ControlCommand.Move(7, new NodeId(1), new NodeId(NODES - 1), moving, 0, 0, 1);
      // What the sender of the next request knows: the map after the start and the move.
      ControlState started = first.apply(start).state();
      ControlState moved = started.apply(move).state();
      Instance described = admin.instance.described();
      try (var ahead =
          new NettyRpcClient(
              new InstanceIdentity(described.id(), described.secret()),
              new SessionId(77),
              PeerRole.CLIENT,
              1,
              moved.map())) {
        var inode = InodeId.of(new SlotId(slot), 1);
        CompletableFuture<Response> early = ask(ahead, inode);
        assertThat(admin.propose(0, start)).isEqualTo(Outcome.OK);
        // By its old map the receiver would have refused it as another node's.
        assertThat(errorOf(early)).isEqualTo(FsError.NOT_FOUND);
        // The old owner refuses it, now that it knows.
        assertThat(errorOf(askAt(ahead, 1, inode))).isEqualTo(FsError.WRONG_OWNER);
      }
    }
  }

  private static CompletableFuture<Response> ask(NettyRpcClient client, InodeId inode) {
    return askAt(client, NODES - 1, inode);
  }

  private static CompletableFuture<Response> askAt(NettyRpcClient client, int node, InodeId inode) {
    return client.call(
        new NodeId(node),
        new NamespaceRequest.GetAttributes(inode),
        Unpooled.EMPTY_BUFFER,
        TrafficClass.FOREGROUND,
        Deadline.after(PATIENCE));
  }

  private static FsError errorOf(CompletableFuture<Response> answer) throws InterruptedException {
    try {
      throw new AssertionError("answered with " + answer.get().reply());
    } catch (ExecutionException e) {
      return e.getCause() instanceof FsException failure ? failure.error() : FsError.INTERNAL;
    }
  }
}
