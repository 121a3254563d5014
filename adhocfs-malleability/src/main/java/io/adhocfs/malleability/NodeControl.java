package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.List;

/** Starts and removes the daemons of nodes that come and go. Thread-safe. */
public interface NodeControl {
  /**
   * Refuses new nodes that could not work together with the present nodes, before the new nodes are
   * recorded or started. Their ids may still change.
   *
   * @throws FsException INVALID, saying what to do instead
   */
  void check(InstanceDescription instance, List<Place> places) throws FsException;

  /**
   * Starts the daemons of new nodes, side by side, and waits until all are ready.
   *
   * @return the nodes with their addresses, in the order of the places
   * @throws FsException naming a node that could not be started; other nodes may run by then
   */
  List<ClusterMap.Node> start(InstanceDescription instance, List<Place> places) throws FsException;

  /**
   * Ends a node's daemon, by a kill if need be, and removes its data; does nothing if nothing is
   * left.
   *
   * @throws FsException if something is left
   */
  void remove(InstanceDescription instance, Place place) throws FsException;
}
