package io.adhocfs.protocol.placement;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Nodes and the owner of every slot at one epoch. Immutable; shared by all threads of a process.
 *
 * <p>The owners change only with the epoch. A node's address may change within an epoch: each start
 * of a daemon raises its incarnation, and the entry with the higher one is the newer ({@link
 * #merge}).
 */
public final class ClusterMap {
  /** What a node is doing. Codes are part of the wire format. */
  public enum NodeState {
    JOINING(0),
    ACTIVE(1),
    DRAINING(2),
    GONE(3);

    private final int code;

    NodeState(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    public static NodeState ofCode(int code) {
      return switch (code) {
        case 0 -> JOINING;
        case 1 -> ACTIVE;
        case 2 -> DRAINING;
        case 3 -> GONE;
        default -> throw new IllegalArgumentException("node state " + code);
      };
    }
  }

  /**
   * One node and how to reach it.
   *
   * @param host name or address that other nodes can connect to
   * @param port TCP port, 1..65535
   * @param socketPath Unix socket for processes on the same host; empty = none
   * @param incarnation raised at every start of its daemon: the {@link #storageTerm} in the upper
   *     32 bits, the number of starts in the lower
   */
  public record Node(
      NodeId id, String host, int port, String socketPath, long incarnation, NodeState state) {
    private static final int STARTS_BITS = 32;

    public Node {
      if (host.isEmpty() || port < 1 || port > 65535 || incarnation < 0) {
        throw new IllegalArgumentException("node " + id + " at " + host + ":" + port);
      }
    }

    /** This node in a state. */
    public Node in(NodeState other) {
      return state == other ? this : new Node(id, host, port, socketPath, incarnation, other);
    }

    /** Whether it takes part in the instance: it has not left and was not given up. */
    public boolean isMember() {
      return state != NodeState.GONE;
    }

    /**
     * Rises when the node may have lost what it had not synced: when its daemon starts on a machine
     * that has been started since. A process that dies alone loses nothing.
     */
    public long storageTerm() {
      return storageTerm(incarnation);
    }

    /** The storage term of an incarnation. */
    public static long storageTerm(long incarnation) {
      return incarnation >>> STARTS_BITS;
    }

    /** The incarnation of a storage term and a number of starts. */
    public static long incarnation(long storageTerm, long starts) {
      return storageTerm << STARTS_BITS | starts;
    }

    /** host:port, as people and JSON read it. */
    public String address() {
      return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
  }

  private final Epoch epoch;
  private final List<Node> nodes;
  private final @Nullable Node[] byId;
  private final short[] owners;
  private final LostSlots lost;

  /** A map of these owners, of which no slot was ever lost; otherwise as the other. */
  public ClusterMap(Epoch epoch, List<Node> nodes, short[] owners) {
    this(epoch, nodes, owners, LostSlots.NONE);
  }

  /**
   * A map of these owners.
   *
   * @param owners node id of every slot, as unsigned 16-bit numbers; taken over
   */
  public ClusterMap(Epoch epoch, List<Node> nodes, short[] owners, LostSlots lost) {
    if (owners.length != SlotId.COUNT) {
      throw new IllegalArgumentException(owners.length + " owners");
    }
    this.epoch = epoch;
    var sorted = new TreeMap<NodeId, Node>();
    for (Node node : nodes) {
      if (sorted.put(node.id(), node) != null) {
        throw new IllegalArgumentException("node " + node.id() + " is listed twice");
      }
    }
    if (sorted.isEmpty()) {
      throw new IllegalArgumentException("no nodes");
    }
    this.nodes = List.copyOf(sorted.values());
    this.byId = new @Nullable Node[sorted.lastKey().value() + 1];
    for (Node node : this.nodes) {
      byId[node.id().value()] = node;
    }
    this.owners = owners;
    this.lost = lost;
    for (short owner : owners) {
      int id = Short.toUnsignedInt(owner);
      if (id >= byId.length || byId[id] == null) {
        throw new IllegalArgumentException("a slot is owned by n" + id + ", which is not listed");
      }
    }
  }

  /** The first map of an instance: epoch 1, slot s on the (s mod n)-th of the nodes by id. */
  public static ClusterMap initial(List<Node> nodes) {
    List<Node> sorted = nodes.stream().sorted((a, b) -> a.id().compareTo(b.id())).toList();
    var owners = new short[SlotId.COUNT];
    for (int slot = 0; slot < owners.length; slot++) {
      owners[slot] = (short) sorted.get(slot % sorted.size()).id().value();
    }
    return new ClusterMap(Epoch.FIRST, sorted, owners);
  }

  public Epoch epoch() {
    return epoch;
  }

  /** Slots that were lost with their nodes. */
  public LostSlots lost() {
    return lost;
  }

  /** All nodes, by id. */
  public List<Node> nodes() {
    return nodes;
  }

  /** The map of the next epoch, with these nodes and owners. */
  public ClusterMap next(List<Node> nextNodes, short[] nextOwners) {
    return new ClusterMap(new Epoch(epoch.value() + 1), nextNodes, nextOwners, lost);
  }

  /** The map of the next epoch, with these lost slots. */
  public ClusterMap next(List<Node> nextNodes, short[] nextOwners, LostSlots nextLost) {
    return new ClusterMap(new Epoch(epoch.value() + 1), nextNodes, nextOwners, nextLost);
  }

  /** Whether the same nodes are there, each doing the same, and every slot has the same owner. */
  public boolean hasNodesAndOwnersOf(ClusterMap other) {
    return Arrays.equals(owners, other.owners)
        && nodes.size() == other.nodes.size()
        && nodes.stream()
            .allMatch(node -> {
              Node there = other.node(node.id());
              return there != null && there.state() == node.state();
            });
  }

  /** The node with this id, or null. */
  public @Nullable Node node(NodeId id) {
    return id.value() < byId.length ? byId[id.value()] : null;
  }

  /** Whether a node is known and takes part in the instance. */
  public boolean isMember(NodeId id) {
    Node node = node(id);
    return node != null && node.isMember();
  }

  /** The node that owns a slot. */
  public NodeId owner(SlotId slot) {
    return new NodeId(ownerValue(slot.value()));
  }

  /** {@link #owner} as numbers, without objects. */
  public int ownerValue(int slot) {
    return Short.toUnsignedInt(owners[slot]);
  }

  /** The slots of a node, as bits. */
  public BitSet slotsOf(NodeId node) {
    var slots = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < owners.length; slot++) {
      if (ownerValue(slot) == node.value()) {
        slots.set(slot);
      }
    }
    return slots;
  }

  /** A copy of the owner table. */
  public short[] owners() {
    return owners.clone();
  }

  /** The nodes that own at least one slot, by id. */
  public List<NodeId> owningNodes() {
    var ids = new TreeSet<NodeId>();
    for (short owner : owners) {
      ids.add(new NodeId(Short.toUnsignedInt(owner)));
    }
    return List.copyOf(ids);
  }

  /** This map with one node's entry replaced or added. */
  public ClusterMap withNode(Node node) {
    var merged = new TreeMap<NodeId, Node>();
    nodes.forEach(n -> merged.put(n.id(), n));
    merged.put(node.id(), node);
    return new ClusterMap(epoch, List.copyOf(merged.values()), owners, lost);
  }

  /** This map with a node's newer address, in the state that this map has for the node. */
  public ClusterMap withAddress(Node address) {
    Node known = node(address.id());
    return known == null || known.incarnation() >= address.incarnation()
        ? this
        : withNode(address.in(known.state()));
  }

  /**
   * The newer of two maps, with each node's newest address. Of two of one epoch, nodes that only
   * one has are kept: where to ask for a newer one.
   */
  public ClusterMap merge(ClusterMap other) {
    boolean otherIsNewer = other.epoch.isAfter(epoch);
    ClusterMap newer = otherIsNewer ? other : this;
    ClusterMap older = otherIsNewer ? this : other;
    ClusterMap result = newer;
    for (Node node : newer.nodes) {
      Node seen = older.node(node.id());
      if (seen != null) {
        result = result.withAddress(seen);
      }
    }
    if (epoch.equals(other.epoch)) {
      for (Node node : older.nodes) {
        if (result.node(node.id()) == null) {
          result = result.withNode(node);
        }
      }
    }
    return result;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ClusterMap map
        && epoch.equals(map.epoch)
        && nodes.equals(map.nodes)
        && Arrays.equals(owners, map.owners)
        && lost.equals(map.lost);
  }

  @Override
  public int hashCode() {
    return epoch.hashCode() * 31 + nodes.hashCode();
  }

  @Override
  public String toString() {
    return "map of epoch " + epoch.value() + " over " + nodes.size() + " nodes";
  }
}
