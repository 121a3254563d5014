package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/**
 * A change of the control plane's state. Proposals are repeated until their outcome is known, so
 * every command, applied a second time, changes nothing and says UNCHANGED (or REFUSED, where
 * others have changed since what it asked for).
 */
public sealed interface ControlCommand {
  /** About nodes: {@link Membership} applies it. */
  sealed interface OfNodes extends ControlCommand {}

  /** About moves of slots: {@link Rebalancing} applies it. */
  sealed interface OfRebalance extends ControlCommand {}

  /** About limits, switches and their directories: {@link DatasetPolicies} applies it. */
  sealed interface OfPolicies extends ControlCommand {}

  /** The longest that a command may be, encoded: an entry of the replicated log is bounded. */
  int BYTES_MAX = 192 << 10;

  /** No longer list is accepted: nodes of more would not fit {@link #BYTES_MAX}. */
  int NODES_MAX = 4096;

  /**
   * Adds nodes, which own nothing yet, in state JOINING, whatever state they are given in. Raises
   * the epoch. Refused when one of the ids is or was another node's.
   */
  record Join(List<ClusterMap.Node> nodes) implements OfNodes {
    public Join {
      nodes = List.copyOf(nodes);
      if (nodes.isEmpty() || nodes.size() > NODES_MAX) {
        throw new IllegalArgumentException(nodes.size() + " nodes to add");
      }
      requireDistinct(nodes.stream().map(ClusterMap.Node::id).toList());
    }
  }

  /**
   * Nodes that were added in vain leave: they become GONE. Raises the epoch. Refused for a node
   * that is not JOINING or GONE, owns a slot or is to own one; UNCHANGED when all are GONE.
   */
  record Leave(List<NodeId> nodes) implements OfNodes {
    public Leave {
      nodes = List.copyOf(nodes);
      if (nodes.isEmpty() || nodes.size() > NODES_MAX) {
        throw new IllegalArgumentException(nodes.size() + " nodes to leave");
      }
      requireDistinct(nodes);
    }
  }

  /**
   * Tells where a node is now. Only a higher incarnation than the known one changes anything; the
   * state that it is given in does not count. Does not raise the epoch. Refused for a node that is
   * not in the map, or GONE.
   */
  record Announce(ClusterMap.Node node) implements OfNodes {}

  /**
   * Begins a rebalance. Raises the epoch. Nodes of the target become ACTIVE, leaving ones DRAINING;
   * what has nothing to move is finished at once.
   *
   * <p>Refused when the map is not of the epoch that it was planned on, when another one runs that
   * it is not to supersede, and when the target has a node that is not in the map, GONE or leaving.
   *
   * @param id positive, drawn by who starts it, never used before
   * @param base epoch of the map that the target was planned on
   * @param target owner wanted for every slot; taken over, never changed
   * @param leaving nodes that are to be GONE once they own nothing
   * @param bytesPerSecond what each source node may send; 0 = no bound
   * @param supersede whether it takes the place of one that runs
   * @param nowNanos since 1970
   */
  record Start(
      long id,
      Rebalance.Kind kind,
      Epoch base,
      short[] target,
      List<NodeId> leaving,
      long bytesPerSecond,
      int batchesAtOnce,
      boolean supersede,
      long nowNanos)
      implements OfRebalance {
    public Start {
      if (id <= 0 || kind == Rebalance.Kind.CANCEL) {
        throw new IllegalArgumentException("start of " + kind + " with id " + id);
      }
      Rebalance.requireEverySlot(target);
      Rebalance.requireLimits(bytesPerSecond, batchesAtOnce);
      leaving = List.copyOf(leaving);
      if (leaving.size() > NODES_MAX) {
        throw new IllegalArgumentException(leaving.size() + " leaving nodes");
      }
      requireDistinct(leaving);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Start that
          && id == that.id
          && kind == that.kind
          && base.equals(that.base)
          && Arrays.equals(target, that.target)
          && leaving.equals(that.leaving)
          && bytesPerSecond == that.bytesPerSecond
          && batchesAtOnce == that.batchesAtOnce
          && supersede == that.supersede
          && nowNanos == that.nowNanos;
    }

    @Override
    public int hashCode() {
      return Long.hashCode(id);
    }
  }

  /**
   * Nodes are lost with all they had: they become GONE, and their slots, empty, belong to others at
   * once ({@link io.adhocfs.protocol.placement.LostSlots}). Raises the epoch. A rebalance that is
   * under way ends: what has moved stays where it is.
   *
   * <p>UNCHANGED when all of them are GONE. Refused when the map is not of the epoch that it was
   * planned on, for a slot that changes hands without being lost, and for one that would go to a
   * node that is not there.
   *
   * @param owners of all slots from then on; taken over, never changed
   * @param nowNanos since 1970
   */
  record Lose(List<NodeId> nodes, Epoch base, short[] owners, long nowNanos) implements OfNodes {
    public Lose {
      nodes = List.copyOf(nodes);
      if (nodes.isEmpty() || nodes.size() > NODES_MAX) {
        throw new IllegalArgumentException(nodes.size() + " nodes to lose");
      }
      Rebalance.requireEverySlot(owners);
      requireDistinct(nodes);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Lose that
          && nodes.equals(that.nodes)
          && base.equals(that.base)
          && Arrays.equals(owners, that.owners)
          && nowNanos == that.nowNanos;
    }

