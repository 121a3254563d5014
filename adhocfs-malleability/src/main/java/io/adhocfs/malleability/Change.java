package io.adhocfs.malleability;

import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.NodeId;
import java.util.List;

/** A change of the set of nodes of an instance. */
public sealed interface Change {
  /** In place of a host: the machine that this process runs on. */
  String THIS_MACHINE = "";

  /** The kind by which the daemons know this change. */
  Rebalance.Kind kind();

  /** Adds one node on each of these hosts; a host may be named several times. */
  record Expand(List<String> hosts) implements Change {
    public Expand {
      hosts = List.copyOf(hosts);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.EXPAND;
    }
  }

  /** Removes these nodes. */
  record Shrink(List<NodeId> nodes) implements Change {
    public Shrink {
      nodes = List.copyOf(nodes);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.SHRINK;
    }
  }

  /** Replaces all nodes of the instance by a new node on each of these hosts. */
  record Relocate(List<String> hosts) implements Change {
    public Relocate {
      hosts = List.copyOf(hosts);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.RELOCATE;
    }
  }

  /** The hosts of the new nodes. */
  default List<String> added() {
    return switch (this) {
      case Expand expand -> expand.hosts();
      case Relocate relocate -> relocate.hosts();
      case Shrink _ -> List.of();
    };
  }
}
