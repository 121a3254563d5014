package io.adhocfs.cli.command;

import io.adhocfs.cli.process.NodeProcesses;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.util.List;

/** The common part of commands that change the set of nodes or show its state. */
abstract class MalleabilityCommand extends Command {
  MalleabilityCommand(Surroundings surroundings) {
    super(surroundings);
  }

  final Controller open(InstanceDescription description) throws FsException {
    watch(description);
    return Controller.open(description.instance());
  }

  final NodeChanges nodes(Controller controller) throws FsException {
    InstanceDirectory directory = directory();
    return controller.nodes(directory, new NodeProcesses(directory, output()::note));
  }

  private void say(List<String> sentences) {
    sentences.forEach(sentence -> output().note("adhocfs: the rebalance " + sentence));
  }

  /** Waits until a rebalance is over, and shows the progress if {@code shows} is true. */
  final FinishedRebalance await(NodeChanges nodes, long id, boolean shows) throws FsException {
    var progress = new RebalanceReport.Progress(output());
    try (var _ =
        new OnSignal(
            "say-what-goes-on",
            () -> {
              progress.clear();
              output()
                  .note(
                      "adhocfs: this command ends, but the rebalance goes on: 'adhocfs rebalance status --wait' waits for it again, 'adhocfs rebalance cancel' undoes it");
            })) {
      return nodes.await(
          id,
          shows ? progress : running -> {},
          sentences -> {
            progress.stalled(!sentences.isEmpty());
            progress.clear();
            say(sentences);
          });
    } finally {
      progress.clear();
    }
  }
}
