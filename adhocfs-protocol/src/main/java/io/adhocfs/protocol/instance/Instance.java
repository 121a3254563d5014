package io.adhocfs.protocol.instance;

import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import java.util.List;

/**
 * An instance as its file describes it. The nodes are contacts: where daemons were last known to
 * be; the map itself is asked from any of them.
 *
 * @param name how its user calls it; a directory name
 * @param id unique for ever; both ends of every connection must have the same
 * @param secret 32 bytes that every process of the instance holds and nobody else
 * @param nodes last known addresses, at least one
 */
public record Instance(
    String name, String id, byte[] secret, Settings settings, List<ClusterMap.Node> nodes) {
  public Instance {
    nodes = List.copyOf(nodes);
  }

  /** Never shows the secret. */
  @Override
  public String toString() {
    return "instance " + name + " (" + id + ") of " + nodes.size() + " nodes";
  }
}
