package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.settings.Settings;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Those who follow find the voters again, whatever has become of them. */
class MovedVotersTest {
  private static final long SECOND_NANOS = 1_000_000_000L;
  private static final int NODES = 5;

  private final SimulatedInstance instance =
      new SimulatedInstance(
          new SplittableRandom(1), NODES, new Settings(Map.of("chunk.size", "4KiB")), 64 << 20);

  @AfterEach
  void end() {
    instance.close();
  }

  private List<SimulatedDaemon> followers() {
    List<NodeId> voters = instance.state().voters();
    return instance.daemons().stream().filter(one -> !voters.contains(one.id())).toList();
  }

  @Test
  void whoWasAwayWhileAllVotersMovedHearsWhereTheyAre() {
    var outcome = instance.decided(instance.rebalance(_ -> 0, List.of()));
    assertThat(outcome.accepted()).as(outcome.message()).isTrue();
    instance.time().until(() -> instance.state().rebalance() == null, "slots are moved");
    instance.tellsAddresses(false);
    List<NodeId> voters = instance.state().voters();
    List<SimulatedDaemon> followers = followers();
    assertThat(voters).hasSize(3);
    assertThat(followers).hasSize(2);
    for (NodeId voter : voters) {
      followers.forEach(
          one -> instance.network().separate(one.id().toString(), voter.toString(), true));
    }
    voters.forEach(voter -> instance.daemon(voter).kill());
    instance.time().pass(60 * SECOND_NANOS);
    assertThat(voters).allMatch(voter -> instance.daemon(voter).isServing());
    instance.network().joinAll();

    instance.settle();

    long version = instance.state().version();
    assertThat(followers).allMatch(one -> one.control().state().version() == version);
  }
}
