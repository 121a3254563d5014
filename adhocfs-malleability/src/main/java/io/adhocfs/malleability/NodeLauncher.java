package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.List;

/**
 * Starts and removes the daemons of nodes that come and go. {@link NodeChanges} decides which nodes
 * there are, draws their ids and data directories and records them; an implementation knows only
 * how a process gets onto a host: by ssh, as a step of a Slurm job, as a child on this machine, or
 * in the way of some other batch system.
 *
 * <p>Methods block until the daemons are ready or gone, and may be called by several threads.
 */
public interface NodeLauncher {
  /**
   * Refuses new nodes that could not work together with the present nodes, before the new nodes are
   * recorded or started. Their ids may still change.
   *
   * @throws FsException INVALID, saying what to do instead
   */
  void check(InstanceDescription instance, List<Place> places) throws FsException;

  /**
   * Starts the daemons of new nodes, side by side, and waits until all are ready. The places are
   * recorded before, so that a daemon is found and removed even if this process dies.
   *
   * @param instance the instance as recorded, with these places
   * @return the nodes with their addresses, in the order of the places
   * @throws FsException naming a node that could not be started; other nodes may run by then, and
   *     the caller removes all of these places
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
