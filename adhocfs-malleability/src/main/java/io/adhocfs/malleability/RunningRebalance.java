package io.adhocfs.malleability;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Steers the rebalance that is running, if one is, and watches it until its end. For one thread.
 */
final class RunningRebalance {
  private static final long LOOK_MILLIS = 100;

  /** If nothing has moved for this long, a node may be missing. */
  private static final Duration STALLED = Duration.ofSeconds(5);

  private final Agreement agreement;
  private final AnsweringNodes answering;

  /**
   * The nodes that a rebalance waits for, and the time since which they were seen not to answer, by
   * {@link System#nanoTime}.
   */
  private final Map<NodeId, Long> silentSince = new TreeMap<>();

  RunningRebalance(Agreement agreement, AnsweringNodes answering) {
    this.agreement = agreement;
    this.answering = answering;
  }

  void pause() throws FsException {
    agreement.propose(new ControlCommand.Pause(required().id(), NodeChanges.PAUSED_ON_REQUEST));
  }

  void resume() throws FsException {
    agreement.propose(new ControlCommand.Resume(required().id()));
  }

  void cancel() throws FsException {
    agreement.propose(
        new ControlCommand.Cancel(required().id(), WallClock.nanos(InstantSource.system())));
  }

  void limit(long bytesPerSecond) throws FsException {
    Rebalance running = required();
    agreement.propose(
        new ControlCommand.Limit(running.id(), bytesPerSecond, running.batchesAtOnce()));
  }

  private Rebalance required() throws FsException {
    Rebalance running = agreement.state().rebalance();
    if (running == null) {
      throw new FsException(FsError.NOT_FOUND, "no rebalance is running");
    }
    return running;
  }

  /** As {@link NodeChanges#await(long, Consumer, Consumer)}. */
  FinishedRebalance await(long id, Consumer<Rebalance> progress, Consumer<List<String>> stalled)
      throws FsException {
    long seen = -1;
    long seenNanos = System.nanoTime();
    while (true) {
      Rebalance running = agreement.refresh().rebalance();
      if (running == null || (running.id() != id && running.id() != Rebalance.cancelOf(id))) {
        FinishedRebalance last = agreement.state().last();
        if (last == null) {
          throw new FsException(FsError.INTERNAL, "the nodes know of no such rebalance");
        }
        return last;
      }
      progress.accept(running);
      long done = running.bytesSent() + running.slotsMoved();
      if (done != seen || running.paused()) {
        seen = done;
        seenNanos = System.nanoTime();
      } else if (System.nanoTime() - seenNanos > STALLED.toNanos()) {
        seenNanos = System.nanoTime();
        stalled.accept(awaited());
      }
      if (running.paused() && !running.reason().equals(NodeChanges.PAUSED_ON_REQUEST)) {
        throw new FsException(
            FsError.NO_SPACE,
            "paused with %d of %d slots moved: %s; 'adhocfs rebalance resume' goes on, 'adhocfs rebalance cancel' moves the slots back"
                .formatted(running.slotsMoved(), running.slotsPlanned(), running.reason()));
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new FsException(FsError.INTERRUPTED, "interrupted while waiting", e);
      }
    }
  }

  /** As {@link NodeChanges#awaited}. */
  List<String> awaited() throws FsException {
    Rebalance running = agreement.state().rebalance();
    if (running == null) {
      return List.of();
    }
    var needed = new TreeSet<NodeId>();
    ClusterMap map = agreement.state().map();
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      if (map.ownerValue(slot) != running.targetValue(slot)) {
        needed.add(map.owner(new SlotId(slot)));
        needed.add(running.targetOf(slot));
      }
    }
    needed.addAll(agreement.state().voters());
    needed.removeAll(answering.among(needed));
    silentSince.keySet().retainAll(needed);
    return needed.stream().map(this::waitsFor).toList();
  }

  private String waitsFor(NodeId id) {
    long nanos = System.nanoTime() - silentSince.computeIfAbsent(id, _ -> System.nanoTime());
    return "waits for %s, which does not answer%s; start it with 'adhocfs start %s', or go on without it and its data: adhocfs shrink --remove %s --lost"
        .formatted(
            NodeNames.withAddresses(agreement.state().map(), List.of(id)),
            nanos < 1_000_000_000L ? "" : " (silent for " + nanos / 1_000_000_000L + " s)",
            id,
            id);
  }
}
