package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Draws ids and data directories for the new nodes of a change. */
final class NewPlaces {
  private NewPlaces() {}

  /**
   * The places of new nodes: ids that neither map nor record ever used, and data directories beside
   * the present ones.
   *
   * @param written the record of the instance, with one place at least
   */
  static List<Place> of(Change change, ClusterMap map, InstanceDescription written) {
    int next = 0;
    for (ClusterMap.Node node : map.nodes()) {
      next = Math.max(next, node.id().value() + 1);
    }
    for (Place place : written.places()) {
      next = Math.max(next, place.id().value() + 1);
    }
    Path like = Path.of(written.places().getFirst().dataDirectory());
    Path parent = like.getParent();
    List<Place> places = new ArrayList<>();
    for (String host : change.added()) {
      places.add(
          new Place(new NodeId(next), host, (parent == null ? "" : parent) + "/node-" + next));
      next++;
    }
    return places;
  }
}