    @Override
    public int hashCode() {
      return nodes.hashCode() * 31 + base.hashCode();
    }
  }

  /**
   * Of the first so many losses it has been written down which chunks are missing. Raises the
   * epoch. UNCHANGED where that is known; refused where there were fewer.
   */
  record Searched(int losses) implements OfNodes {
    public Searched {
      if (losses < 1) {
        throw new IllegalArgumentException(losses + " losses");
      }
    }
  }

  /**
   * A batch of slots belongs to its target from now on. Raises the epoch. Proposed by the source,
   * which holds the batch until it knows the outcome. The last one ends the rebalance: DRAINING
   * nodes without slots become GONE, after a cancel JOINING ones too.
   *
   * <p>Refused unless the rebalance with this id is under way, paused or not, and every slot is the
   * source's and wanted at the target. UNCHANGED when all slots are the target's. A refusal is
   * final: what was refused is never applied later.
   *
   * @param bytesSent what it took
   * @param bytesHeld what the slots held, and what was written to them while they were sent
   * @param nowNanos since 1970
   */
  record Move(
      long id,
      NodeId source,
      NodeId target,
      SlotSet slots,
      long bytesSent,
      long bytesHeld,
      long nowNanos)
      implements OfRebalance {
    public Move {
      if (slots.isEmpty() || source.equals(target) || bytesSent < 0 || bytesHeld < 0) {
        throw new IllegalArgumentException(
            "move of %s from %s to %s, %d bytes sent for %d"
                .formatted(slots, source, target, bytesSent, bytesHeld));
      }
    }
  }

  /**
   * No further batch is to begin; those under way go on. Refused when no rebalance of this id runs.
   *
   * @param reason for people
   */
  record Pause(long id, String reason) implements OfRebalance {
    public Pause {
      Rebalance.requireReason(reason);
    }
  }

  /** Batches may begin again. Refused when no rebalance of this id runs. */
  record Resume(long id) implements OfRebalance {}

  /** Changes the limits, which mean what they mean in {@link Start}. */
  record Limit(long id, long bytesPerSecond, int batchesAtOnce) implements OfRebalance {
    public Limit {
      Rebalance.requireLimits(bytesPerSecond, batchesAtOnce);
    }
  }

  /**
   * Takes a rebalance back from where it stands: one of kind CANCEL takes its place, whose id is
   * {@link Rebalance#cancelOf} and whose target is where the slots were when it began. Nodes that
   * then own nothing become DRAINING, DRAINING ones that then own something ACTIVE. Raises the
   * epoch. Refused for a cancel, and for what does not run.
   *
   * @param nowNanos since 1970
   */
  record Cancel(long id, long nowNanos) implements OfRebalance {}

  /**
   * These nodes vote from now on, in a log of their own that begins with the state after this; the
   * log that holds this says nothing further. Does not raise the epoch.
   */
  record SetVoters(List<NodeId> voters) implements ControlCommand {
    public SetVoters {
      voters = voters.stream().sorted().toList();
      if (voters.isEmpty() || voters.size() > VoterSet.VOTERS_MAX) {
        throw new IllegalArgumentException(voters.size() + " voters");
      }
      requireDistinct(voters);
    }
  }

  /**
   * Puts a rule in the place of that with the same key, or adds it. Does not raise the epoch.
   * Refused when there are {@link ThrottleRule#RULES_MAX} already.
   */
  record SetThrottle(ThrottleRule rule) implements OfPolicies {}

  /** Takes rules away; those that are not there do not matter. Does not raise the epoch. */
  record ClearThrottles(List<ThrottleRule.Key> keys) implements OfPolicies {
    public ClearThrottles {
      keys = List.copyOf(keys);
      if (keys.size() > ThrottleRule.RULES_MAX) {
        throw new IllegalArgumentException(keys.size() + " rules to clear");
      }
    }
  }

  /**
   * Gives a directory a number for what is in it, unless it has one under the same path. A number
   * that another directory had under this path is nobody's any more, and its rules go. Does not
   * raise the epoch. Refused when there are {@link Dataset#DATASETS_MAX} already.
   */
  record AddDataset(InodeId directory, String path) implements OfPolicies {
    public AddDataset {
      Dataset.requirePath(path);
    }
  }

  /**
   * Says how far the walk of a dataset is. Does not raise the epoch; one that is complete stays so.
   */
  record WalkDataset(int id, long walked, boolean complete) implements OfPolicies {
    public WalkDataset {
      if (id < 1 || walked < 0) {
        throw new IllegalArgumentException("dataset " + id + " with " + walked + " inodes");
      }
    }
  }

  /**
   * Sets switches and takes others back, for a dataset or for the whole instance (0). Raises the
   * epoch, so that everybody who uses the instance asks what they are. Refused where the dataset is
   * not there.
   *
   * @param set all for that dataset
   * @param unset go back to what holds without; those that are not set do not matter
   */
  record ChangeSettings(int dataset, List<SettingChange> set, List<Setting> unset)
      implements OfPolicies {
    public ChangeSettings {
      set = List.copyOf(set);
      unset = List.copyOf(unset);
      for (SettingChange change : set) {
        if (change.dataset() != dataset) {
          throw new IllegalArgumentException(change + " is not for dataset " + dataset);
        }
      }
    }
  }

  private static void requireDistinct(List<NodeId> ids) {
    if (new HashSet<>(ids).size() != ids.size()) {
      throw new IllegalArgumentException("a node is named twice: " + ids);
    }
  }
}
