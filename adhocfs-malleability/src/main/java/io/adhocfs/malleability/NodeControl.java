package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.List;

/** How daemons are started and removed where nodes come and go. Thread-safe. */
public interface NodeControl {
  /**
   * Refuses new nodes that could not work together with those that are there, before anything of
   * them is written down or started. Their numbers may still change.
   *
   * @throws FsException INVALID, saying what has to be done instead
   */
  void check(InstanceDescription instance, List<Place> places) throws FsException;

  /**
   * Starts the daemons of new nodes, side by side, and waits until all are ready.
   *
   * @return where they are, in the order of the places
   * @throws FsException naming a node that could not be started; others may run by then
   */
  List<ClusterMap.Node> start(InstanceDescription instance, List<Place> places) throws FsException;

  /**
   * Ends a node's daemon, however it takes it, and removes its data; nothing happens where there is
   * nothing left.
   *
   * @throws FsException when something is left
   */
  void remove(InstanceDescription instance, Place place) throws FsException;
}
