package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written down of an instance's nodes is what they have agreed on, whatever happens. */
@Timeout(600)
class WrittenNodesIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private static InstanceDescription written(ChangingInstance instance) throws Exception {
    return instance.description();
  }

  private static void assertWrittenAsAgreed(ChangingInstance instance) throws Exception {
    InstanceDescription written = written(instance);
    List<Integer> agreed = awaitMembers(instance, written.places().size());
    assertThat(written.places().stream().map(place -> place.id().value())).isEqualTo(agreed);
    assertThat(written.instance().nodes().stream().map(node -> node.id().value()))
        .isEqualTo(agreed);
  }

  /**
   * The members of an instance, once there are so many of them: a daemon that has just started
   * answers before it has learned what the others agreed on without it.
   */
  private static List<Integer> awaitMembers(ChangingInstance instance, int size) throws Exception {
    var members = new AtomicReference<List<Integer>>(List.of());
    ChangingInstance.await(
        size + " members",
        () -> {
          members.set(ChangingInstance.members(instance.awaitState()));
          return members.get().size() == size;
        });
    return members.get();
  }

  @Test
  void commandsAtTheSameTimeForgetNoNode() throws Exception {
    long seed = Long.getLong("adhocfs.seed", ThreadLocalRandom.current().nextLong());
    System.out.println("random numbers come from -Dadhocfs.seed=" + seed);
    int rounds = FULL ? 10 : 2;
    try (ChangingInstance instance = ChangingInstance.up(2);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      var over = new AtomicBoolean();
      Future<?> starting =
          threads.submit(() -> {
            var random = new Random(seed);
            while (!over.get()) {
              if (random.nextInt(3) == 0) {
                instance.kill(random.nextInt(2));
              }
              instance.run("", List.of("start")).expectSuccess();
            }
            return null;
          });
      Future<?> configuring =
          threads.submit(() -> {
            while (!over.get()) {
              instance.run("", List.of("status", "--json"));
              instance.run("", List.of("config", "set", "cache=cached"));
              instance.run("", List.of("config", "unset", "cache"));
            }
            return null;
          });
      try {
        for (int round = 0; round < rounds; round++) {
          List<Integer> before = awaitMembers(instance, 2);
          instance.run("", List.of("expand", "--nodes", "2", "--wait")).expectSuccess();
          List<Integer> more = new ArrayList<>(awaitMembers(instance, 4));
          more.removeAll(before);
          assertThat(more).hasSize(2);
          assertWrittenAsAgreed(instance);
          List<String> shrink = new ArrayList<>(List.of("shrink", "--wait", "--remove"));
          more.forEach(node -> shrink.add("n" + node));
          instance.run("", shrink).expectSuccess();
          assertWrittenAsAgreed(instance);
        }
      } finally {
        over.set(true);
      }
      starting.get();
      configuring.get();
      instance.run("", List.of("start")).expectSuccess();
      assertWrittenAsAgreed(instance);
      instance.run("", List.of("verify")).expectSuccess();
    }
  }

  @Test
  void aNodeThatTheFileHasForgottenIsWrittenDownAgain() throws Exception {
    try (ChangingInstance instance = ChangingInstance.up(3)) {
      instance.changeDescription(written -> written.without(List.of(new NodeId(2))));
      instance.kill(1);
      Commands.Result result = instance.run("", List.of("start")).expectSuccess();
      assertThat(result.output()).contains("started n1").doesNotContain("n2");
      assertWrittenAsAgreed(instance);
      assertThat(written(instance).place(new NodeId(2)))
          .isEqualTo(
              new InstanceDescription.Place(
                  new NodeId(2), "", instance.dataDirectory(2).toString()));
    }
  }

  private static Set<CrashPoint> pointsOfRemoval() {
    return CrashPoint.of(CrashPoint.Area.REMOVAL);
  }

  @ParameterizedTest
  @MethodSource("pointsOfRemoval")
  void whatIsLeftOfANodeThatWasKilledWhileItRemovedItselfIsRemovedByStart(CrashPoint point)
      throws Exception {
    try (ChangingInstance instance = ChangingInstance.up(2)) {
      instance.arm(List.of(1), point.name());
      instance.run("", List.of("shrink", "--remove", "n1")).expectSuccess();
      ChangingInstance.await("n1 to die", () -> !instance.isRunning(1));
      assertThat(instance.hasData(1)).isTrue();
      Commands.Result named = instance.run("", List.of("start", "n1"));
      assertThat(named.output()).contains("node n1 has left the instance");
      instance.run("", List.of("start")).expectSuccess();
      instance.run("", List.of("rebalance", "status", "--wait"));
      instance.run("", List.of("expand", "--nodes", "1", "--wait")).expectSuccess();
      assertThat(instance.hasData(1)).isFalse();
      assertWrittenAsAgreed(instance);
      instance.run("", List.of("verify")).expectSuccess();
    }
  }

  @Test
  void aDeadNodeThatWasGivenNothingHoldsNothingUp() throws Exception {
    try (ChangingInstance instance = ChangingInstance.up(2)) {
      joinADeadNode(instance, 7);
      Commands.Result verify = instance.run("", List.of("verify")).expectSuccess();
      assertThat(verify.output()).contains("node n7 stores nothing and does not answer: idle");
      instance.run("", List.of("shrink", "--remove", "n7", "--wait")).expectSuccess();
      assertThat(ChangingInstance.members(instance.awaitState())).containsExactly(0, 1);

      joinADeadNode(instance, 8);
      instance.run("", List.of("expand", "--nodes", "1", "--wait")).expectSuccess();
      ControlState state = instance.awaitState();
      assertThat(ChangingInstance.members(state)).hasSize(3).doesNotContain(8);
      assertWrittenAsAgreed(instance);
      instance.run("", List.of("verify")).expectSuccess();
    }
  }

  /** What a command leaves that ends between making a node known and giving it slots. */
  private static void joinADeadNode(ChangingInstance instance, int id) throws Exception {
    var node = new ClusterMap.Node(new NodeId(id), "127.0.0.1", 9, "", 1, NodeState.JOINING);
    ChangingInstance.await(
        "the node to be agreed on",
        () ->
            instance.ask(
                    0, new ControlRequest.Propose(new ControlCommand.Join(List.of(node)), true))
                instanceof Reply.Decided);
  }
}
