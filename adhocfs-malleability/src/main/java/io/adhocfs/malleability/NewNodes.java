package io.adhocfs.malleability;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import java.util.ArrayList;
import java.util.List;

/**
 * Adds nodes that own no slots yet, and removes them again if the change that needs them does not
 * begin. For one thread.
 */
final class NewNodes {
  private final Agreement agreement;
  private final RecordedInstance recorded;
  private final NodeLauncher launcher;
  private final DepartedNodes departed;

  NewNodes(
      Agreement agreement,
      RecordedInstance recorded,
      NodeLauncher launcher,
      DepartedNodes departed) {
    this.agreement = agreement;
    this.recorded = recorded;
    this.launcher = launcher;
    this.departed = departed;
  }

  /**
   * Starts the daemons of new nodes and makes the nodes known to all; they own no slots yet.
   *
   * @return the places of the new nodes; none if the change adds no node
   * @throws FsException what {@link NodeLauncher} throws and what a proposal throws, with all new
   *     nodes taken back
   */
  List<Place> join(Change change) throws FsException {
    if (change.added().isEmpty()) {
      return List.of();
    }
    launcher.check(
        recorded.description(),
        NewPlaces.of(change, agreement.state().map(), recorded.description()));
    // Recorded first, so that every started daemon can be found and taken down. The ids are drawn
    // from the record of that moment, so that no other command draws the same ids.
    List<Place> places = new ArrayList<>();
    recorded.update(written -> {
      places.clear();
      places.addAll(NewPlaces.of(change, agreement.state().map(), written));
      return written.withPlaces(places);
    });
    try {
      List<ClusterMap.Node> joining =
          launcher.start(recorded.description(), places).stream()
              .map(node ->
                  new ClusterMap.Node(
                      node.id(),
                      node.host(),
                      node.port(),
                      node.socketPath(),
                      node.incarnation(),
                      NodeState.JOINING))
              .toList();
      ClusterMap map = agreement.state().map();
      for (ClusterMap.Node node : joining) {
        map = map.withNode(node);
      }
      agreement.connection().useMap(map);
      agreement.propose(new ControlCommand.Join(joining));
      agreement.connection().useMap(agreement.state().map());
      agreement.tellAll(
          Agreement.ids(joining), new ControlRequest.InstallMap(agreement.state().map()));
      recorded.update(written -> written.agreeingWith(agreement.state().map()));
      return places;
    } catch (FsException e) {
      takeBack(places, e);
      throw e;
    }
  }

  /**
   * Removes new nodes again: from the map if they are in it, their daemons and data, and from the
   * record. A step that fails is reported with the failure; the next change of the nodes removes
   * what is left.
   *
   * <p>If the nodes have not agreed that a new node leaves, its daemon and data stay: the failed
   * command may have been agreed on all the same, or another command may have given the node slots.
   */
  void takeBack(List<Place> places, FsException failure) {
    if (places.isEmpty()) {
      return;
    }
    try {
      ClusterMap map = agreement.refresh().map();
      List<NodeId> members = places.stream().map(Place::id).filter(map::isMember).toList();
      if (!members.isEmpty()) {
        agreement.propose(new ControlCommand.Leave(members));
      }
    } catch (FsException e) {
      failure.addSuppressed(e);
      return;
    }
    List<String> left = departed.removeData(places);
    left.forEach(sentence -> failure.addSuppressed(new IllegalStateException(sentence)));
  }

  /**
   * Removes nodes that were added by a command that ended too early, and waits until they have
   * ended.
   *
   * @param leaving nodes that stay, since the change removes them itself
   */
  void removeIdle(List<NodeId> leaving) throws FsException {
    List<NodeId> idle =
        Agreement.ids(
            agreement.nodes().stream()
                .filter(node -> agreement.isIdle(node) && !leaving.contains(node.id()))
                .toList());
    if (!idle.isEmpty()) {
      agreement.propose(new ControlCommand.Leave(idle));
      var _ = departed.awaitEnds();
    }
  }
}
