package io.adhocfs.client.routing;

import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.util.List;

/** Where daemons were last known to be. May wait; is asked on a thread that may. */
@FunctionalInterface
public interface ContactSource {
  /** Last known addresses, at least one. */
  List<ClusterMap.Node> contacts() throws IOException;
}
