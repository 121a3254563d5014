package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Everything that the control plane agrees on, in parts that each apply the commands of their kind.
 * Immutable; {@link #apply} is a pure function, so two replicas that have applied the same commands
 * hold equal states.
 *
 * <p>The epoch rises by one with every command that changes the owner of a slot, the list of nodes
 * or what one of them is doing, or a switch; addresses and progress change without.
 *
 * @param version how many commands have changed the state
 */
public record ControlState(
    long version, Membership membership, VoterSet voterSet, DatasetPolicies policies) {
  /** More commands than voters agree on before those that are left notice that they are gone. */
  private static final int FORCED_STEP = 1 << 20;

  public ControlState {
    if (version < 0) {
      throw new IllegalArgumentException("version " + version);
    }
    for (NodeId voter : voterSet.ids()) {
      if (membership.map().node(voter) == null) {
        throw new IllegalArgumentException("voter " + voter + " is not in " + membership.map());
      }
    }
  }

  /** A state and what the command that led to it came to; a refused one leads to the same state. */
  public record Applied(ControlState state, Outcome outcome) {}

  /** The state of an instance that has just been brought up with this map. */
  public static ControlState initial(ClusterMap map) {
    return new ControlState(
        0,
        new Membership(map, null, null),
        new VoterSet(VoterSet.wanted(map, List.of()), 0),
        DatasetPolicies.NONE);
  }

  public ClusterMap map() {
    return membership.map();
  }

  public Epoch epoch() {
    return map().epoch();
  }

  /** What is under way, or null. */
  public @Nullable Rebalance rebalance() {
    return membership.rebalance();
  }

  /** What ended last, or null. */
  public @Nullable FinishedRebalance last() {
    return membership.last();
  }

  /** The nodes that agree on commands, by id. */
  public List<NodeId> voters() {
    return voterSet.ids();
  }

  /** How often the voters have been replaced: each set of them agrees in a log of its own. */
  public int configuration() {
    return voterSet.configuration();
  }

  /** The voters that this state's map wants. */
  public List<NodeId> wantedVoters() {
    return VoterSet.wanted(map(), voters());
  }

  /** Nodes that were given up as lost and still vote: others have not been set in their place. */
  public List<NodeId> lostVoters() {
    return voters().stream().filter(map().lost().nodes()::contains).toList();
  }

  /** What is held back, by resource and scope. */
  public List<ThrottleRule> throttles() {
    return policies.throttles();
  }

  /** Directories that rules and switches can name, by number. */
  public List<Dataset> datasets() {
    return policies.datasets();
  }

  /** The dataset of this path, or null. */
  public @Nullable Dataset dataset(String path) {
    return policies.dataset(path);
  }

  /** Switches that have been set, by dataset and setting. */
  public List<SettingChange> changes() {
    return policies.changes();
  }

  /**
   * The switches that have been set, with those that a dataset has from others it lies within said
   * of itself: the innermost counts.
   */
  public List<SettingChange> inheritedChanges() {
    return policies.inheritedChanges();
  }

  /**
   * As of which epoch the switches are known: of a stand-in, which knows the map alone, the first.
   */
  public Epoch settingsEpoch() {
    return version == 0 ? Epoch.FIRST : epoch();
  }

  /** What a command makes of this state. */
  public Applied apply(ControlCommand command) {
    return switch (command) {
      case ControlCommand.OfNodes of -> moved(membership.apply(of));
      case ControlCommand.OfRebalance of -> moved(Rebalancing.apply(membership, of));
      case ControlCommand.SetVoters set -> {
        Step<VoterSet> step = voterSet.apply(set, map());
        yield applied(membership, step.part(), policies, step.outcome());
      }
      case ControlCommand.OfPolicies of -> {
        Step<DatasetPolicies> step = policies.apply(of);
        yield applied(told(step.part()), voterSet, step.part(), step.outcome());
      }
    };
  }

  private Applied moved(Step<Membership> step) {
    return applied(step.part(), voterSet, policies, step.outcome());
  }

  /** Who uses the instance hears of switches by the epoch. */
  private Membership told(DatasetPolicies then) {
    return then.inheritedChanges().equals(policies.inheritedChanges())
        ? membership
        : membership.with(map().next(map().nodes(), map().owners()));
  }

  private Applied applied(
      Membership newMembership, VoterSet newVoters, DatasetPolicies newPolicies, Outcome outcome) {
    return new Applied(
        outcome.equals(Outcome.OK)
            ? new ControlState(version + 1, newMembership, newVoters, newPolicies)
            : this,
        outcome);
  }

  /**
   * This state, with voters of which nobody was asked who voted before: for those that are left
   * when most of the voters are lost. Version, epoch and configuration are far above all that the
   * old voters may have agreed on since, so whoever of them comes back follows.
   *
   * @param alive nodes of which some vote from then on
   */
  public ControlState forced(List<NodeId> alive) {
    ClusterMap map = map();
    return new ControlState(
        version + FORCED_STEP,
        membership.with(
            new ClusterMap(
                new Epoch(map.epoch().value() + FORCED_STEP),
                map.nodes(),
                map.owners(),
                map.lost())),
        voterSet.forced(map, alive, FORCED_STEP),
        policies);
  }

  @Override
  public String toString() {
    return "control state "
        + version
        + ": "
        + map()
        + ", voters "
        + voters()
        + (rebalance() == null ? "" : ", " + rebalance());
  }
}
