package io.adhocfs.malleability.plan;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The wanted owner of every slot, and the number of moves. Made by {@link #of}.
 *
 * <p>Every node gets its share by weight, rounded down or up; no slot moves unless it must: the
 * number of moves is the sum of the slots that nodes have beyond their new shares, and no plan can
 * do with fewer. Slots next to each other are kept on different nodes, since a file's chunks lie in
 * consecutive slots: a node first gives up the slot that is closest to another of its own, and a
 * free slot goes to the node whose slots are farthest away.
 *
 * @param target node id of each slot's owner, as unsigned numbers; not to be changed
 * @param moves how many slots change their owner
 * @param lowerBound the fewest slots that any plan with these shares could move
 */
public record SlotPlan(short[] target, int moves, int lowerBound) {
  /** How many receivers are compared for a slot. */
  private static final int CANDIDATES = 24;

  /** One node's slots, and how many slots the node is to have. */
  private static final class Share {
    final int node;
    final TreeSet<Integer> slots = new TreeSet<>();
    int wanted;

    Share(int node) {
      this.node = node;
    }

    int surplus() {
      return slots.size() - wanted;
    }

    /** Distance around the ring to the nearest other slot of this node. */
    int distance(int slot) {
      if (slots.isEmpty()) {
        return SlotId.COUNT;
      }
      Integer below = slots.lower(slot);
      Integer above = slots.higher(slot);
      int down = slot - (below == null ? slots.last() - SlotId.COUNT : below);
      int up = (above == null ? slots.first() + SlotId.COUNT : above) - slot;
      return Math.min(down, up);
    }
  }

  /**
   * Plans.
   *
   * @param owners node id of each slot's owner now, as unsigned numbers
   * @param weights weights of the nodes that are to own slots: each more than 0
   * @throws IllegalArgumentException if there are no nodes or more nodes than slots, or a weight is
   *     0 or less
   */
  public static SlotPlan of(short[] owners, Map<NodeId, Integer> weights) {
    if (weights.isEmpty() || weights.size() > SlotId.COUNT) {
      throw new IllegalArgumentException("slots for " + weights.size() + " nodes");
    }
    var shares = new TreeMap<Integer, Share>();
    weights.keySet().forEach(node -> shares.put(node.value(), new Share(node.value())));
    for (int slot = 0; slot < owners.length; slot++) {
      shares.computeIfAbsent(Short.toUnsignedInt(owners[slot]), Share::new).slots.add(slot);
    }
    setWanted(shares, weights);
    int lowerBound = shares.values().stream().mapToInt(share -> Math.max(0, share.surplus())).sum();
    short[] target = owners.clone();
    BitSet free = new BitSet(SlotId.COUNT);
    shares.values().forEach(share -> giveUp(share, free));
    take(shares, free, target);
    int moves = 0;
    for (int slot = 0; slot < owners.length; slot++) {
      if (owners[slot] != target[slot]) {
        moves++;
      }
    }
    return new SlotPlan(target, moves, lowerBound);
  }

  /**
   * Plans for slots whose owners are lost, and leaves all others where they are: each lost slot
   * goes to a node that has the fewest slots.
   *
   * @param lost nodes whose slots need another owner
   * @param takers nodes that may take them
   * @throws IllegalArgumentException if there are no takers
   */
  public static SlotPlan ofLost(short[] owners, Set<NodeId> lost, Collection<NodeId> takers) {
    if (takers.isEmpty()) {
      throw new IllegalArgumentException("no node to take lost slots");
    }
    var shares = new TreeMap<Integer, Share>();
    takers.forEach(node -> shares.put(node.value(), new Share(node.value())));
    var free = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < owners.length; slot++) {
      int owner = Short.toUnsignedInt(owners[slot]);
      Share share = shares.get(owner);
      if (lost.contains(new NodeId(owner))) {
        free.set(slot);
      } else if (share != null) {
        share.slots.add(slot);
      }
    }
    // As water fills a vessel: the node that has least gets the next slot.
    var order =
        new PriorityQueue<Share>(
            Comparator.<Share>comparingInt(share -> share.wanted)
                .thenComparingInt(share -> share.node));
    shares
        .values()
        .forEach(share -> {
          share.wanted = share.slots.size();
          order.add(share);
        });
    for (int i = free.cardinality(); i > 0; i--) {
      Share least = order.remove();
      least.wanted++;
      order.add(least);
    }
    short[] target = owners.clone();
    take(shares, free, target);
    return new SlotPlan(target, free.cardinality(), free.cardinality());
  }

  /**
   * Sets the shares by weight; slots that are left after rounding down go where they save a move.
   */
  private static void setWanted(TreeMap<Integer, Share> shares, Map<NodeId, Integer> weights) {
    long sum = 0;
    for (int weight : weights.values()) {
      if (weight <= 0) {
        throw new IllegalArgumentException("a weight of " + weight);
      }
      sum += weight;
    }
    int left = SlotId.COUNT;
    Map<Share, Double> rests = new HashMap<>();
    for (Map.Entry<NodeId, Integer> entry : weights.entrySet()) {
      Share share = shares.get(entry.getKey().value());
      if (share == null) {
        throw new IllegalStateException("a node without a share");
      }
      long exact = (long) SlotId.COUNT * entry.getValue();
      share.wanted = (int) (exact / sum);
      left -= share.wanted;
      rests.put(share, exact % sum / (double) sum);
    }
    List<Share> order = new ArrayList<>(rests.keySet());
    // Without a remainder a node's share is exact already.
    order.removeIf(share -> rests.getOrDefault(share, 0.0) == 0.0);
    order.sort(
        Comparator.<Share>comparingInt(share -> share.surplus() > 0 ? 0 : 1)
            .thenComparingDouble(share -> -rests.getOrDefault(share, 0.0))
            .thenComparingInt(share -> share.node));
    for (int i = 0; i < left; i++) {
      order.get(i).wanted++;
    }
  }

  /** Takes slots from a node that has too many: first the slots closest to others of the node. */
  private static void giveUp(Share share, BitSet free) {
    int surplus = share.surplus();
    if (surplus <= 0) {
      return;
    }
    if (share.wanted == 0) {
      share.slots.forEach(free::set);
      share.slots.clear();
      return;
    }
    // Evenly around the ring: every section of the same size gives up as many slots.
    List<Integer> slots = new ArrayList<>(share.slots);
    int size = slots.size();
    int start = Math.floorMod(share.node * 0x9E3779B9, size);
    List<Integer> chosen = new ArrayList<>(surplus);
    for (int i = 0; i < surplus; i++) {
      int from = (int) ((long) i * size / surplus);
      int to = (int) ((long) (i + 1) * size / surplus);
      int best = -1;
      int bestDistance = Integer.MAX_VALUE;
      for (int j = from; j < to; j++) {
        int slot = slots.get((start + j) % size);
        int distance = share.distance(slot);
        if (distance < bestDistance) {
          bestDistance = distance;
          best = slot;
        }
      }
      share.slots.remove(best);
      chosen.add(best);
    }
    chosen.forEach(free::set);
  }

  /** Gives each free slot to a node that has too few slots, and none near this one. */
  private static void take(TreeMap<Integer, Share> shares, BitSet free, short[] target) {
    List<Share> takers = new ArrayList<>();
    for (Share share : shares.values()) {
      if (share.surplus() < 0) {
        takers.add(share);
      }
    }
    // The nodes that have not got a slot for the longest time come first.
    Collections.rotate(takers, 1);
    int total = free.cardinality();
    int done = 0;
    var need = new HashMap<Share, Integer>();
    takers.forEach(share -> need.put(share, -share.surplus()));
    for (int slot = free.nextSetBit(0); slot >= 0; slot = free.nextSetBit(slot + 1)) {
      Share best = null;
      double bestValue = -1;
      int looked = Math.min(CANDIDATES, takers.size());
      for (int i = 0; i < looked; i++) {
        Share taker = takers.get(i);
        // No node may fall behind: a node that still needs most of its slots counts more.
        int whole = need.getOrDefault(taker, 1);
        double behind = -taker.surplus() / (double) whole * total / (total - done);
        double value = Math.min(taker.distance(slot), 4L * shares.size()) * Math.max(0.05, behind);
        if (value > bestValue) {
          bestValue = value;
          best = taker;
        }
      }
      if (best == null) {
        throw new IllegalStateException("a free slot that no node wants");
      }
      best.slots.add(slot);
      target[slot] = (short) best.node;
      takers.remove(best);
      if (best.surplus() < 0) {
        takers.add(best);
      }
      done++;
    }
  }

  /** How many slots go from each node to each other node. */
  public Map<NodeId, Map<NodeId, Integer>> links(short[] owners) {
    var links = new TreeMap<NodeId, Map<NodeId, Integer>>();
    for (int slot = 0; slot < owners.length; slot++) {
      if (owners[slot] != target[slot]) {
        links
            .computeIfAbsent(new NodeId(Short.toUnsignedInt(owners[slot])), node -> new TreeMap<>())
            .merge(new NodeId(Short.toUnsignedInt(target[slot])), 1, Integer::sum);
      }
    }
    return links;
  }

  /**
   * The share of the nodes that store a file with as many chunks as there are nodes: the mean over
   * all slots at which the file can start, and the least.
   */
  public static Spread spread(short[] owners, int nodes) {
    int least = nodes;
    long sum = 0;
    var count = new int[1 << Short.SIZE];
    int distinct = 0;
    for (int slot = 0; slot < nodes; slot++) {
      if (count[Short.toUnsignedInt(owners[slot % owners.length])]++ == 0) {
        distinct++;
      }
    }
    for (int start = 0; start < owners.length; start++) {
      sum += distinct;
      least = Math.min(least, distinct);
      if (--count[Short.toUnsignedInt(owners[start])] == 0) {
        distinct--;
      }
      if (count[Short.toUnsignedInt(owners[(start + nodes) % owners.length])]++ == 0) {
        distinct++;
      }
    }
    return new Spread(sum / (double) owners.length / nodes, least / (double) nodes);
  }

  /** See {@link #spread}. */
  public record Spread(double mean, double least) {}

  @Override
  public boolean equals(Object other) {
    return other instanceof SlotPlan plan
        && moves == plan.moves
        && lowerBound == plan.lowerBound
        && Arrays.equals(target, plan.target);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(target);
  }

  @Override
  public String toString() {
    return moves + " moves, at least " + lowerBound;
  }
}
