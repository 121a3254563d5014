package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Nodes that have left and are still recorded: waits for the end of their daemons, and removes
 * their data and places. For one thread.
 */
final class DepartedNodes {
  /** How long a daemon may take to tell that it still runs. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final Duration END_PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MILLIS = 100;

  private final Agreement agreement;
  private final RecordedInstance recorded;
  private final NodeLauncher launcher;
  private final AnsweringNodes answering;

  DepartedNodes(
      Agreement agreement,
      RecordedInstance recorded,
      NodeLauncher launcher,
      AnsweringNodes answering) {
    this.agreement = agreement;
    this.recorded = recorded;
    this.launcher = launcher;
    this.answering = answering;
  }

  /**
   * Waits up to a minute until nodes that have left have ended, which they do by themselves, and
   * removes what they left.
   *
   * @return what could not be removed and why, a sentence each
   * @throws FsException INTERRUPTED, with nothing removed
   */
  List<String> awaitEnds() throws FsException {
    long limit = System.nanoTime() + END_PATIENCE.toNanos();
    while (System.nanoTime() - limit < 0 && !running(gonePlaces()).isEmpty()) {
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new FsException(
            FsError.INTERRUPTED, "interrupted while waiting for the end of nodes", e);
      }
    }
    return bringUpToDate();
  }

  /**
   * Records which nodes are part of the instance now, and removes what nodes that have left and
   * ended may have left behind. A place whose data could not be removed stays recorded, for the
   * next change of the nodes and for the end of the instance.
   *
   * @return what could not be removed and why, a sentence each
   */
  List<String> bringUpToDate() throws FsException {
    recorded.reconcile(agreement);
    List<Place> gone = new ArrayList<>(gonePlaces());
    Set<NodeId> running = running(gone);
    gone.removeIf(place -> running.contains(place.id()));
    return removeData(gone);
  }

  /**
   * Ends the daemons of nodes and removes their data and places. A place whose data could not be
   * removed stays recorded, for the next change of the nodes and for the end of the instance.
   *
   * @return what could not be removed and why, a sentence each
   */
  List<String> removeData(List<Place> places) {
    List<String> left = new ArrayList<>();
    List<NodeId> removed = new ArrayList<>();
    for (Place place : places) {
      try {
        launcher.remove(recorded.description(), place);
        removed.add(place.id());
      } catch (FsException e) {
        left.add("node " + place.id() + ": " + e.getMessage());
      }
    }
    try {
      recorded.update(written -> written.without(removed));
    } catch (FsException e) {
      left.add(e.getMessage());
    }
    return left;
  }

  /**
   * The places of nodes that have left, without lost nodes: the data of a lost node, should it come
   * back, is the only copy, and is removed only with the instance.
   */
  private List<Place> gonePlaces() {
    ClusterMap map = agreement.state().map();
    return recorded.description().places().stream()
        .filter(place -> {
          ClusterMap.Node node = map.node(place.id());
          return node != null && !node.isMember() && !map.lost().nodes().contains(place.id());
        })
        .toList();
  }

  /** The nodes of these places whose daemons still answer. */
  private Set<NodeId> running(List<Place> places) throws FsException {
    return answering.among(places.stream().map(Place::id).toList(), PATIENCE);
  }
}
