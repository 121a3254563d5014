package io.adhocfs.malleability;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.malleability.verify.LostSearch;
import io.adhocfs.malleability.verify.LostSearch.LostFile;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.ControlRequest;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * Gives up nodes that are lost with their disks: their slots pass, empty, to the other nodes. For
 * one thread.
 */
final class LostNodes {
  private static final int ATTEMPTS_MAX = 50;

  private final Agreement agreement;
  private final DepartedNodes departed;
  private final AnsweringNodes answering;

  LostNodes(Agreement agreement, DepartedNodes departed, AnsweringNodes answering) {
    this.agreement = agreement;
    this.departed = departed;
    this.answering = answering;
  }

  /** As {@link NodeChanges#lose}. */
  List<NodeId> lose(List<NodeId> nodes, boolean force) throws FsException {
    requireNodes(nodes);
    // Nodes that were given up before are not given up again, even if named again.
    List<NodeId> losing =
        nodes.stream().filter(id -> !agreement.state().map().lost().nodes().contains(id)).toList();
    requireSilent(losing);
    if (!losing.isEmpty()) {
      if (force) {
        force(losing);
      } else {
        requireVoters();
        propose(losing);
      }
    }
    List<NodeId> owners = agreement.state().map().owningNodes();
    agreement.tellAll(owners, new ControlRequest.InstallMap(agreement.state().map()));
    var _ = departed.bringUpToDate();
    return owners;
  }

  /** As {@link NodeChanges#searchLost}. */
  List<LostFile> search() throws FsException {
    ClusterMap map = agreement.state().map();
    List<LostFile> files;
    try {
      files = new LostSearch(agreement.connection(), map).search();
    } catch (FsException e) {
      throw new FsException(
          e.error(),
          "the nodes go on, but the search for missing data failed, and programs that touch data which may be missing wait: give the command again ("
              + e.getMessage()
              + ")",
          e);
    }
    if (map.lost().losses() > map.lost().searched()) {
      agreement.propose(new ControlCommand.Searched(map.lost().losses()));
    }
    return files;
  }

  private void requireNodes(List<NodeId> nodes) throws FsException {
    ClusterMap map = agreement.state().map();
    for (NodeId id : nodes) {
      ClusterMap.Node node = map.node(id);
      boolean lost = map.lost().nodes().contains(id);
      if (node == null || (!node.isMember() && !lost)) {
        throw new FsException(FsError.INVALID, "the instance has no node " + id);
      }
    }
  }

  private void requireSilent(List<NodeId> losing) throws FsException {
    Set<NodeId> alive = answering.among(losing);
    if (!alive.isEmpty()) {
      throw new FsException(
          FsError.INVALID,
          "%s answers, so it is not lost: 'adhocfs shrink --remove %s' lets it hand over its data"
              .formatted(named(alive), NodeNames.words(alive)));
    }
  }

  /**
   * Refuses, naming the silent voters, if the nodes cannot agree on anything.
   *
   * @throws FsException UNREACHABLE if most voters do not answer
   */
  private void requireVoters() throws FsException {
    List<NodeId> voters = agreement.state().voters();
    Set<NodeId> alive = answering.among(voters);
    if (alive.size() <= voters.size() / 2) {
      List<NodeId> silent = voters.stream().filter(id -> !alive.contains(id)).toList();
      throw new FsException(
          FsError.UNREACHABLE,
          "%s of the %d voters %s not answer (%s), and without most voters the nodes cannot agree on a change: start %s with 'adhocfs start %s', or, if their disks are lost, give --force too, so that the other nodes decide alone"
              .formatted(
                  silent.size(),
                  voters.size(),
                  silent.size() == 1 ? "does" : "do",
                  named(silent),
                  silent.size() == 1 ? "it" : "them",
                  NodeNames.words(silent)));
    }
  }

  private void propose(List<NodeId> losing) throws FsException {
    for (int attempt = 1; ; attempt++) {
      ControlCommand.Lose loss = loss(losing);
      try {
        agreement.propose(loss);
        return;
      } catch (FsException e) {
        if (e.error() != FsError.BUSY
            || attempt == ATTEMPTS_MAX
            || !agreement.refresh().map().epoch().isAfter(loss.base())) {
          throw e;
        }
      }
    }
  }

  /**
   * Lets the remaining nodes decide without most voters, by a state that outbids the voters' state:
   * a voter that comes back learns of it and follows.
   */
  private void force(List<NodeId> losing) throws FsException {
    List<NodeId> voters = agreement.state().voters();
    Set<NodeId> aliveVoters = answering.among(voters);
    if (aliveVoters.size() > voters.size() / 2) {
      throw new FsException(
          FsError.INVALID,
          "most voters answer (%s of %s): --force is for when they do not"
              .formatted(aliveVoters, voters));
    }
    List<NodeId> left = takers(losing);
    Set<NodeId> alive = answering.among(left);
    List<NodeId> silent = left.stream().filter(id -> !alive.contains(id)).toList();
    if (!silent.isEmpty()) {
      throw new FsException(
          FsError.UNREACHABLE,
          "%s, which would go on, does not answer either: start it with 'adhocfs start %s', or give it up too"
              .formatted(named(silent), NodeNames.words(silent)));
    }
    ControlState.Applied lost = agreement.state().apply(loss(losing));
    if (!lost.outcome().accepted()) {
      throw new FsException(FsError.BUSY, lost.outcome().message());
    }
    ControlState forced = lost.state().forced(List.copyOf(alive));
    agreement.tellAll(alive, new ControlRequest.ForceState(forced));
    agreement.refresh();
  }

  private ControlCommand.Lose loss(List<NodeId> losing) throws FsException {
    ClusterMap base = agreement.state().map();
    return new ControlCommand.Lose(
        losing,
        base.epoch(),
        SlotPlan.ofLost(base.owners(), Set.copyOf(losing), takers(losing)).target(),
        WallClock.nanos(InstantSource.system()));
  }

  /** The nodes that may take the lost slots: the active nodes, else all remaining nodes. */
  private List<NodeId> takers(List<NodeId> losing) throws FsException {
    List<ClusterMap.Node> left =
        agreement.nodes().stream().filter(node -> !losing.contains(node.id())).toList();
    List<NodeId> active =
        Agreement.ids(left.stream().filter(node -> node.state() == NodeState.ACTIVE).toList());
    if (left.isEmpty()) {
      throw new FsException(
          FsError.INVALID, "no node would be left: 'adhocfs down --force' removes the instance");
    }
    return active.isEmpty() ? Agreement.ids(left) : active;
  }

  private String named(Collection<NodeId> nodes) {
    return NodeNames.withAddresses(agreement.state().map(), nodes);
  }
}
