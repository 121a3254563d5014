package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Everything that the control plane agrees on. Immutable; {@link #apply} is a pure function, so two
 * replicas that have applied the same commands hold equal states.
 *
 * <p>The epoch rises by one with every command that changes the owner of a slot, the list of nodes
 * or what one of them is doing; addresses and progress change without.
 *
 * @param version how many commands have changed the state
 * @param rebalance what is under way, or null
 * @param last what ended last, or null
 * @param voters the nodes that agree on commands, by id
 * @param configuration how often the voters have been replaced: each set of them agrees in a log of
 *     its own
 * @param throttles what is held back, by resource and scope
 * @param datasets directories that rules and switches can name, by number
 * @param changes switches that have been set, by dataset and setting
 */
public record ControlState(
    long version,
    ClusterMap map,
    @Nullable Rebalance rebalance,
    @Nullable FinishedRebalance last,
    List<NodeId> voters,
    int configuration,
    List<ThrottleRule> throttles,
    List<Dataset> datasets,
    List<SettingChange> changes) {
  public static final int VOTERS_MAX = 7;

  /** More commands than voters agree on before those that are left notice that they are gone. */
  private static final int FORCED_STEP = 1 << 20;

  /** Nodes from which five voters pay: two of them may be lost at once. */
  private static final int NODES_FOR_FIVE_VOTERS = 16;

  public ControlState {
    voters = List.copyOf(voters);
    throttles = List.copyOf(throttles);
    datasets = List.copyOf(datasets);
    changes = List.copyOf(changes);
    if (version < 0 || configuration < 0 || voters.isEmpty() || voters.size() > VOTERS_MAX) {
      throw new IllegalArgumentException("version " + version + ", voters " + voters);
    }
    for (NodeId voter : voters) {
      if (map.node(voter) == null) {
        throw new IllegalArgumentException("voter " + voter + " is not in the " + map);
      }
    }
  }

  /** A state and what the command that led to it came to; a refused one leads to the same state. */
  public record Applied(ControlState state, Outcome outcome) {}

  /** The state of an instance that has just been brought up with this map. */
  public static ControlState initial(ClusterMap map) {
    return new ControlState(
        0, map, null, null, wantedVoters(map, List.of()), 0, List.of(), List.of(), List.of());
  }

  /**
   * The voters that a map wants: one for one or two nodes, three for three and more, five for
   * sixteen and more; of the ACTIVE nodes, those that vote now first, then by id.
   *
   * @param current who votes now
   */
  public static List<NodeId> wantedVoters(ClusterMap map, List<NodeId> current) {
    List<NodeId> candidates =
        map.nodes().stream()
            .filter(node -> node.state() == NodeState.ACTIVE)
            .map(Node::id)
            .toList();
    if (candidates.isEmpty()) {
      return current.isEmpty() ? List.of(map.nodes().getFirst().id()) : current;
    }
    int count = candidates.size() >= NODES_FOR_FIVE_VOTERS ? 5 : candidates.size() >= 3 ? 3 : 1;
    Stream<NodeId> staying = candidates.stream().filter(current::contains);
    Stream<NodeId> others = candidates.stream().filter(id -> !current.contains(id));
    return Stream.concat(staying, others).limit(count).sorted().toList();
  }

  /** The voters that this state's map wants. */
  public List<NodeId> wantedVoters() {
    return wantedVoters(map, voters);
  }

  /** Nodes that were given up as lost and still vote: others have not been set in their place. */
  public List<NodeId> lostVoters() {
    return voters.stream().filter(map.lost().nodes()::contains).toList();
  }

  public Epoch epoch() {
    return map.epoch();
  }

  /** What a command makes of this state. */
  public Applied apply(ControlCommand command) {
    return switch (command) {
      case ControlCommand.Join join -> join(join);
      case ControlCommand.Announce announce -> announce(announce.node());
      case ControlCommand.Start start -> start(start);
      case ControlCommand.Leave leave -> leave(leave);
      case ControlCommand.Lose lose -> lose(lose);
      case ControlCommand.Searched searched -> searched(searched);
      case ControlCommand.Move move -> move(move);
      case ControlCommand.Pause pause ->
          adjust(pause.id(), running -> running.withPause(true, pause.reason()));
      case ControlCommand.Resume resume ->
          adjust(resume.id(), running -> running.withPause(false, ""));
      case ControlCommand.Limit limit ->
          adjust(
              limit.id(),
              running -> running.withLimits(limit.bytesPerSecond(), limit.batchesAtOnce()));
      case ControlCommand.Cancel cancel -> cancel(cancel);
      case ControlCommand.SetVoters set -> setVoters(set.voters());
      case ControlCommand.SetThrottle set -> setThrottle(set.rule());
      case ControlCommand.ClearThrottles clear ->
          throttled(throttles.stream().filter(rule -> !clear.keys().contains(rule.key())).toList());
      case ControlCommand.AddDataset add -> addDataset(add);
      case ControlCommand.WalkDataset walk -> walkDataset(walk);
      case ControlCommand.ChangeSettings change -> changeSettings(change);
    };
  }

  private Applied changed(
      ClusterMap newMap, @Nullable Rebalance running, @Nullable FinishedRebalance finished) {
    return new Applied(
        new ControlState(
            version + 1,
            newMap,
            running,
            finished,
            voters,
            configuration,
            throttles,
            datasets,
            changes),
        Outcome.OK);
  }

  private Applied unchanged() {
    return new Applied(this, Outcome.UNCHANGED);
  }

  private Applied refused(String message) {
    return new Applied(this, Outcome.refused(message));
  }

  private Applied join(ControlCommand.Join join) {
    var nodes = new ArrayList<>(map.nodes());
    int known = 0;
    for (Node node : join.nodes()) {
      Node there = map.node(node.id());
      if (there == null) {
        nodes.add(in(NodeState.JOINING, node));
        continue;
      }
      known++;
      boolean same =
          there.isMember()
              && there.host().equals(node.host())
              && there.port() == node.port()
              && there.socketPath().equals(node.socketPath());
      if (!same) {
        return refused(
            "the id %s is or was that of the node at %s".formatted(node.id(), there.address()));
      }
    }
    if (known == join.nodes().size()) {
      return unchanged();
    }
    if (known > 0) {
      return refused("some of these nodes are in the map already");
    }
    return changed(map.next(nodes, map.owners()), rebalance, last);
  }

  private Applied leave(ControlCommand.Leave leave) {
    boolean[] owning = nodesIn(map.owners());
    boolean[] wanted = rebalance == null ? owning : nodesIn(rebalance.target());
    boolean any = false;
    for (NodeId id : leave.nodes()) {
      Node node = map.node(id);
      if (node == null) {
        return refused("node %s is not in the map".formatted(id));
      }
      if (!node.isMember()) {
        continue;
      }
      if (node.state() != NodeState.JOINING || owning[id.value()] || wanted[id.value()]) {
        return refused("node %s has or gets slots".formatted(id));
      }
      any = true;
    }
    if (!any) {
      return unchanged();
    }
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> leave.nodes().contains(node.id()) ? in(NodeState.GONE, node) : node)
            .toList();
    return changed(map.next(nodes, map.owners()), rebalance, last);
  }

  private static Node in(NodeState state, Node node) {
    return node.state() == state
        ? node
        : new Node(
            node.id(), node.host(), node.port(), node.socketPath(), node.incarnation(), state);
  }

  private Applied announce(Node node) {
    Node there = map.node(node.id());
    if (there == null || !there.isMember()) {
      return refused("there is no node " + node.id() + (there == null ? "" : " any more"));
    }
    if (node.incarnation() <= there.incarnation()) {
      return unchanged();
    }
    return changed(map.withNode(in(there.state(), node)), rebalance, last);
  }

  private boolean hasBegun(long id) {
    return (rebalance != null && isOf(rebalance.id(), id)) || (last != null && isOf(last.id(), id));
  }

  private static boolean isOf(long known, long id) {
    return known == id || known == Rebalance.cancelOf(id);
  }

  private Applied start(ControlCommand.Start start) {
    if (hasBegun(start.id())) {
      return unchanged();
    }
    if (!start.base().equals(map.epoch())) {
      return refused(
          "it was planned on epoch %d, but the epoch is %d: plan again"
              .formatted(start.base().value(), map.epoch().value()));
    }
    if (rebalance != null && !start.supersede()) {
      return refused("another rebalance is under way: " + rebalance);
    }
    if (!map.lost().isSearched()) {
      return refused(
          "what was lost with nodes has not been searched for yet: end 'adhocfs shrink --lost'"
              + " first");
    }
    for (NodeId id : start.leaving()) {
      if (!map.isMember(id)) {
        return refused("there is no node " + id + " that could leave");
      }
    }
    boolean[] wanted = nodesIn(start.target());
    Set<NodeId> leaving = Set.copyOf(start.leaving());
    for (int id = 0; id < wanted.length; id++) {
      if (!wanted[id]) {
        continue;
      }
      Node node = map.node(new NodeId(id));
      if (node == null || !node.isMember() || leaving.contains(node.id())) {
        return refused(
            "slots are wanted at n%d, which is %s"
                .formatted(
                    id, node == null ? "not in the map" : !node.isMember() ? "gone" : "to leave"));
      }
    }
    List<Node> nodes = new ArrayList<>();
    for (Node node : map.nodes()) {
      nodes.add(
          wanted[node.id().value()]
              ? in(NodeState.ACTIVE, node)
              : leaving.contains(node.id()) ? in(NodeState.DRAINING, node) : node);
    }
    FinishedRebalance before =
        rebalance == null
            ? last
            : FinishedRebalance.of(
                rebalance, start.nowNanos(), FinishedRebalance.Outcome.SUPERSEDED);
    short[] owners = map.owners();
    return begun(
        new Rebalance(
            start.id(),
            start.kind(),
            start.target(),
            owners,
            false,
            "",
            start.bytesPerSecond(),
            start.batchesAtOnce(),
            differing(owners, start.target()),
            0,
            0,
            0,
            start.nowNanos()),
        nodes,
        owners,
        before,
        start.nowNanos());
  }

  private Applied lose(ControlCommand.Lose lose) {
    List<Node> losing = new ArrayList<>();
    for (NodeId id : lose.nodes()) {
      Node node = map.node(id);
      if (node == null) {
        return refused("node %s is not in the map".formatted(id));
      }
      if (node.isMember()) {
        losing.add(node);
      }
    }
    if (losing.isEmpty()) {
      return unchanged();
    }
    if (!lose.base().equals(map.epoch())) {
      return refused(
          "it was planned on epoch %d, but the epoch is %d: plan again"
              .formatted(lose.base().value(), map.epoch().value()));
    }
    if (map.lost().losses() == LostSlots.LOSSES_MAX) {
      return refused("nodes were lost %d times already".formatted(LostSlots.LOSSES_MAX));
    }
    Set<NodeId> lost = Set.copyOf(lose.nodes());
    short[] owners = map.owners();
    short[] after = lose.owners();
    var slots = new BitSet(SlotId.COUNT);
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      boolean goes = lost.contains(map.owner(new SlotId(slot)));
      Node taker = map.node(new NodeId(Short.toUnsignedInt(after[slot])));
      boolean fits =
          goes
              ? taker != null && taker.isMember() && !lost.contains(taker.id())
              : after[slot] == owners[slot];
      if (!fits) {
        return refused(
            "slot %d of n%d cannot go to n%d"
                .formatted(slot, map.ownerValue(slot), Short.toUnsignedInt(after[slot])));
      }
      slots.set(slot, goes);
    }
    boolean[] owning = nodesIn(after);
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> {
              if (lost.contains(node.id())) {
                return in(NodeState.GONE, node);
              }
              // What was under way has ended, so whoever has something keeps it.
              return switch (node.state()) {
                case ACTIVE, GONE -> node;
                case JOINING -> owning[node.id().value()] ? in(NodeState.ACTIVE, node) : node;
                case DRAINING ->
                    in(owning[node.id().value()] ? NodeState.ACTIVE : NodeState.GONE, node);
              };
            })
            .toList();
    FinishedRebalance ended =
        rebalance == null
            ? last
            : FinishedRebalance.of(
                rebalance, lose.nowNanos(), FinishedRebalance.Outcome.SUPERSEDED);
    return changed(
        map.next(nodes, after.clone(), map.lost().with(lose.nodes(), slots)), null, ended);
  }

  private Applied searched(ControlCommand.Searched searched) {
    LostSlots lost = map.lost();
    if (searched.losses() > lost.losses()) {
      return refused("there were only %d losses".formatted(lost.losses()));
    }
    return searched.losses() <= lost.searched()
        ? unchanged()
        : changed(
            map.next(map.nodes(), map.owners(), lost.searchedUpTo(searched.losses())),
            rebalance,
            last);
  }

  /** Whether each node id occurs in a table of owners. */
  private static boolean[] nodesIn(short[] owners) {
    var found = new boolean[NodeId.MAX + 1];
    for (short owner : owners) {
      found[Short.toUnsignedInt(owner)] = true;
    }
    return found;
  }

  private static int differing(short[] owners, short[] target) {
    int count = 0;
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (owners[slot] != target[slot]) {
        count++;
      }
    }
    return count;
  }

  /** The state with a rebalance, or, when that has nothing left to do, with its end. */
  private Applied begun(
      Rebalance running,
      List<Node> nodes,
      short[] owners,
      @Nullable FinishedRebalance before,
      long nowNanos) {
    if (running.slotsMoved() < running.slotsPlanned()) {
      return changed(map.next(nodes, owners), running, before);
    }
    return changed(
        map.next(afterwards(running, nodes, owners), owners),
        null,
        FinishedRebalance.of(
            running,
            nowNanos,
            running.kind() == Rebalance.Kind.CANCEL
                ? FinishedRebalance.Outcome.CANCELLED
                : FinishedRebalance.Outcome.DONE));
  }

  /** The nodes once a rebalance has ended: who was to leave and owns nothing is gone. */
  private static List<Node> afterwards(Rebalance ended, List<Node> nodes, short[] owners) {
    boolean[] owning = nodesIn(owners);
    boolean cancelled = ended.kind() == Rebalance.Kind.CANCEL;
    return nodes.stream()
        .map(node -> {
          boolean leaves =
              switch (node.state()) {
                case DRAINING -> true;
                case JOINING -> cancelled;
                case ACTIVE, GONE -> false;
              };
          return leaves && !owning[node.id().value()] ? in(NodeState.GONE, node) : node;
        })
        .toList();
  }

  private Applied move(ControlCommand.Move move) {
    int source = move.source().value();
    int target = move.target().value();
    SlotSet slots = move.slots();
    if (slots.stream().allMatch(slot -> map.ownerValue(slot) == target)) {
      return unchanged();
    }
    Rebalance running = rebalance;
    if (running == null || running.id() != move.id()) {
      return refused("no rebalance %d is under way".formatted(move.id()));
    }
    for (int slot : slots) {
      if (map.ownerValue(slot) != source || running.targetValue(slot) != target) {
        return refused(
            "slot %d belongs to n%d and is wanted at n%d: it cannot go from n%d to n%d"
                .formatted(slot, map.ownerValue(slot), running.targetValue(slot), source, target));
      }
    }
    short[] owners = map.owners();
    slots.forEachSlot(slot -> owners[slot] = (short) target);
    return begun(
        running.withMove(slots.size(), move.bytesSent(), move.bytesHeld()),
        map.nodes(),
        owners,
        last,
        move.nowNanos());
  }

  private Applied adjust(long id, Function<Rebalance, Rebalance> change) {
    Rebalance running = rebalance;
    if (running == null || running.id() != id) {
      return refused("no rebalance %d is under way".formatted(id));
    }
    Rebalance adjusted = change.apply(running);
    return adjusted.equals(running) ? unchanged() : changed(map, adjusted, last);
  }

  private Applied cancel(ControlCommand.Cancel cancel) {
    long id = cancel.id();
    long cancelId = Rebalance.cancelOf(id);
    if ((rebalance != null && rebalance.id() == cancelId)
        || (last != null && last.id() == cancelId)) {
      return unchanged();
    }
    Rebalance running = rebalance;
    if (running == null || running.id() != id) {
      return refused("no rebalance %d is under way".formatted(id));
    }
    if (running.kind() == Rebalance.Kind.CANCEL) {
      return refused("it is a cancel itself: start another rebalance instead");
    }
    short[] owners = map.owners();
    short[] back = running.origin();
    boolean[] wanted = nodesIn(back);
    List<Node> nodes =
        map.nodes().stream()
            .map(node -> {
              boolean owns = wanted[node.id().value()];
              return switch (node.state()) {
                case ACTIVE -> owns ? node : in(NodeState.DRAINING, node);
                case DRAINING -> owns ? in(NodeState.ACTIVE, node) : node;
                case JOINING, GONE -> node;
              };
            })
            .toList();
    return begun(
        new Rebalance(
            cancelId,
            Rebalance.Kind.CANCEL,
            back,
            owners,
            false,
            "",
            running.bytesPerSecond(),
            running.batchesAtOnce(),
            differing(owners, back),
            0,
            0,
            0,
            cancel.nowNanos()),
        nodes,
        owners,
        last,
        cancel.nowNanos());
  }

  private Applied setVoters(List<NodeId> wanted) {
    if (wanted.equals(voters)) {
      return unchanged();
    }
    for (NodeId id : wanted) {
      if (!map.isMember(id)) {
        return refused("there is no node " + id + " that could vote");
      }
    }
    return new Applied(
        new ControlState(
            version + 1,
            map,
            rebalance,
            last,
            wanted,
            configuration + 1,
            throttles,
            datasets,
            changes),
        Outcome.OK);
  }

  /**
   * This state, with voters of which nobody was asked who voted before: for those that are left
   * when most of the voters are lost. Version, epoch and configuration are far above all that the
   * old voters may have agreed on since, so whoever of them comes back follows.
   *
   * @param alive nodes of which some vote from then on
   */
  public ControlState forced(List<NodeId> alive) {
    List<NodeId> candidates = alive.stream().filter(map::isMember).sorted().toList();
    int count = candidates.size() >= NODES_FOR_FIVE_VOTERS ? 5 : candidates.size() >= 3 ? 3 : 1;
    return new ControlState(
        version + FORCED_STEP,
        new ClusterMap(
            new Epoch(map.epoch().value() + FORCED_STEP), map.nodes(), map.owners(), map.lost()),
        rebalance,
        last,
        candidates.subList(0, Math.min(count, candidates.size())),
        configuration + FORCED_STEP,
        throttles,
        datasets,
        changes);
  }

  private Applied setThrottle(ThrottleRule rule) {
    List<ThrottleRule> rules = new ArrayList<>(throttles);
    rules.removeIf(known -> known.key().equals(rule.key()));
    if (rules.size() >= ThrottleRule.RULES_MAX) {
      return refused("there are %d rules already".formatted(rules.size()));
    }
    rules.add(rule);
    rules.sort(Comparator.comparing(known -> known.key().toString()));
    return throttled(rules);
  }

  private Applied throttled(List<ThrottleRule> rules) {
    return rules.equals(throttles) ? unchanged() : withDatasets(datasets, rules, changes);
  }

  /** The dataset of this path, or null. */
  public @Nullable Dataset dataset(String path) {
    for (Dataset dataset : datasets) {
      if (dataset.path().equals(path)) {
        return dataset;
      }
    }
    return null;
  }

  private Applied addDataset(ControlCommand.AddDataset add) {
    Dataset known = dataset(add.path());
    if (known != null && known.directory().equals(add.directory())) {
      return unchanged();
    }
    if (known == null && datasets.size() >= Dataset.DATASETS_MAX) {
      return refused("there are %d datasets already".formatted(datasets.size()));
    }
    int id = 1 + datasets.stream().mapToInt(Dataset::id).max().orElse(0);
    List<Dataset> all = new ArrayList<>(datasets);
    List<ThrottleRule> rules = throttles;
    List<SettingChange> switches = changes;
    if (known != null) {
      all.remove(known);
      rules = rules.stream().filter(rule -> !rule.scope().equals(known.scope())).toList();
      switches = switches.stream().filter(change -> change.dataset() != known.id()).toList();
    }
    all.add(new Dataset(id, add.directory(), add.path(), 0, false));
    return withDatasets(all, rules, switches);
  }

  private Applied walkDataset(ControlCommand.WalkDataset walk) {
    List<Dataset> all =
        datasets.stream()
            .map(dataset ->
                dataset.id() == walk.id() && !dataset.complete()
                    ? dataset.after(walk.walked(), walk.complete())
                    : dataset)
            .toList();
    return all.equals(datasets) ? unchanged() : withDatasets(all, throttles, changes);
  }

  private Applied withDatasets(
      List<Dataset> all, List<ThrottleRule> rules, List<SettingChange> switches) {
    // Who uses the instance hears of switches by the epoch.
    ClusterMap mapThen =
        inheritedChanges(all, switches).equals(inheritedChanges())
            ? map
            : map.next(map.nodes(), map.owners());
    return new Applied(
        new ControlState(
            version + 1, mapThen, rebalance, last, voters, configuration, rules, all, switches),
        Outcome.OK);
  }

  private Applied changeSettings(ControlCommand.ChangeSettings change) {
    int id = change.dataset();
    if (id != SettingChange.WHOLE_INSTANCE
        && datasets.stream().noneMatch(dataset -> dataset.id() == id)) {
      return refused("there is no dataset " + id + " any more");
    }
    List<SettingChange> all = new ArrayList<>(changes);
    for (SettingChange set : change.set()) {
      all.removeIf(known -> known.dataset() == id && known.setting() == set.setting());
      all.add(set);
    }
    all.removeIf(known -> known.dataset() == id && change.unset().contains(known.setting()));
    all.sort(Comparator.comparingInt(SettingChange::dataset).thenComparing(SettingChange::setting));
    return all.equals(changes) ? unchanged() : withDatasets(datasets, throttles, all);
  }

  /**
   * As of which epoch the switches are known: of a stand-in, which knows the map alone, the first.
   */
  public Epoch settingsEpoch() {
    return version == 0 ? Epoch.FIRST : epoch();
  }

  /**
   * The switches that have been set, with those that a dataset has from others it lies within said
   * of itself: the innermost counts.
   */
  public List<SettingChange> inheritedChanges() {
    return inheritedChanges(datasets, changes);
  }

  private static List<SettingChange> inheritedChanges(
      List<Dataset> datasets, List<SettingChange> changes) {
    if (datasets.isEmpty() || changes.isEmpty()) {
      return changes;
    }
    List<SettingChange> all = new ArrayList<>(of(SettingChange.WHOLE_INSTANCE, changes));
    for (Dataset dataset : datasets) {
      var values = new EnumMap<Setting, String>(Setting.class);
      datasets.stream()
          .filter(dataset::isWithin)
          .sorted(Comparator.comparingInt(outer -> outer.path().length()))
          .flatMap(outer -> of(outer.id(), changes).stream())
          .forEach(change -> values.put(change.setting(), change.value()));
      values.forEach((setting, value) -> all.add(new SettingChange(dataset.id(), setting, value)));
    }
    return all;
  }

  private static List<SettingChange> of(int dataset, List<SettingChange> changes) {
    return changes.stream().filter(change -> change.dataset() == dataset).toList();
  }

  @Override
  public String toString() {
    return "control state "
        + version
        + ": "
        + map
        + ", voters "
        + voters
        + (rebalance == null ? "" : ", " + rebalance);
  }
}
