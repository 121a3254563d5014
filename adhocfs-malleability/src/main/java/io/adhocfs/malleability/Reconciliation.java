package io.adhocfs.malleability;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Brings the record of an instance in line with the agreed state of its daemons, which wins: the
 * record says where to look for daemons, not which nodes there are.
 */
public final class Reconciliation {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private Reconciliation() {}

  /**
   * Records which nodes a map has, and their addresses. For a node that is in the map and not in
   * the record, the daemon is asked for its data directory; a node whose daemon does not answer
   * stays unrecorded.
   *
   * @param known the instance as read from the record
   * @param agreed the newest map of any daemon; the connection uses it
   * @return the instance as recorded now
   * @throws FsException NOT_FOUND if the instance is not recorded any more
   */
  public static InstanceDescription reconcile(
      InstanceDirectory directory,
      InstanceDescription known,
      AdminConnection connection,
      ClusterMap agreed)
      throws FsException {
    InstanceDescription newest = directory.read(known.instance().name());
    List<Place> found = unwritten(newest, connection, agreed);
    return directory.update(known, written -> written.withPlaces(found).agreeingWith(agreed));
  }

  private static List<Place> unwritten(
      InstanceDescription written, AdminConnection connection, ClusterMap agreed) {
    List<NodeId> missing =
        agreed.nodes().stream()
            .filter(node -> node.isMember() && written.place(node.id()) == null)
            .map(ClusterMap.Node::id)
            .toList();
    if (missing.isEmpty()) {
      return List.of();
    }
    // Recorded nodes are asked too: they tell the names by which their machines are reached.
    Map<NodeId, Reply.Status> answers =
        connection
            .askAll(
                agreed.nodes().stream().map(ClusterMap.Node::id).toList(),
                new ControlRequest.GetStatus(),
                Reply.Status.class,
                PATIENCE)
            .answers();
    List<Place> found = new ArrayList<>();
    for (NodeId node : missing) {
      Reply.Status answer = answers.get(node);
      ClusterMap.Node address = agreed.node(node);
      if (answer != null && address != null) {
        NodeStatus status = answer.status();
        String host =
            written.places().stream()
                .filter(place -> {
                  Reply.Status other = answers.get(place.id());
                  return other != null && other.status().hostName().equals(status.hostName());
                })
                .map(Place::host)
                .findFirst()
                .orElse(address.host());
        found.add(new Place(node, host, status.dataDirectory()));
      }
    }
    return found;
  }
}
