package io.adhocfs.it.malleability;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.SlotId;
import java.io.IOException;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/**
 * Asks daemons, one after the other, what was agreed on, and holds them to it: a version is the
 * same state whoever is asked, an epoch has the same owners, versions and epochs rise together, and
 * a slot that has moved stays where it was wanted.
 */
final class MapHistory implements AutoCloseable {
  /** The pace of looking. */
  private static final long PAUSE_NANOS = 100_000_000;

  private final ChangingInstance instance;
  private final List<Integer> nodes;
  private final TreeMap<Long, ControlState> byVersion = new TreeMap<>();
  private final CompletableFuture<Void> end;
  private volatile boolean ended;

  /**
   * @param nodes whom to ask, whether they answer or not
   */
  MapHistory(ChangingInstance instance, List<Integer> nodes) {
    this.instance = instance;
    this.nodes = List.copyOf(nodes);
    end = CompletableFuture.runAsync(this::run, work -> new Thread(work, "map-history").start());
  }

  private void run() {
    try {
      while (!ended) {
        for (int node : nodes) {
          if (!ended && instance.isRunning(node) && !instance.isStopped(node)) {
            ControlState state = instance.stateOf(node);
            if (state != null) {
              note(node, state);
            }
          }
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      }
    } catch (IOException | InterruptedException e) {
      throw new AssertionError("asking what was agreed on", e);
    }
  }

  private synchronized void note(int node, ControlState state) {
    ControlState known = byVersion.putIfAbsent(state.version(), state);
    if (known != null) {
      require(known.equals(state), node, state, known);
      return;
    }
    var before = byVersion.lowerEntry(state.version());
    if (before != null) {
      requireFollows(node, before.getValue(), state);
    }
    var after = byVersion.higherEntry(state.version());
    if (after != null) {
      requireFollows(node, state, after.getValue());
    }
  }

  private static void require(boolean holds, int node, ControlState said, ControlState other) {
    if (!holds) {
      throw new AssertionError("n" + node + " says " + said + ", but there is " + other);
    }
  }

  private static void requireFollows(int node, ControlState before, ControlState after) {
    boolean sameEpoch = before.epoch().equals(after.epoch());
    require(!before.epoch().isAfter(after.epoch()), node, after, before);
    Rebalance was = before.rebalance();
    Rebalance is = after.rebalance();
    int moved = 0;
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      int owner = before.map().ownerValue(slot);
      if (after.map().ownerValue(slot) != owner) {
        moved++;
        // What is where it is wanted stays there.
        require(was == null || was.targetValue(slot) != owner, node, after, before);
        require(
            is == null || is.targetValue(slot) == after.map().ownerValue(slot),
            node,
            after,
            before);
      }
    }
    require(moved == 0 || !sameEpoch, node, after, before);
    if (was != null && is != null && was.id() == is.id()) {
      require(is.slotsMoved() - was.slotsMoved() == moved, node, after, before);
    }
  }

  /** Fails if the daemons have ever said what cannot be; asks no more. */
  void requireSound() {
    ended = true;
    end.join();
  }

  @Override
  public void close() {
    ended = true;
    // Its failure has been told, or something worse has happened before.
    var _ = end.exceptionally(_ -> null).join();
  }
}
