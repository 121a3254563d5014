package io.adhocfs.protocol.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.control.Outcome.Verdict;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.wire.ControlValues;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ControlStateTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  private static final int ROUNDS = Boolean.getBoolean("adhocfs.full") ? 40 : 4;

  private static Node node(int id) {
    return new Node(new NodeId(id), "host-" + id, 1000 + id, "", 1, NodeState.ACTIVE);
  }

  static ControlState of(int nodes) {
    return ControlState.initial(
        ClusterMap.initial(IntStream.range(0, nodes).mapToObj(ControlStateTest::node).toList()));
  }

  static ControlState after(ControlState state, ControlCommand command) {
    ControlState.Applied applied = state.apply(command);
    assertThat(applied.outcome()).isEqualTo(Outcome.OK);
    assertThat(applied.state().version()).isEqualTo(state.version() + 1);
    return applied.state();
  }

  static void assertRefused(ControlState state, ControlCommand command, String why) {
    ControlState.Applied applied = state.apply(command);
    assertThat(applied.outcome().verdict()).isEqualTo(Verdict.REFUSED);
    assertThat(applied.outcome().message()).contains(why);
    assertThat(applied.state()).isSameAs(state);
  }

  static void assertUnchanged(ControlState state, ControlCommand command) {
    assertThat(state.apply(command)).isEqualTo(new ControlState.Applied(state, Outcome.UNCHANGED));
  }

  static <T> T present(@Nullable T value) {
    if (value == null) {
      throw new AssertionError("there is none");
    }
    return value;
  }

  private static NodeState stateOf(ControlState state, int id) {
    return present(state.map().node(new NodeId(id))).state();
  }

  /** The owners with the slots of some nodes given to others, in turn. */
  private static short[] spread(ControlState state, List<Integer> over) {
    short[] target = state.map().owners();
    for (int slot = 0; slot < target.length; slot++) {
      if (over.size() > 4 || !over.contains((int) target[slot]) || slot % 5 == 0) {
        target[slot] = over.get(slot % over.size()).shortValue();
      }
    }
    return target;
  }

  private static ControlCommand.Start start(
      ControlState state, long id, List<Integer> over, List<NodeId> leaving, boolean supersede) {
    return new ControlCommand.Start(
        id,
        Rebalance.Kind.EXPAND,
        state.epoch(),
        spread(state, over),
        leaving,
        1000,
        2,
        supersede,
        id * 10);
  }

  /** A batch of the running rebalance, or null when there is none. */
  private static ControlCommand.Move batch(ControlState state, int slotsMax) {
    Rebalance running = present(state.rebalance());
    int first =
        IntStream.range(0, SlotId.COUNT)
            .filter(slot -> state.map().ownerValue(slot) != running.targetValue(slot))
            .findFirst()
            .orElseThrow();
    int source = state.map().ownerValue(first);
    int target = running.targetValue(first);
    return new ControlCommand.Move(
        running.id(),
        new NodeId(source),
        new NodeId(target),
        SlotSet.of(
            IntStream.range(first, SlotId.COUNT)
                .filter(slot ->
                    state.map().ownerValue(slot) == source && running.targetValue(slot) == target)
                .limit(slotsMax)),
        7,
        5,
        99);
  }

  private static ControlState moveAll(ControlState from) {
    ControlState state = from;
    while (state.rebalance() != null) {
      state = after(state, batch(state, 9000));
    }
    return state;
  }

  /** The owners with the slots of a node given to those that are left, in turn. */
  private static short[] without(ControlState state, int lost, int... takers) {
    short[] owners = state.map().owners();
    int next = 0;
    for (int slot = 0; slot < owners.length; slot++) {
      if (owners[slot] == lost) {
        owners[slot] = (short) takers[next++ % takers.length];
      }
    }
    return owners;
  }

  private static ControlCommand.Lose lose(ControlState state, int lost, int... takers) {
    return new ControlCommand.Lose(
        List.of(new NodeId(lost)), state.epoch(), without(state, lost, takers), 77);
  }

  @Test
  void goesOnWithoutALostNode() {
    ControlState four = of(4);
    ControlState three = after(four, lose(four, 3, 0, 1, 2));

    assertThat(stateOf(three, 3)).isEqualTo(NodeState.GONE);
    assertThat(three.epoch().value()).isEqualTo(2);
    assertThat(three.map().owningNodes())
        .containsExactly(new NodeId(0), new NodeId(1), new NodeId(2));
    LostSlots lost = three.map().lost();
    assertThat(lost.nodes()).containsExactly(new NodeId(3));
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      assertThat(lost.wasLost(slot)).isEqualTo(four.map().ownerValue(slot) == 3);
      assertThat(lost.awaitsSearch(slot)).isEqualTo(lost.wasLost(slot));
    }
    // What a slot has given out before it was lost is never given out again.
    assertThat(lost.firstNumber(3)).isEqualTo((1L << 41) + 1);
    assertThat(lost.firstNumber(1)).isEqualTo(1);
    assertUnchanged(three, lose(three, 3, 0));

    // What was lost twice begins farther up once more.
    ControlState two = after(three, lose(three, 0, 1, 2));
    int twice =
        IntStream.range(0, SlotId.COUNT)
            .filter(slot -> lost.wasLost(slot) && three.map().ownerValue(slot) == 0)
            .findFirst()
            .orElseThrow();
    assertThat(two.map().lost().firstNumber(twice)).isEqualTo((2L << 41) + 1);
    assertThat(two.map().lost().firstNumber(0)).isEqualTo((2L << 41) + 2);
  }

  @Test
  void aLostNodeVotesUntilOthersAreSet() {
    ControlState four = of(4);
    assertThat(four.lostVoters()).isEmpty();
    assertThat(after(four, lose(four, 3, 0, 1, 2)).lostVoters()).isEmpty();
    ControlState lost = after(four, lose(four, 1, 0, 2, 3));
    assertThat(lost.lostVoters()).containsExactly(new NodeId(1));
    assertThat(after(lost, new ControlCommand.SetVoters(lost.wantedVoters())).lostVoters())
        .isEmpty();
  }

  @Test
  void nothingMovesBeforeALossHasBeenSearched() {
    ControlState four = of(4);
    ControlState lost = after(four, lose(four, 3, 0, 1, 2));
    assertRefused(lost, start(lost, 1, List.of(0, 1), List.of(), false), "searched");
    assertRefused(lost, new ControlCommand.Searched(2), "only 1 losses");

    ControlState searched = after(lost, new ControlCommand.Searched(1));
    assertThat(searched.map().lost().isSearched()).isTrue();
    assertThat(searched.map().lost().wasLost(3)).isTrue();
    assertThat(searched.map().lost().awaitsSearch(3)).isFalse();
    assertUnchanged(searched, new ControlCommand.Searched(1));
    after(searched, start(searched, 1, List.of(0, 1), List.of(), false));
  }

  @Test
  void aLossEndsWhatIsUnderWayAndKeepsWhatHasMoved() {
    ControlState four = of(4);
    ControlState shrinking =
        after(four, start(four, 5, List.of(0, 1, 2), List.of(new NodeId(3)), false));
    ControlState moved = after(shrinking, present(batch(shrinking, 100)));
    assertThat(stateOf(moved, 3)).isEqualTo(NodeState.DRAINING);

    ControlState lost = after(moved, lose(moved, 1, 0, 2));
    assertThat(lost.rebalance()).isNull();
    assertThat(present(lost.last()).outcome()).isEqualTo(FinishedRebalance.Outcome.SUPERSEDED);
    assertThat(stateOf(lost, 1)).isEqualTo(NodeState.GONE);
    // It was to leave, and still has slots.
    assertThat(stateOf(lost, 3)).isEqualTo(NodeState.ACTIVE);
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (moved.map().ownerValue(slot) != 1) {
        assertThat(lost.map().ownerValue(slot)).isEqualTo(moved.map().ownerValue(slot));
      }
    }
  }

  @Test
  void refusesALossThatTakesFromOthersOrGivesToNobody() {
    ControlState four = of(4);
    short[] taking = without(four, 3, 0, 1, 2);
    taking[0] = 2;
    assertRefused(
        four,
        new ControlCommand.Lose(List.of(new NodeId(3)), four.epoch(), taking, 1),
        "slot 0 of n0");
    assertRefused(
        four,
        new ControlCommand.Lose(List.of(new NodeId(3)), four.epoch(), four.map().owners(), 1),
        "of n3 cannot go to n3");
    assertRefused(
        four,
        new ControlCommand.Lose(List.of(new NodeId(3)), new Epoch(9), without(four, 3, 0), 1),
        "plan again");
    assertRefused(
        four,
        new ControlCommand.Lose(List.of(new NodeId(9)), four.epoch(), four.map().owners(), 1),
        "n9 is not in the map");
  }

  @Test
  void votersAreAsManyAsTheNodesAllow() {
    assertThat(of(1).voters()).hasSize(1);
    assertThat(of(2).voters()).hasSize(1);
    assertThat(of(3).voters()).hasSize(3);
    assertThat(of(15).voters()).hasSize(3);
    assertThat(of(16).voters())
        .containsExactlyElementsOf(IntStream.range(0, 5).mapToObj(NodeId::new).toList());
  }

  @Test
  void votersThatStayAreKept() {
    ControlState state =
        after(
            of(6),
            new ControlCommand.SetVoters(List.of(new NodeId(5), new NodeId(4), new NodeId(0))));
    assertThat(state.wantedVoters()).isEqualTo(state.voters());
    assertThat(state.configuration()).isEqualTo(1);
    assertUnchanged(state, new ControlCommand.SetVoters(state.voters()));
    ControlState shrinking =
        after(
            state,
            start(state, 1, List.of(1, 2, 3, 4), List.of(new NodeId(0), new NodeId(5)), false));
    assertThat(shrinking.wantedVoters())
        .containsExactly(new NodeId(1), new NodeId(2), new NodeId(4));
  }

  @Test
  void nodesJoinWithoutOwningAnything() {
    ControlState two = of(2);
    var join = new ControlCommand.Join(List.of(node(2), node(3)));
    ControlState four = after(two, join);
    assertThat(stateOf(four, 3)).isEqualTo(NodeState.JOINING);
    assertThat(four.epoch().value()).isEqualTo(two.epoch().value() + 1);
    assertThat(four.map().owners()).isEqualTo(two.map().owners());
    assertUnchanged(four, join);
    assertRefused(
        four,
        new ControlCommand.Join(
            List.of(new Node(new NodeId(3), "elsewhere", 1, "", 0, NodeState.ACTIVE))),
        "the id n3");
    assertRefused(four, new ControlCommand.Join(List.of(node(3), node(4))), "some of these");
  }

  @Test
  void idsOfNodesThatAreGoneAreNotUsedAgain() {
    ControlState state = of(3);
    state = after(state, start(state, 1, List.of(0, 1), List.of(new NodeId(2)), false));
    assertThat(stateOf(state, 2)).isEqualTo(NodeState.DRAINING);
    state = moveAll(state);
    assertThat(stateOf(state, 2)).isEqualTo(NodeState.GONE);
    assertRefused(state, new ControlCommand.Join(List.of(node(2))), "the id n2");
    assertRefused(state, new ControlCommand.Announce(node(2)), "any more");
    assertRefused(state, start(state, 2, List.of(0, 1, 2), List.of(), false), "gone");
    assertRefused(
        state, start(state, 2, List.of(0, 1), List.of(new NodeId(2)), false), "could leave");
  }

  @Test
  void onlyNewerAddressesCount() {
    ControlState state = of(2);
    var moved = new Node(new NodeId(1), "other", 5, "", 4, NodeState.GONE);
    ControlState announced = after(state, new ControlCommand.Announce(moved));
    assertThat(announced.epoch()).isEqualTo(state.epoch());
    Node known = announced.map().node(new NodeId(1));
    assertThat(known).isEqualTo(new Node(new NodeId(1), "other", 5, "", 4, NodeState.ACTIVE));
    assertUnchanged(announced, new ControlCommand.Announce(moved));
    assertUnchanged(announced, new ControlCommand.Announce(node(1)));
    assertRefused(announced, new ControlCommand.Announce(node(7)), "no node n7");
  }

  @Test
  void startIsRefusedWhereItDoesNotFit() {
    ControlState state = of(3);
    var first = start(state, 5, List.of(0, 1), List.of(new NodeId(2)), false);
    ControlState running = after(state, first);
    assertUnchanged(running, first);
    assertRefused(running, start(state, 6, List.of(0, 1), List.of(), true), "plan again");
    assertRefused(running, start(running, 6, List.of(0, 1), List.of(), false), "under way");
    assertRefused(
        running, start(running, 6, List.of(0, 1), List.of(new NodeId(1)), true), "to leave");
    assertRefused(running, start(running, 6, List.of(0, 9), List.of(), true), "not in the map");
  }

  @Test
  void whatHasNothingToMoveIsDoneAtOnce() {
    ControlState state = after(of(2), new ControlCommand.Join(List.of(node(2))));
    var leave =
        new ControlCommand.Start(
            3,
            Rebalance.Kind.SHRINK,
            state.epoch(),
            state.map().owners(),
            List.of(new NodeId(2)),
            0,
            1,
            false,
            8);
    ControlState left = after(state, leave);
    assertThat(left.rebalance()).isNull();
    assertThat(left.last())
        .isEqualTo(
            new FinishedRebalance(
                3, Rebalance.Kind.SHRINK, 0, 0, 0, 0, 8, 8, FinishedRebalance.Outcome.DONE));
    assertThat(stateOf(left, 2)).isEqualTo(NodeState.GONE);
    assertUnchanged(left, leave);
  }

  @Test
  void slotsMoveFromTheirOwnerToWhereTheyAreWantedAndNowhereElse() {
    ControlState state = of(3);
    ControlState running =
        after(state, start(state, 5, List.of(0, 1), List.of(new NodeId(2)), false));
    ControlCommand.Move good = batch(running, 10);
    assertRefused(
        running,
        new ControlCommand.Move(6, good.source(), good.target(), good.slots(), 1, 1, 1),
        "no rebalance 6");
    assertRefused(
        running,
        new ControlCommand.Move(
            5,
            good.target(),
            good.source(),
            SlotSet.of(
                IntStream.range(0, SlotId.COUNT)
                    .filter(slot -> running.map().ownerValue(slot) == good.target().value())
                    .limit(3)),
            1,
            1,
            1),
        "cannot go");
    ControlState moved = after(running, good);
    assertThat(moved.epoch().value()).isEqualTo(running.epoch().value() + 1);
    assertUnchanged(moved, good);
    // A batch of which a part has gone is none that its owner can have proposed.
    ControlCommand.Move next = batch(moved, 10);
    assertRefused(
        moved,
        new ControlCommand.Move(
            5, next.source(), next.target(), good.slots().plus(next.slots()), 1, 1, 1),
        "cannot go");
    Rebalance progress = present(moved.rebalance());
    assertThat(progress.slotsMoved()).isEqualTo(10);
    assertThat(progress.bytesSent()).isEqualTo(7);
  }

  @Test
  void cancelTakesEverythingBack() {
    ControlState two = after(of(2), new ControlCommand.Join(List.of(node(2))));
    ControlState running = after(two, start(two, 5, List.of(0, 1, 2), List.of(), false));
    assertThat(stateOf(running, 2)).isEqualTo(NodeState.ACTIVE);
    ControlState some =
        after(after(running, batch(running, 100)), new ControlCommand.Pause(5, "x"));
    var cancel = new ControlCommand.Cancel(5, 77);
    ControlState back = after(some, cancel);
    assertUnchanged(back, cancel);
    Rebalance cancelling = present(back.rebalance());
    assertThat(cancelling.kind()).isEqualTo(Rebalance.Kind.CANCEL);
    assertThat(cancelling.id()).isEqualTo(-5);
    assertThat(cancelling.paused()).isFalse();
    assertThat(cancelling.slotsPlanned()).isEqualTo(100);
    assertThat(stateOf(back, 2)).isEqualTo(NodeState.DRAINING);
    assertRefused(back, new ControlCommand.Cancel(-5, 78), "a cancel itself");
    assertUnchanged(back, batch(running, 100));
    assertRefused(back, batch(some, 100), "no rebalance 5");
    ControlState ended = moveAll(back);
    assertThat(ended.map().owners()).isEqualTo(two.map().owners());
    assertThat(stateOf(ended, 2)).isEqualTo(NodeState.GONE);
    assertThat(present(ended.last()).outcome()).isEqualTo(FinishedRebalance.Outcome.CANCELLED);
    assertUnchanged(ended, cancel);
  }

  @Test
  void cancelledShrinkLetsTheLeaverStay() {
    ControlState three = of(3);
    ControlState running =
        after(three, start(three, 5, List.of(0, 1), List.of(new NodeId(2)), false));
    ControlState back = after(after(running, batch(running, 10)), new ControlCommand.Cancel(5, 7));
    assertThat(stateOf(back, 2)).isEqualTo(NodeState.ACTIVE);
    assertThat(moveAll(back).map().owners()).isEqualTo(three.map().owners());
  }

  @Test
  void figuresStopAtTheirLargest() {
    ControlState three = of(3);
    ControlState running =
        after(three, start(three, 5, List.of(0, 1), List.of(new NodeId(2)), false));
    for (int i = 0; i < 2; i++) {
      ControlCommand.Move some = batch(running, 10);
      running =
          after(
              running,
              new ControlCommand.Move(
                  5,
                  some.source(),
                  some.target(),
                  some.slots(),
                  Long.MAX_VALUE,
                  Long.MAX_VALUE,
                  1));
    }
    Rebalance progress = present(running.rebalance());
    assertThat(progress.bytesSent()).isEqualTo(Long.MAX_VALUE);
  }

  /** Whatever is proposed, in whatever order, again or too late. */
  @Test
  void randomCommandsKeepTheInvariants() throws FsException {
    System.out.println("seed " + SEED + " (-Dadhocfs.seed=" + SEED + ")");
    for (int round = 0; round < ROUNDS; round++) {
      var random = new SplittableRandom(SEED + round);
      ControlState first = of(1 + random.nextInt(4));
      ControlState state = first;
      List<ControlCommand> log = new ArrayList<>();
      List<ControlCommand> said = new ArrayList<>();
      for (int step = 0; step < 120; step++) {
        ControlCommand command = draw(random, state, said);
        ControlState.Applied applied = state.apply(command);
        check(state, applied, command, "seed " + (SEED + round) + ", step " + step);
        if (applied.outcome().verdict() == Verdict.OK) {
          log.add(command);
        }
        said.add(command);
        state = applied.state();
      }
      // A replica that starts from any snapshot comes to the same.
      int cut = random.nextInt(log.size() + 1);
      ControlState replayed = first;
      for (int i = 0; i < log.size(); i++) {
        if (i == cut) {
          replayed = ControlValues.state(ControlValues.bytes(replayed));
        }
        replayed = replayed.apply(ControlValues.command(ControlValues.bytes(log.get(i)))).state();
      }
      assertThat(replayed).as("seed %d", SEED + round).isEqualTo(state);
    }
  }

  private static ControlCommand draw(
      SplittableRandom random, ControlState state, List<ControlCommand> said) {
    Rebalance running = state.rebalance();
    long id = running != null && random.nextInt(8) > 0 ? running.id() : 1 + random.nextInt(50);
    int choice = random.nextInt(100);
    if (choice < 10 && !said.isEmpty()) {
      return said.get(random.nextInt(said.size()));
    } else if (choice < 50 && running != null) {
      return batch(state, 1 + random.nextInt(20_000));
    } else if (choice < 58) {
      int next = state.map().nodes().getLast().id().value() + random.nextInt(2);
      return new ControlCommand.Join(List.of(node(next), node(next + 1)));
    } else if (choice < 66) {
      Node known = state.map().nodes().get(random.nextInt(state.map().nodes().size()));
      return new ControlCommand.Announce(
          new Node(
              known.id(), "host", 7, "", random.nextInt(10), NodeState.ofCode(random.nextInt(4))));
    } else if (choice < 72) {
      return new ControlCommand.Pause(id, "reason " + random.nextInt(3));
    } else if (choice < 76) {
      return new ControlCommand.Resume(id);
    } else if (choice < 80) {
      return new ControlCommand.Limit(id, random.nextInt(3), 1 + random.nextInt(3));
    } else if (choice < 84) {
      return new ControlCommand.Cancel(id, random.nextInt(1000));
    } else if (choice < 86) {
      return new ControlCommand.SetVoters(List.of(new NodeId(random.nextInt(8))));
    } else if (choice < 88) {
      Node known = state.map().nodes().get(random.nextInt(state.map().nodes().size()));
      return new ControlCommand.Leave(List.of(known.id()));
    } else if (choice < 90) {
      var rule =
          new ThrottleRule("data-ops", Scope.INSTANCE, random.nextInt(3), 1 + random.nextInt(3));
      return random.nextInt(3) > 0
          ? new ControlCommand.SetThrottle(rule)
          : new ControlCommand.ClearThrottles(List.of(rule.key()));
    }
    if (choice < 91) {
      int dataset = random.nextInt(4);
      return new ControlCommand.ChangeSettings(
          dataset,
          random.nextBoolean()
              ? List.of(new SettingChange(dataset, Setting.FSYNC, "disk"))
              : List.of(new SettingChange(dataset, Setting.ATIME, "off")),
          random.nextBoolean() ? List.of() : List.of(Setting.FSYNC));
    }
    if (choice < 94) {
      return random.nextBoolean()
          ? new ControlCommand.AddDataset(
              new InodeId(1 + random.nextInt(3)), "/d" + random.nextInt(3))
          : new ControlCommand.WalkDataset(
              1 + random.nextInt(3), random.nextInt(10), random.nextInt(3) == 0);
    }
    List<Integer> over = new ArrayList<>();
    List<NodeId> leaving = new ArrayList<>();
    for (Node node : state.map().nodes()) {
      if (random.nextInt(3) > 0) {
        over.add(node.id().value());
      } else if (random.nextInt(6) > 0 && node.isMember()) {
        leaving.add(node.id());
      }
    }
    over.removeIf(node -> stateOf(state, node) == NodeState.GONE && random.nextInt(20) > 0);
    if (over.isEmpty()) {
      over.add(0);
    }
    return start(state, 1 + random.nextInt(50), over, leaving, random.nextBoolean());
  }

  private static void check(
      ControlState before, ControlState.Applied applied, ControlCommand command, String where) {
    ControlState state = applied.state();
    switch (applied.outcome().verdict()) {
      case UNCHANGED, REFUSED -> assertThat(state).as(where).isSameAs(before);
      case OK -> {
        assertThat(state.version()).as(where).isEqualTo(before.version() + 1);
        boolean raises =
            switch (command) {
              case ControlCommand.Join _,
                  ControlCommand.Leave _,
                  ControlCommand.Start _,
                  ControlCommand.Lose _,
                  ControlCommand.Searched _,
                  ControlCommand.Move _,
                  ControlCommand.Cancel _ ->
                  true;
              case ControlCommand.AddDataset _, ControlCommand.ChangeSettings _ ->
                  !state.inheritedChanges().equals(before.inheritedChanges());
              case ControlCommand.Announce _,
                  ControlCommand.Pause _,
                  ControlCommand.Resume _,
                  ControlCommand.Limit _,
                  ControlCommand.SetVoters _,
                  ControlCommand.SetThrottle _,
                  ControlCommand.ClearThrottles _,
                  ControlCommand.WalkDataset _ ->
                  false;
            };
        assertThat(state.epoch().value())
            .as(where)
            .isEqualTo(before.epoch().value() + (raises ? 1 : 0));
        int changed = 0;
        for (int slot = 0; slot < SlotId.COUNT; slot++) {
          if (state.map().ownerValue(slot) != before.map().ownerValue(slot)) {
            changed++;
            if (!(command instanceof ControlCommand.Move move)
                || !move.slots().contains(slot)
                || state.map().ownerValue(slot) != move.target().value()) {
              throw new AssertionError(where + ": slot " + slot + " moved by " + command);
            }
          }
        }
        if (command instanceof ControlCommand.Move move) {
          assertThat(changed).as(where).isEqualTo(move.slots().size());
        }
        ControlState.Applied again = state.apply(command);
        assertThat(again.outcome().verdict()).as(where + ": again").isNotEqualTo(Verdict.OK);
      }
    }
    Rebalance running = state.rebalance();
    if (running != null) {
      long left =
          IntStream.range(0, SlotId.COUNT)
              .filter(slot -> running.targetValue(slot) != state.map().ownerValue(slot))
              .count();
      assertThat(left).as(where).isPositive();
      assertThat(running.slotsPlanned() - running.slotsMoved()).as(where).isEqualTo((int) left);
    }
    for (NodeId owner : state.map().owningNodes()) {
      assertThat(stateOf(state, owner.value())).as(where).isNotEqualTo(NodeState.GONE);
    }
    for (Node node : before.map().nodes()) {
      Node now = present(state.map().node(node.id()));
      assertThat(now.incarnation()).as(where).isGreaterThanOrEqualTo(node.incarnation());
      if (!node.isMember()) {
        assertThat(now.state()).as(where).isEqualTo(NodeState.GONE);
      }
    }
  }

  @Test
  void refusesValuesThatCannotBe() {
    short[] owners = of(2).map().owners();
    assertThatThrownBy(() ->
            new ControlCommand.Start(
                0, Rebalance.Kind.EXPAND, Epoch.FIRST, owners, List.of(), 0, 1, false, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() ->
            new ControlCommand.Start(
                1, Rebalance.Kind.EXPAND, Epoch.FIRST, new short[5], List.of(), 0, 1, false, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() ->
            new ControlCommand.Start(
                1, Rebalance.Kind.CANCEL, Epoch.FIRST, owners, List.of(), 0, 1, false, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> new ControlCommand.Move(1, new NodeId(0), new NodeId(1), SlotSet.EMPTY, 0, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ControlCommand.Limit(1, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ControlCommand.Join(List.of(node(1), node(1))))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ControlCommand.Pause(1, "x".repeat(2000)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
