package io.adhocfs.daemon.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.Waiting;
import io.adhocfs.daemon.control.ControlCluster.Member;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Deadline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class ControlClusterTest {
  private static final int CUTS = Boolean.getBoolean("adhocfs.full") ? 40 : 3;

  /** Of six. */
  private static final List<NodeId> LAST_THREE =
      List.of(new NodeId(3), new NodeId(4), new NodeId(5));

  @TempDir private Path directory;

  private static Outcome propose(Member member, ControlCommand command) throws Exception {
    return member
        .plane()
        .propose(command, Deadline.after(ControlCluster.PATIENCE))
        .get(ControlCluster.PATIENCE.toSeconds() + 5, TimeUnit.SECONDS);
  }

  /** All slots of one node go to another, in no time: nothing but the control plane is there. */
  private static ControlCommand.Start startMoving(ControlState state, long id, int from, int to) {
    short[] target = state.map().owners();
    for (int slot = 0; slot < target.length; slot++) {
      if (target[slot] == from) {
        target[slot] = (short) to;
      }
    }
    return new ControlCommand.Start(
        id, Rebalance.Kind.RELOCATE, state.epoch(), target, List.of(), 0, 1, false, 1);
  }

  /** Of six nodes n0, n1 and n2 leave, who vote. */
  private static ControlCommand.Start startReplacingVoters(ControlState state) {
    short[] target = state.map().owners();
    for (int slot = 0; slot < target.length; slot++) {
      if (target[slot] < 3) {
        target[slot] = (short) (target[slot] + 3);
      }
    }
    List<NodeId> leaving = List.of(new NodeId(0), new NodeId(1), new NodeId(2));
    return new ControlCommand.Start(
        9, Rebalance.Kind.SHRINK, state.epoch(), target, leaving, 0, 1, false, 1);
  }

  private static ControlCommand.Move move(ControlState state, int from, int to, int count) {
    int[] slots =
        IntStream.range(0, SlotId.COUNT)
            .filter(slot -> state.map().ownerValue(slot) == from)
            .limit(count)
            .toArray();
    Rebalance running = state.rebalance();
    return new ControlCommand.Move(
        running == null ? 0 : running.id(),
        new NodeId(from),
        new NodeId(to),
        SlotSet.of(slots),
        10,
        5,
        2);
  }

  @Test
  void loneVoterStartsItsLogWithTheFirstCommand() throws Exception {
    try (var cluster = new ControlCluster(directory, 2)) {
      assertThat(cluster.member(0).state().voters()).containsExactly(new NodeId(0));
      assertThat(cluster.member(0).hasLog()).isFalse();

      // The one that does not vote proposes.
      assertThat(propose(cluster.member(1), startMoving(cluster.member(1).state(), 7, 0, 1)))
          .isEqualTo(Outcome.OK);
      assertThat(cluster.member(1).state().epoch().value()).isEqualTo(2);
      cluster.awaitEverywhere("the start", state -> state.rebalance() != null);
      assertThat(cluster.member(0).hasLog()).isTrue();
      assertThat(cluster.member(1).hasLog()).isFalse();
      assertThat(cluster.member(0).cluster().epoch().value()).isEqualTo(2);

      var moved = move(cluster.member(0).state(), 0, 1, 100);
      assertThat(propose(cluster.member(0), moved)).isEqualTo(Outcome.OK);
      assertThat(propose(cluster.member(0), moved)).isEqualTo(Outcome.UNCHANGED);
      cluster.awaitEverywhere("the move", state -> state.epoch().value() == 3);
      assertThat(cluster.member(1).cluster().owns(moved.slots().nextFrom(0))).isTrue();
    }
  }

  @Test
  void everyNodeOfThreeAndMoreComesToTheSameState() throws Exception {
    try (var cluster = new ControlCluster(directory, 5)) {
      assertThat(cluster.member(4).state().voters())
          .containsExactly(new NodeId(0), new NodeId(1), new NodeId(2));
      assertThat(propose(cluster.member(4), startMoving(cluster.member(4).state(), 7, 0, 4)))
          .isEqualTo(Outcome.OK);
      cluster.awaitEverywhere("the start", state -> state.rebalance() != null);
      long began = System.nanoTime();
      int moves = 0;
      while (cluster.member(0).state().rebalance() != null) {
        assertThat(propose(cluster.member(0), move(cluster.member(0).state(), 0, 4, 500)))
            .isEqualTo(Outcome.OK);
        moves++;
      }
      System.out.printf(
          "%d moves of 500 slots, %.1f ms each%n",
          moves, (System.nanoTime() - began) / 1e6 / moves);
      ControlState ended = cluster.member(0).state();
      assertThat(ended.epoch().value()).isEqualTo(2 + moves);
      cluster.awaitEverywhere("the end", state -> state.version() == ended.version());
      for (Member member : cluster.members) {
        assertThat(member.state()).isEqualTo(ended);
        assertThat(member.cluster().map().owners()).isEqualTo(ended.map().owners());
      }
    }
  }

  @Test
  void goesOnWithoutTheLeaderAndTheLeaderComesBack() throws Exception {
    try (var cluster = new ControlCluster(directory, 3)) {
      assertThat(propose(cluster.member(0), startMoving(cluster.member(0).state(), 7, 0, 1)))
          .isEqualTo(Outcome.OK);
      for (int round = 0; round < 3; round++) {
        Member dead = cluster.leader();
        dead.stop();
        Member other = cluster.members.stream().filter(Member::isUp).findFirst().orElseThrow();
        long began = System.nanoTime();
        var limit = new ControlCommand.Limit(7, 1000 + round, 3);
        assertThat(propose(other, limit)).isEqualTo(Outcome.OK);
        System.out.printf(
            "decided %.0f ms after the leader died%n", (System.nanoTime() - began) / 1e6);
        dead.restart();
        long version = other.state().version();
        cluster.awaitEverywhere("the limit", state -> state.version() >= version);
        // At its new address, which everybody agrees on.
        cluster.awaitEverywhere(
            "the address",
            state -> {
              var node = state.map().node(dead.id);
              return node != null && node.incarnation() > 1;
            });
      }
    }
  }

  @Test
  void votersFollowTheNodesThatStay() throws Exception {
    try (var cluster = new ControlCluster(directory, 6)) {
      Member proposer = cluster.member(5);
      ControlState before = proposer.state();
      assertThat(propose(proposer, startReplacingVoters(before))).isEqualTo(Outcome.OK);
      cluster.awaitEverywhere("other voters", state -> state.voters().equals(LAST_THREE));
      // They no longer keep a log, and the others can do without them.
      for (int node = 0; node < 3; node++) {
        Member left = cluster.member(node);
        Waiting.until("no log at n" + node, () -> !left.hasLog());
      }
      for (int node = 0; node < 3; node++) {
        assertThat(propose(cluster.member(node), move(proposer.state(), node, node + 3, 65536)))
            .isEqualTo(Outcome.OK);
      }
      cluster.awaitEverywhere("the end", state -> state.rebalance() == null);
      assertThat(proposer.state().map().nodes())
          .extracting(node -> node.state())
          .containsExactly(
              NodeState.GONE,
              NodeState.GONE,
              NodeState.GONE,
              NodeState.ACTIVE,
              NodeState.ACTIVE,
              NodeState.ACTIVE);
      for (int node = 0; node < 3; node++) {
        cluster.member(node).stop();
      }
      var start = startMoving(proposer.state(), 11, 3, 4);
      assertThat(propose(proposer, start)).isEqualTo(Outcome.OK);
    }
  }

  /** One that has not heard that it is voted out asks the others for their votes, for ever. */
  @Test
  void whoWasCutOffAsTheVotersWereReplacedKeepsNobodyFromLearningIt() throws Exception {
    try (var cluster = new ControlCluster(directory, 6)) {
      ControlState before = cluster.member(0).state();
      assertThat(
              propose(
                      cluster.member(0),
                      new ControlCommand.Announce(
                          Objects.requireNonNull(before.map().node(new NodeId(0)))))
                  .accepted())
          .isTrue();
      Member leader = cluster.leader();
      Member cut = cluster.member((leader.id.value() + 1) % 3);
      cut.cutOff(true);
      assertThat(propose(leader, startReplacingVoters(before))).isEqualTo(Outcome.OK);
      Waiting.until("other voters", () -> cluster.member(4).state().voters().equals(LAST_THREE));
      cut.cutOff(false);
      cluster.awaitEverywhere("other voters", state -> state.voters().equals(LAST_THREE));
      for (int node = 0; node < 3; node++) {
        assertThat(
                propose(cluster.member(node), move(cluster.member(4).state(), node, node + 3, 9)))
            .isEqualTo(Outcome.OK);
      }
    }
  }

  /** They are away or cannot be heard: voters of before and of after. */
  @Test
  @Timeout(900)
  void goesOnAfterSomeWereAwayAsTheVotersWereReplaced() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("seed " + seed);
    var random = new Random(seed);
    for (int round = 0; round < CUTS; round++) {
      Path place = Files.createDirectory(directory.resolve("round-" + round));
      try (var cluster = new ControlCluster(place, 6)) {
        assertThat(propose(cluster.member(3), startReplacingVoters(cluster.member(3).state())))
            .isEqualTo(Outcome.OK);
        // Any moment of the replacement; for as long as that they are away.
        int beforeMillis = random.nextInt(600);
        TimeUnit.MILLISECONDS.sleep(beforeMillis);
        List<Integer> away = random.nextBoolean() ? List.of(1, 3, 4) : List.of(0, 3, 4);
        boolean stopped = round % 2 == 1;
        for (int node : away) {
          if (stopped) {
            cluster.member(node).stop();
          } else {
            cluster.member(node).joinGroup(1);
          }
        }
        TimeUnit.MILLISECONDS.sleep(500 + random.nextInt(3000));
        for (int node : away) {
          if (stopped) {
            cluster.member(node).restart();
          } else {
            cluster.member(node).joinGroup(0);
          }
        }
        long backNanos = System.nanoTime();
        for (Member member : cluster.members) {
          assertThat(propose(member, new ControlCommand.Limit(9, 100L + member.id.value(), 1)))
              .isEqualTo(Outcome.OK);
        }
        cluster.awaitEverywhere("the new voters", state -> state.voters().equals(LAST_THREE));
        System.out.printf(
            "round %d: %s %s %d ms after the start; over %d ms after they were back%n",
            round,
            away,
            stopped ? "stopped" : "cut off",
            beforeMillis,
            (System.nanoTime() - backNanos) / 1_000_000);
      }
    }
  }

  @Test
  void newNodeLearnsEverythingAndMayVote() throws Exception {
    try (var cluster = new ControlCluster(directory, 1)) {
      Member first = cluster.member(0);
      List<Node> joining = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        joining.add(cluster.add().listen());
      }
      assertThat(propose(first, new ControlCommand.Join(joining))).isEqualTo(Outcome.OK);
      for (int node = 1; node < 4; node++) {
        cluster.member(node).learn(first.state().map());
      }
      cluster.awaitEverywhere("the nodes", state -> state.map().nodes().size() == 4);
      short[] target = first.state().map().owners();
      for (int slot = 0; slot < target.length; slot++) {
        target[slot] = (short) (slot % 4);
      }
      assertThat(
              propose(
                  cluster.member(3),
                  new ControlCommand.Start(
                      5,
                      Rebalance.Kind.EXPAND,
                      first.state().epoch(),
                      target,
                      List.of(),
                      0,
                      2,
                      false,
                      1)))
          .isEqualTo(Outcome.OK);
      cluster.awaitEverywhere("three voters", state -> state.voters().size() == 3);
      // Any one of them may now be lost.
      cluster.member(0).stop();
      assertThat(propose(cluster.member(3), new ControlCommand.Pause(5, "for a test")))
          .isEqualTo(Outcome.OK);
    }
  }

  @Test
  void manyProposalsAtOnceAreEachDecidedOnce() throws Exception {
    try (var cluster = new ControlCluster(directory, 4)) {
      assertThat(propose(cluster.member(0), startMoving(cluster.member(0).state(), 7, 0, 3)))
          .isEqualTo(Outcome.OK);
      ControlState state = cluster.member(0).state();
      int[] slots =
          IntStream.range(0, SlotId.COUNT)
              .filter(slot -> state.map().ownerValue(slot) == 0)
              .toArray();
      List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
      int batches = 64;
      int size = slots.length / batches;
      for (int batch = 0; batch < batches; batch++) {
        int[] some = Arrays.copyOfRange(slots, batch * size, (batch + 1) * size);
        outcomes.add(
            cluster
                .member(0)
                .plane()
                .propose(
                    new ControlCommand.Move(
                        7, new NodeId(0), new NodeId(3), SlotSet.of(some), 1, 1, 1),
                    Deadline.after(ControlCluster.PATIENCE)));
      }
      for (CompletableFuture<Outcome> outcome : outcomes) {
        assertThat(outcome.get(60, TimeUnit.SECONDS)).isEqualTo(Outcome.OK);
      }
      assertThat(cluster.member(0).state().epoch().value())
          .isEqualTo(state.epoch().value() + batches);
      assertThat(
              cluster
                  .member(3)
                  .plane()
                  .caughtUp(
                      cluster.member(0).state().epoch(), Deadline.after(ControlCluster.PATIENCE))
                  .get(60, TimeUnit.SECONDS)
                  .epoch())
          .isEqualTo(cluster.member(0).state().epoch());
    }
  }

  @Test
  void othersGoOnWhileAnyVoterIsCutOff() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("seed " + seed);
    var random = new Random(seed);
    try (var cluster = new ControlCluster(directory, 5)) {
      assertThat(propose(cluster.member(0), startMoving(cluster.member(0).state(), 7, 0, 3)))
          .isEqualTo(Outcome.OK);
      for (int round = 0; round < CUTS; round++) {
        Member cut = round % 2 == 0 ? cluster.leader() : cluster.member(random.nextInt(3));
        cut.cutOff(true);
        long healedNanos = System.nanoTime() + random.nextLong(4_000_000_000L);
        long longestNanos = 0;
        for (int limit = 1; limit < 40 || System.nanoTime() < healedNanos; limit++) {
          if (System.nanoTime() >= healedNanos) {
            cut.cutOff(false);
          }
          var asked = cluster.member(random.nextInt(5));
          if (asked == cut && System.nanoTime() < healedNanos) {
            continue;
          }
          long began = System.nanoTime();
          assertThat(propose(asked, new ControlCommand.Limit(7, round * 1000L + limit, 1)))
              .satisfies(outcome -> assertThat(outcome.accepted()).isTrue());
          longestNanos = Math.max(longestNanos, System.nanoTime() - began);
        }
        cut.cutOff(false);
        System.out.printf(
            "round %d: %s was cut off; the longest of the others took %d ms%n",
            round, cut.id, longestNanos / 1_000_000);
      }
    }
  }

  @Test
  void whoEndsInTheMiddleOfAMoveLearnsItsOutcomeFirst() throws Exception {
    try (var cluster = new ControlCluster(directory, 4)) {
      Member source = cluster.member(3);
      assertThat(propose(source, startMoving(source.state(), 7, 3, 0))).isEqualTo(Outcome.OK);
      var move = move(source.state(), 3, 0, 1000);
      cluster.member(1).stop();
      cluster.member(2).stop();
      CompletableFuture<Outcome> unknown =
          source.plane().propose(move, Deadline.after(Duration.ofMillis(300)));
      assertThatThrownBy(() -> unknown.get(30, TimeUnit.SECONDS))
          .cause()
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.TIMED_OUT));
      source.stop();

      source.restart();
      // Without a majority nobody can say whose the slots are.
      assertThat(source.plane().settled()).isNotDone();
      cluster.member(1).restart();
      cluster.member(2).restart();
      source.plane().settled().get(60, TimeUnit.SECONDS);
      assertThat(source.cluster().owns(move.slots().nextFrom(0))).isFalse();
      assertThat(source.state().map().ownerValue(move.slots().nextFrom(0))).isZero();

      // What has been decided is not asked for again.
      Waiting.until(
          "the move to be forgotten",
          () -> {
            try {
              return source.files().undecided().isEmpty();
            } catch (FsException e) {
              throw new AssertionError(e);
            }
          });
      source.stop();
      source.restart();
      assertThat(source.plane().settled()).isCompleted();
      assertThat(source.cluster().owns(move.slots().nextFrom(0))).isFalse();
    }
  }

  @Test
  void whoWasAwayForLongTakesOverAWholeState() throws Exception {
    try (var cluster = new ControlCluster(directory, 4)) {
      assertThat(propose(cluster.member(0), startMoving(cluster.member(0).state(), 7, 0, 3)))
          .isEqualTo(Outcome.OK);
      cluster.awaitEverywhere("the start", state -> state.version() > 0);
      // One that votes and one that follows.
      cluster.member(2).stop();
      cluster.member(3).stop();
      // More than are kept for followers, and more than the log holds between two snapshots.
      int commands = 5000;
      int atOnce = 250;
      long began = System.nanoTime();
      for (int done = 0; done < commands; done += atOnce) {
        List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
        for (int i = 0; i < atOnce; i++) {
          outcomes.add(
              cluster
                  .member(i % 2)
                  .plane()
                  .propose(
                      new ControlCommand.Limit(7, 10L + done + i, 1),
                      Deadline.after(ControlCluster.PATIENCE)));
        }
        for (CompletableFuture<Outcome> outcome : outcomes) {
          assertThat(outcome.get(60, TimeUnit.SECONDS)).isEqualTo(Outcome.OK);
        }
      }
      System.out.printf("%.0f commands a second%n", commands / ((System.nanoTime() - began) / 1e9));
      ControlState newest = cluster.member(0).state();
      cluster.member(2).restart();
      cluster.member(3).restart();
      cluster.awaitEverywhere("everything", state -> state.version() >= newest.version() + 2);
      ControlState there = cluster.member(0).state();
      cluster.awaitEverywhere("the same", state -> state.equals(there));

      // The one that votes has it in its log as well, and can do without one of the others.
      cluster.member(0).stop();
      assertThat(propose(cluster.member(3), new ControlCommand.Pause(7, "for a test")))
          .isEqualTo(Outcome.OK);
      assertThat(cluster.member(2).plane().confirmed(Deadline.after(ControlCluster.PATIENCE)).get())
          .extracting(ControlState::rebalance)
          .isNotNull()
          .extracting(Rebalance::paused)
          .isEqualTo(true);
    }
  }

  @Test
  void whoKnowsNothingNewerDoesNotLetOthersWait() throws Exception {
    try (var cluster = new ControlCluster(directory, 3)) {
      CompletableFuture<ControlState> never =
          cluster.member(1).plane().caughtUp(new Epoch(99), Deadline.after(Duration.ofMillis(200)));
      assertThatThrownBy(() -> never.get(30, TimeUnit.SECONDS))
          .cause()
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.TIMED_OUT));
      CompletableFuture<Outcome> tooLong =
          cluster
              .member(1)
              .plane()
              .propose(
                  new ControlCommand.Join(
                      IntStream.range(10, 4000)
                          .mapToObj(id ->
                              new Node(new NodeId(id), "h".repeat(60), 1, "", 1, NodeState.ACTIVE))
                          .toList()),
                  Deadline.NEVER);
      assertThatThrownBy(() -> tooLong.get(30, TimeUnit.SECONDS))
          .cause()
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
    }
  }
}
