package io.adhocfs.malleability.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SlotPlanTest {
  private static short[] initial(int nodes) {
    var owners = new short[SlotId.COUNT];
    for (int slot = 0; slot < owners.length; slot++) {
      owners[slot] = (short) (slot % nodes);
    }
    return owners;
  }

  private static Map<NodeId, Integer> equal(IntStream nodes) {
    var weights = new TreeMap<NodeId, Integer>();
    nodes.forEach(node -> weights.put(new NodeId(node), 1));
    return weights;
  }

  private static int[] counts(short[] owners) {
    var counts = new int[1 << Short.SIZE];
    for (short owner : owners) {
      counts[Short.toUnsignedInt(owner)]++;
    }
    return counts;
  }

  private static void check(short[] owners, Map<NodeId, Integer> weights, SlotPlan plan) {
    int[] before = counts(owners);
    int[] after = counts(plan.target());
    long sum = weights.values().stream().mapToLong(Integer::longValue).sum();
    int bound = 0;
    for (int node = 0; node < after.length; node++) {
      Integer weight = weights.get(new NodeId(node));
      double exact = weight == null ? 0 : (double) SlotId.COUNT * weight / sum;
      assertTrue(
          after[node] >= Math.floor(exact) && after[node] <= Math.ceil(exact),
          "n" + node + " has " + after[node] + " slots instead of " + exact);
      bound += Math.max(0, before[node] - after[node]);
    }
    assertEquals(bound, plan.moves());
    assertEquals(bound, plan.lowerBound());
    // No choice of who is rounded up would have moved less.
    int least = 0;
    int roundedUp = 0;
    int[] gain = new int[after.length];
    for (Map.Entry<NodeId, Integer> entry : weights.entrySet()) {
      int node = entry.getKey().value();
      int floor = (int) ((long) SlotId.COUNT * entry.getValue() / sum);
      least += Math.max(0, before[node] - floor);
      roundedUp += floor;
      gain[node] =
          before[node] > floor && (long) SlotId.COUNT * entry.getValue() % sum != 0 ? 1 : 0;
    }
    for (int node = 0; node < before.length; node++) {
      if (!weights.containsKey(new NodeId(node))) {
        least += before[node];
      }
    }
    least -= Math.min(SlotId.COUNT - roundedUp, IntStream.of(gain).sum());
    assertEquals(least, plan.moves());
  }

  @Test
  void movesTheLeastPossible() {
    short[] owners = initial(4);
    SlotPlan plan = SlotPlan.of(owners, equal(IntStream.range(0, 7)));
    check(owners, equal(IntStream.range(0, 7)), plan);
    assertEquals(plan, SlotPlan.of(owners, equal(IntStream.range(0, 7))));
  }

  @Test
  void relocationMovesEverySlotOnce() {
    short[] owners = initial(3);
    SlotPlan plan = SlotPlan.of(owners, equal(IntStream.range(10, 15)));
    assertEquals(SlotId.COUNT, plan.moves());
    check(owners, equal(IntStream.range(10, 15)), plan);
    assertTrue(SlotPlan.spread(plan.target(), 5).mean() > 0.95);
  }

  @Test
  void randomResizesKeepSharesBoundsAndTheSpreadOfFiles() {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("seed " + seed);
    var random = new Random(seed);
    int sequences = Boolean.getBoolean("adhocfs.full") ? 40 : 2;
    double meanMin = 1;
    double leastMin = 1;
    for (int sequence = 0; sequence < sequences; sequence++) {
      int nodes = 1 + random.nextInt(8);
      short[] owners = initial(nodes);
      var wanted = new TreeMap<NodeId, Integer>(equal(IntStream.range(0, nodes)));
      int nextId = nodes;
      for (int step = 0; step < 8; step++) {
        int size = 1 + random.nextInt(64);
        if (random.nextInt(6) == 0) {
          wanted.clear();
        }
        while (wanted.size() > size) {
          var ids = wanted.keySet().stream().toList();
          wanted.remove(ids.get(random.nextInt(ids.size())));
        }
        while (wanted.size() < size) {
          wanted.put(new NodeId(nextId++), 1);
        }
        SlotPlan plan = SlotPlan.of(owners, wanted);
        check(owners, wanted, plan);
        SlotPlan.Spread spread = SlotPlan.spread(plan.target(), size);
        meanMin = Math.min(meanMin, spread.mean());
        leastMin = Math.min(leastMin, spread.least());
        owners = plan.target();
      }
    }
    System.out.println("mean share of nodes at least " + meanMin + ", worst start " + leastMin);
    assertTrue(meanMin >= 0.75, "files lie on " + meanMin + " of the nodes, seed " + seed);
  }

  @Test
  void weightsAreKept() {
    short[] owners = initial(3);
    var weights = new TreeMap<NodeId, Integer>();
    weights.put(new NodeId(0), 3);
    weights.put(new NodeId(1), 1);
    weights.put(new NodeId(5), 2);
    check(owners, weights, SlotPlan.of(owners, weights));
  }

  @Test
  void refusesWhatMakesNoSense() {
    assertThrows(IllegalArgumentException.class, () -> SlotPlan.of(initial(1), Map.of()));
    assertThrows(
        IllegalArgumentException.class, () -> SlotPlan.of(initial(1), Map.of(new NodeId(0), 0)));
  }

  @Test
  void lostSlotsGoToThoseThatHaveFewestAndNothingElseMoves() {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    var random = new Random(seed);
    for (int round = 0; round < 20; round++) {
      int nodes = 2 + random.nextInt(12);
      short[] owners = initial(nodes);
      for (int slot = 0; slot < owners.length; slot++) {
        if (random.nextInt(10) == 0) {
          owners[slot] = (short) random.nextInt(nodes);
        }
      }
      var lost = new NodeId(random.nextInt(nodes));
      SlotPlan plan =
          SlotPlan.ofLost(
              owners,
              Set.of(lost),
              IntStream.range(0, nodes)
                  .filter(node -> node != lost.value())
                  .mapToObj(NodeId::new)
                  .toList());
      String where = "seed " + seed + ", round " + round;
      int[] before = counts(owners);
      int[] after = counts(plan.target());
      assertEquals(0, after[lost.value()], where);
      int most = 0;
      int least = Integer.MAX_VALUE;
      for (int node = 0; node < nodes; node++) {
        if (after[node] > before[node]) {
          most = Math.max(most, after[node]);
        }
        least = node == lost.value() ? least : Math.min(least, after[node]);
      }
      assertTrue(most <= least + 1, where + ": " + most + " and " + least);
      for (int slot = 0; slot < owners.length; slot++) {
        if (owners[slot] != lost.value()) {
          assertEquals(owners[slot], plan.target()[slot], where);
        }
      }
    }
  }
}
