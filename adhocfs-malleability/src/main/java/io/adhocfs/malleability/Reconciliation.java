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
 * Brings what is written down of an instance in line with what its daemons have agreed on, which
 * wins: the file is where the daemons are looked for, not who they are.
 */
public final class Reconciliation {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private Reconciliation() {}

  /**
   * Writes down which nodes a map has and where they are. Of a node that the map has and the file
   * has not, the daemon is asked where it stores; one that does not answer stays unwritten.
   *
   * @param known what was read of the instance
   * @param agreed the newest map that any daemon has told; the connection uses it
   * @return what is written down now
   * @throws FsException NOT_FOUND when the instance is not written down any more
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
    // The others too: they tell by which name their machines are reached.
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
