package io.adhocfs.protocol.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What every map holds to. */
final class ClusterMapTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  private static Node node(int id, String host, long incarnation) {
    return new Node(new NodeId(id), host, 4000 + id, "", incarnation, NodeState.ACTIVE);
  }

  private static Node entry(ClusterMap map, int id) {
    Node node = map.node(new NodeId(id));
    if (node == null) {
      throw new AssertionError("no node " + id + " in " + map);
    }
    return node;
  }

  private static List<Node> nodes(int count) {
    List<Node> nodes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      nodes.add(node(i * 3, "host" + i, 1));
    }
    return nodes;
  }

  @Test
  void theInitialMapIsEvenToOneSlotAndBlindToTheOrder() {
    for (int count : new int[] {1, 2, 3, 7, 64, 1000}) {
      List<Node> nodes = nodes(count);
      ClusterMap map = ClusterMap.initial(nodes);
      Collections.shuffle(nodes, new Random(SEED));
      assertThat(ClusterMap.initial(nodes)).isEqualTo(map);
      int[] slots = new int[3 * count];
      for (int slot = 0; slot < SlotId.COUNT; slot++) {
        slots[map.ownerValue(slot)]++;
        assertThat(map.owner(new SlotId(slot)).value()).isEqualTo(map.ownerValue(slot));
      }
      int[] owning = Arrays.stream(slots).filter(owned -> owned > 0).toArray();
      assertThat(owning).hasSize(count);
      assertThat(Arrays.stream(owning).max().getAsInt() - Arrays.stream(owning).min().getAsInt())
          .isLessThanOrEqualTo(1);
      assertThat(map.epoch()).isEqualTo(Epoch.FIRST);
      assertThat(map.owningNodes()).hasSize(count).isSorted();
    }
  }

  @Test
  void neighbouringSlotsLieOnDifferentNodes() {
    ClusterMap map = ClusterMap.initial(nodes(5));
    for (int slot = 1; slot < SlotId.COUNT; slot++) {
      assertThat(map.ownerValue(slot)).isNotEqualTo(map.ownerValue(slot - 1));
    }
  }

  @Test
  void partitionsOfADirectoryLieEvenlyOnTheNodes() {
    ClusterMap map = ClusterMap.initial(nodes(4));
    for (int slot = 0; slot < SlotId.COUNT; slot += 97) {
      InodeId directory = InodeId.of(new SlotId(slot), 1);
      var partitions = new HashMap<NodeId, Integer>();
      for (int partition = 0; partition < 16; partition++) {
        partitions.merge(map.owner(Placement.partitionSlot(directory, partition)), 1, Integer::sum);
      }
      assertThat(partitions.values()).hasSize(4).containsOnly(4);
    }
  }

  @Test
  void mergeTakesTheNewerOwnersAndTheNewestAddresses() {
    ClusterMap first = ClusterMap.initial(List.of(node(0, "a", 1), node(3, "b", 5)));
    var allToThree = new short[SlotId.COUNT];
    Arrays.fill(allToThree, (short) 3);
    var second =
        new ClusterMap(
            new Epoch(2),
            List.of(new Node(new NodeId(0), "a2", 1, "", 2, NodeState.DRAINING), node(3, "b", 4)),
            allToThree);
    for (ClusterMap merged : List.of(first.merge(second), second.merge(first))) {
      assertThat(merged.epoch()).isEqualTo(new Epoch(2));
      assertThat(merged.owners()).isEqualTo(allToThree);
      assertThat(entry(merged, 0).host()).isEqualTo("a2");
      assertThat(entry(merged, 0).state()).isEqualTo(NodeState.DRAINING);
      assertThat(entry(merged, 3).incarnation()).isEqualTo(5);
    }
    assertThat(first.merge(first)).isEqualTo(first);
  }

  @Test
  void mergeWithinAnEpochTakesTheNewerAddressOnly() {
    ClusterMap first = ClusterMap.initial(List.of(node(0, "a", 1), node(3, "b", 5)));
    ClusterMap moved = first.withNode(node(0, "elsewhere", 2));
    assertThat(entry(first.merge(moved), 0).host()).isEqualTo("elsewhere");
    assertThat(entry(moved.merge(first), 0).host()).isEqualTo("elsewhere");
    assertThat(moved.merge(first).owners()).isEqualTo(first.owners());
  }

  @Test
  void refusesWhatIsNoMap() {
    List<Node> two = List.of(node(0, "a", 1), node(0, "b", 1));
    assertThatThrownBy(() -> new ClusterMap(Epoch.FIRST, two, new short[SlotId.COUNT]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ClusterMap(Epoch.FIRST, List.of(), new short[SlotId.COUNT]))
        .isInstanceOf(IllegalArgumentException.class);
    List<Node> one = List.of(node(3, "a", 1));
    assertThatThrownBy(() -> new ClusterMap(Epoch.FIRST, one, new short[SlotId.COUNT]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("n0");
    assertThatThrownBy(() -> new ClusterMap(Epoch.FIRST, one, new short[5]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Node(new NodeId(1), "", 1, "", 1, NodeState.ACTIVE))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Node(new NodeId(1), "a", 65536, "", 1, NodeState.ACTIVE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void nodeIdsUseAllSixteenBits() {
    ClusterMap map =
        ClusterMap.initial(
            List.of(
                node(0, "a", 1),
                new Node(new NodeId(NodeId.MAX), "z", 1, "", 1, NodeState.ACTIVE)));
    assertThat(map.ownerValue(1)).isEqualTo(NodeId.MAX);
    assertThat(map.node(new NodeId(NodeId.MAX))).isNotNull();
    assertThat(map.node(new NodeId(5))).isNull();
  }

  @Test
  void addressesOfIpv6AreBracketed() {
    assertThat(node(1, "::1", 1).address()).isEqualTo("[::1]:4001");
    assertThat(node(1, "h", 1).address()).isEqualTo("h:4001");
  }
}
