package io.adhocfs.cli.process;

import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.malleability.NodeControl;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Daemons as processes: on this machine from the class path of this JVM, on other hosts by the
 * instance's setting remote.start. Thread-safe.
 */
public final class NodeProcesses implements NodeControl {
  private final InstanceDirectory directory;
  private final Consumer<String> notes;

  /** Says nothing while it waits. */
  public NodeProcesses(InstanceDirectory directory) {
    this(directory, note -> {});
  }

  /**
   * Of the instances in a directory.
   *
   * @param notes told what is waited for where it takes long, by several threads
   */
  public NodeProcesses(InstanceDirectory directory, Consumer<String> notes) {
    this.directory = directory;
    this.notes = notes;
  }

  @Override
  public List<ClusterMap.Node> start(InstanceDescription instance, List<Place> places)
      throws FsException {
    List<ClusterMap.Node> started = new ArrayList<>();
    FsException failure = null;
    for (Outcome<Place, RunningDaemon> outcome :
        InParallel.run(places, new Nodes(instance, directory, notes)::startNew)) {
      if (outcome.failure() != null && failure == null) {
        failure =
            new FsException(
                outcome.failure().error(),
                "node " + outcome.item().id() + ": " + outcome.failure().getMessage(),
                outcome.failure());
      } else if (outcome.result() != null) {
        started.add(outcome.result().node());
      }
    }
    if (failure != null) {
      throw failure;
    }
    return started;
  }

  @Override
  public void remove(InstanceDescription instance, Place place) throws FsException {
    new Nodes(instance, directory, notes).remove(place);
  }
}
