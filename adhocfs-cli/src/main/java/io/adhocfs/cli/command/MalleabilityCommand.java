package io.adhocfs.cli.command;

import io.adhocfs.cli.process.NodeProcesses;
import io.adhocfs.malleability.Malleability;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;

/** What the commands that change the nodes, or ask how that stands, have in common. */
abstract class MalleabilityCommand extends Command {
  MalleabilityCommand(Surroundings surroundings) {
    super(surroundings);
  }

  final Malleability open() throws UsageException, FsException {
    return open(instance());
  }

  final Malleability open(InstanceDescription description) throws FsException {
    InstanceDirectory directory = directory();
    return Malleability.open(
        directory, description.instance().name(), new NodeProcesses(directory, output()::note));
  }

  /** Waits until a rebalance is over, and shows how far it is where that is wanted. */
  final FinishedRebalance await(Malleability malleability, long id, boolean shows)
      throws FsException {
    if (!shows) {
      return malleability.await(id, running -> {});
    }
    var progress = new RebalanceReport.Progress(output());
    try {
      return malleability.await(id, progress);
    } finally {
      progress.clear();
    }
  }
}
