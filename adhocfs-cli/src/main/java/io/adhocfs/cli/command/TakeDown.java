package io.adhocfs.cli.command;

import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.cli.process.Nodes;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Removes an instance: mounts, daemons, data, and its record. */
final class TakeDown {
  private static final Duration SHUTDOWN_PATIENCE = Duration.ofSeconds(5);

  private final InstanceDescription description;
  private final InstanceDirectory directory;
  private final Consumer<String> notes;

  /**
   * For one instance.
   *
   * @param notes told what a long wait is for; called by several threads
   */
  TakeDown(InstanceDescription description, InstanceDirectory directory, Consumer<String> notes) {
    this.description = description;
    this.directory = directory;
    this.notes = notes;
  }

  /** Tells the user how to remove what is left. */
  String howToGoOn() {
    String down = "adhocfs down --name " + description.instance().name();
    return "the instance stays recorded: '%s' tries again, '%s --forget' forgets what is left"
        .formatted(down, down);
  }

  /**
   * Unmounts everywhere.
   *
   * @return what is still mounted and why, a sentence each
   */
  List<String> unmount(boolean force) throws FsException {
    return new Mounts(description, directory, notes).unmountAll(force);
  }

  /**
   * Ends the daemons and removes their data.
   *
   * @return what is left and why, a sentence each
   */
  List<String> removeNodes() {
    if (!description.instance().nodes().isEmpty()) {
      // First ask all daemons at once: each closes its files and removes its directory by itself.
      // Daemons that do not answer are removed below, so failures do not matter here.
      try (AdminConnection connection = AdminConnection.open(description.instance())) {
        var _ =
            connection.askAll(
                description.instance().nodes().stream().map(ClusterMap.Node::id).toList(),
                new ControlRequest.Shutdown(true),
                Reply.Done.class,
                SHUTDOWN_PATIENCE);
      } catch (FsException e) {
        throw new IllegalStateException(e);
      }
    }
    var nodes = new Nodes(description, directory, notes);
    List<String> left = new ArrayList<>();
    for (Outcome<Place, Boolean> outcome :
        InParallel.run(
            description.places(),
            place -> {
              nodes.remove(place);
              return true;
            })) {
      if (outcome.failure() != null) {
        left.add("node " + outcome.item().id() + ": " + outcome.failure().getMessage());
      }
    }
    return left;
  }

  /**
   * Removes all of the instance, whatever state it is in. If something is left, the instance stays
   * recorded, so that the rest can be found and removed.
   *
   * @return what is left and why, a sentence each
   */
  List<String> afterFailedStart() {
    List<String> left = new ArrayList<>();
    try {
      left.addAll(unmount(true));
      left.addAll(removeNodes());
      if (left.isEmpty()) {
        directory.remove(description.instance().name());
      } else {
        left.add(howToGoOn());
      }
    } catch (FsException e) {
      left.add(e.getMessage());
    }
    return left;
  }
}
