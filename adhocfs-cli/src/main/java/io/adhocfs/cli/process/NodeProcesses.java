package io.adhocfs.cli.process;

import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.malleability.NodeLauncher;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Daemons as processes: on this machine from the class path of this JVM, on other hosts by the
 * instance's setting remote.start. Thread-safe.
 */
public final class NodeProcesses implements NodeLauncher {
  private final InstanceDirectory directory;
  private final Consumer<String> notes;

  /** For instances that are recorded in a directory; waits and warnings are not reported. */
  public NodeProcesses(InstanceDirectory directory) {
    this(directory, _ -> {});
  }

  /**
   * For instances that are recorded in a directory.
   *
   * @param notes told what a long wait is for, and the warnings of started daemons; called by
   *     several threads
   */
  public NodeProcesses(InstanceDirectory directory, Consumer<String> notes) {
    this.directory = directory;
    this.notes = notes;
  }

  @Override
  public void check(InstanceDescription instance, List<Place> places) throws FsException {
    for (Place place : places) {
      NodeAddress.requireReachable(instance, place);
    }
  }

  @Override
  public List<ClusterMap.Node> start(InstanceDescription instance, List<Place> places)
      throws FsException {
    List<ClusterMap.Node> started = new ArrayList<>();
    Map<String, List<String>> warnings = new TreeMap<>();
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
        warnings
            .computeIfAbsent(outcome.result().warning(), _ -> new ArrayList<>())
            .add(outcome.item().id().toString());
      }
    }
    if (failure != null) {
      throw failure;
    }
    warnings.forEach((warning, nodes) -> {
      if (!warning.isEmpty()) {
        notes.accept("warning: " + String.join(", ", nodes) + ": " + warning);
      }
    });
    return started;
  }

  @Override
  public void remove(InstanceDescription instance, Place place) throws FsException {
    new Nodes(instance, directory, notes).remove(place);
  }
}
