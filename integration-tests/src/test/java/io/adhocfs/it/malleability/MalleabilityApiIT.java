package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.cli.process.NodeProcesses;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.NodeChanges;
import io.adhocfs.malleability.NodeChanges.Started;
import io.adhocfs.malleability.NodeLauncher;
import io.adhocfs.malleability.ResizePlan;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An outside controller, in Java, changes the nodes of an instance that programs use. */
@Timeout(300)
class MalleabilityApiIT {
  private static NodeChanges nodes(Controller controller, TestInstance instance)
      throws FsException {
    var directory = instance.instances();
    return controller.nodes(directory, new NodeProcesses(directory));
  }

  private static List<String> here(int nodes) {
    return Collections.nCopies(nodes, Change.THIS_MACHINE);
  }

  private static void expectError(FsError error, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).as(e.getMessage()).isEqualTo(error));
  }

  private static void expectDone(NodeChanges nodes, Started started) throws FsException {
    FinishedRebalance last = nodes.await(started.id(), running -> {});
    assertThat(last.id()).isEqualTo(started.id());
    assertThat(last.outcome()).isEqualTo(FinishedRebalance.Outcome.DONE);
    assertThat(last.slotsMoved()).isEqualTo(started.plan().slots().lowerBound());
    assertThat(nodes.awaitEnds()).isEmpty();
  }

  /**
   * Starts nodes and gives them slots before it says so, as if the answer to a proposal had been
   * lost, or another command had been faster.
   */
  private static final class HastyLauncher implements NodeLauncher {
    private final NodeProcesses processes;
    private final ChangingInstance instance;
    private final List<Place> removed = new ArrayList<>();

    HastyLauncher(ChangingInstance instance) throws FsException {
      this.instance = instance;
      processes = new NodeProcesses(instance.instances());
    }

    @Override
    public void check(InstanceDescription description, List<Place> places) throws FsException {
      processes.check(description, places);
    }

    @Override
    public List<ClusterMap.Node> start(InstanceDescription description, List<Place> places)
        throws FsException {
      List<ClusterMap.Node> started = processes.start(description, places);
      try {
        agree(new ControlCommand.Join(started));
        ClusterMap map = instance.awaitState().map();
        short[] target = map.owners();
        for (int slot = 0; slot < SlotId.COUNT; slot += 2) {
          target[slot] = (short) started.getFirst().id().value();
        }
        agree(
            new ControlCommand.Start(
                1, Rebalance.Kind.EXPAND, map.epoch(), target, List.of(), 0, 1, false, 1));
        // Nothing has moved yet: the new node has no map.
        agree(new ControlCommand.Pause(1, NodeChanges.PAUSED_ON_REQUEST));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return started;
    }

    private void agree(ControlCommand command) throws InterruptedException {
      ChangingInstance.await(
          "the nodes to agree",
          () ->
              instance.ask(0, new ControlRequest.Propose(command, true))
                      instanceof Reply.Decided decided
                  && decided.outcome().accepted());
    }

    @Override
    public void remove(InstanceDescription description, Place place) throws FsException {
      removed.add(place);
      processes.remove(description, place);
    }
  }

  @Test
  void aNodeThatHasBeenGivenSlotsIsNotTakenBack() throws Exception {
    try (ChangingInstance instance = ChangingInstance.up(1)) {
      var launcher = new HastyLauncher(instance);
      try (Controller controller = Controller.open(instance.description().instance())) {
        NodeChanges nodes = controller.nodes(instance.instances(), launcher);
        expectError(FsError.BUSY, () -> nodes.start(new Change.Expand(here(1)), 0, false));
        assertThat(launcher.removed).isEmpty();
        nodes.resume();
        assertThat(nodes.await(1, running -> {}).outcome())
            .isEqualTo(FinishedRebalance.Outcome.DONE);
        assertThat(nodes.present()).hasSize(2);
      }
      instance.run("", List.of("verify")).expectSuccess();
    }
  }

  @Test
  void plansStartsSteersAndWaits() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      Path mount = instance.mount();
      instance.bash(
          mount,
          "for i in $(seq 1 30); do head -c 1000000 /dev/urandom > f$i; done;"
              + " md5sum * > $PWD/../sums");
      try (Controller controller = Controller.open(instance.described())) {
        NodeChanges nodes = nodes(controller, instance);
        ResizePlan plan = nodes.plan(new Change.Expand(here(2)));
        assertThat(plan.slots().lowerBound()).isEqualTo(SlotId.COUNT - SlotId.COUNT / 3 - 1);
        assertThat(plan.totalBytes()).isBetween(15_000_000L, 30_000_000L);
        assertThat(plan.incoming()).hasSize(2);
        assertThat(nodes.present()).hasSize(1);

        Started started = nodes.start(new Change.Expand(here(2)), 500_000, false);
        List<Rebalance> seen = new ArrayList<>();
        nodes.pause();
        assertThat(controller.state().rebalance())
            .isNotNull()
            .satisfies(running -> {
              assertThat(running.paused()).isTrue();
              assertThat(running.bytesPerSecond()).isEqualTo(500_000);
            });
        // Others see it, and cannot begin another one.
        try (Controller other = Controller.open(instance.described())) {
          assertThat(other.state().rebalance()).isNotNull();
          NodeChanges otherNodes = nodes(other, instance);
          expectError(FsError.BUSY, () -> otherNodes.start(new Change.Expand(here(1)), 0, false));
        }
        nodes.limit(0);
        nodes.resume();
        FinishedRebalance last = nodes.await(started.id(), seen::add);
        assertThat(last.outcome()).isEqualTo(FinishedRebalance.Outcome.DONE);
        assertThat(seen).isSortedAccordingTo((a, b) -> a.slotsMoved() - b.slotsMoved());
        assertThat(nodes.present()).hasSize(3);

        expectError(FsError.INVALID, () -> nodes.plan(new Change.Shrink(List.of(new NodeId(77)))));
        expectError(
            FsError.INVALID,
            () ->
                nodes.start(
                    new Change.Shrink(nodes.present().stream().map(node -> node.id()).toList()),
                    0,
                    false));
        expectError(FsError.NOT_FOUND, nodes::pause);

        expectDone(
            nodes, nodes.start(new Change.Shrink(List.of(new NodeId(0), new NodeId(2))), 0, false));
        assertThat(nodes.present()).extracting(node -> node.id().value()).containsExactly(1);
        expectDone(nodes, nodes.start(new Change.Relocate(here(2)), 0, false));
        assertThat(nodes.present()).extracting(node -> node.id().value()).containsExactly(3, 4);

        Started vain = nodes.start(new Change.Expand(here(1)), 100_000, false);
        nodes.cancel();
        assertThat(nodes.await(vain.id(), running -> {}).outcome())
            .isEqualTo(FinishedRebalance.Outcome.CANCELLED);
        assertThat(nodes.awaitEnds()).isEmpty();
        assertThat(nodes.present()).hasSize(2);
      }
      instance.bash(mount, "md5sum --quiet -c ../sums");
      instance.verify();
    }
  }
}
