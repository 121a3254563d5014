package io.adhocfs.malleability;

import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.NodeId;
import java.util.List;

/** The nodes that an instance is to have instead of those it has. */
public sealed interface Change {
  /** Stands for the machine that this process runs on, where a host is asked for. */
  String THIS_MACHINE = "";

  /** What the daemons call it. */
  Rebalance.Kind kind();

  /** One more node on each of these hosts; a host may be named several times. */
  record Expand(List<String> hosts) implements Change {
    public Expand {
      hosts = List.copyOf(hosts);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.EXPAND;
    }
  }

  /** Without these nodes. */
  record Shrink(List<NodeId> nodes) implements Change {
    public Shrink {
      nodes = List.copyOf(nodes);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.SHRINK;
    }
  }

  /** None of the nodes that it has, but a new one on each of these hosts. */
  record Relocate(List<String> hosts) implements Change {
    public Relocate {
      hosts = List.copyOf(hosts);
    }

    @Override
    public Rebalance.Kind kind() {
      return Rebalance.Kind.RELOCATE;
    }
  }

  /** Hosts of the nodes that come. */
  default List<String> added() {
    return switch (this) {
      case Expand expand -> expand.hosts();
      case Relocate relocate -> relocate.hosts();
      case Shrink _ -> List.of();
    };
  }
}
