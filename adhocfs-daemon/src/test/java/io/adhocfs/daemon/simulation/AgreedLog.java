package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the daemons agree on, as if all that vote were one that never fails. Daemons reach it over
 * the network: they hear of news late, proposals and their outcomes are lost and repeated.
 */
public final class AgreedLog {
  /** Its name as a process. */
  public static final String PROCESS = "log";

  private static final long AGAIN_NANOS = 50_000_000;
  private static final long NEWS_NANOS = 20_000_000;

  private final SimulatedTime time;
  private final SimulatedNetwork network;
  private final SplittableRandom random;
  private final List<Plane> planes = new ArrayList<>();
  private ControlState state;

  AgreedLog(SimulatedTime time, SimulatedNetwork network, SplittableRandom random, ClusterMap map) {
    this.time = time;
    this.network = network;
    this.random = random;
    this.state = ControlState.initial(map);
  }

  public ControlState state() {
    return state;
  }

  /** Applies a command at once. */
  public Outcome apply(ControlCommand command) {
    ControlState.Applied applied = state.apply(command);
    time.trace(() -> "log: " + told(command) + ": " + applied.outcome());
    if (applied.state().version() != state.version()) {
      state = applied.state();
      if (!state.wantedVoters().equals(state.voters())) {
        state = state.apply(new ControlCommand.SetVoters(state.wantedVoters())).state();
      }
      planes.forEach(Plane::newsComes);
    }
    return applied.outcome();
  }

  private static String told(ControlCommand command) {
    String text = command.toString();
    return text.length() > 200 ? text.substring(0, 200) + "..." : text;
  }

  /** What a daemon keeps of it on its disk. */
  static final class Kept {
    @Nullable ControlState state;
    final Set<ControlCommand.Move> undecided = new LinkedHashSet<>();
  }

  Plane plane(String process, Life life, Executor metadataThread, ClusterState cluster, Kept kept) {
    planes.removeIf(earlier -> earlier.life.ended);
    var plane = new Plane(process, life, metadataThread, cluster, kept);
    planes.add(plane);
    plane.newsComes();
    return plane;
  }

  /** The part of one daemon. */
  final class Plane implements ControlPlane {
    private final String process;
    private final Life life;
    private final Executor metadataThread;
    private final ClusterState cluster;
    private final Kept kept;
    private final List<Consumer<ControlState>> listeners = new ArrayList<>();
    private ControlState known;

    Plane(String process, Life life, Executor metadataThread, ClusterState cluster, Kept kept) {
      this.process = process;
      this.life = life;
      this.metadataThread = metadataThread;
      this.cluster = cluster;
      this.kept = kept;
      ControlState stored = kept.state;
      this.known = stored == null ? state : stored;
      cluster.installNow(known.map());
    }

    /** Completes once it is known what became of the moves that an earlier process proposed. */
    CompletableFuture<Void> settled() {
      return CompletableFuture.allOf(
          List.copyOf(kept.undecided).stream()
              .map(move -> propose(move, Deadline.NEVER))
              .toArray(CompletableFuture<?>[]::new));
    }

    private void later(long nanos, Runnable action) {
      time.after(nanos, life, action);
    }

    private boolean isApart() {
      return network.areApart(process, PROCESS);
    }

    private void newsComes() {
      later(
          network.latency() + random.nextLong(NEWS_NANOS),
          () -> {
            if (isApart()) {
              later(AGAIN_NANOS, this::newsComes);
            } else {
              advance(state, () -> {});
            }
          });
    }

    /** Takes over a newer state, then goes on. */
    private void advance(ControlState newer, Runnable then) {
      metadataThread.execute(() -> {
        if (newer.version() > known.version()) {
          cluster.install(newer.map());
          known = newer;
          if (random.nextBoolean()) {
            kept.state = newer;
          }
          listeners.forEach(listener -> listener.accept(newer));
        }
        then.run();
      });
    }

    @Override
    public ControlState state() {
      return known;
    }

    @Override
    public void onChange(Consumer<ControlState> listener) {
      metadataThread.execute(() -> {
        listeners.add(listener);
        listener.accept(known);
      });
    }

    @Override
    public CompletableFuture<Outcome> propose(ControlCommand command, Deadline deadline) {
      if (command instanceof ControlCommand.Move move) {
        kept.undecided.add(move);
      }
      CompletableFuture<Outcome> outcome = asked(deadline);
      tryToPropose(command, outcome);
      return outcome;
    }

    private <T> CompletableFuture<T> asked(Deadline deadline) {
      var answer = new CompletableFuture<T>();
      if (deadline.bounded()) {
        later(
            deadline.patienceNanos(),
            () ->
                answer.completeExceptionally(
                    new FsException(FsError.TIMED_OUT, "the voters did not answer in time")));
      }
      return answer;
    }

    private void tryToPropose(ControlCommand command, CompletableFuture<Outcome> answer) {
      if (answer.isDone()) {
        return;
      }
      if (isApart()) {
        later(AGAIN_NANOS, () -> tryToPropose(command, answer));
        return;
      }
      // Whoever proposes may die meanwhile: it arrives nevertheless.
      time.after(
          network.latency(),
          null,
          () -> {
            Outcome outcome = apply(command);
            ControlState after = state;
            boolean lost = random.nextInt(8) == 0;
            later(
                lost ? AGAIN_NANOS : network.latency(),
                () -> {
                  if (lost || isApart()) {
                    tryToPropose(command, answer);
                    return;
                  }
                  if (command instanceof ControlCommand.Move move) {
                    kept.undecided.remove(move);
                    kept.state = after;
                  }
                  advance(after, () -> answer.complete(outcome));
                });
          });
    }

    @Override
    public CompletableFuture<ControlState> caughtUp(Epoch atLeast, Deadline deadline) {
      CompletableFuture<ControlState> answer = asked(deadline);
      look(atLeast, answer);
      return answer;
    }

    private void look(Epoch atLeast, CompletableFuture<ControlState> answer) {
      if (answer.isDone()) {
        return;
      }
      if (!atLeast.isAfter(known.epoch())) {
        answer.complete(known);
        return;
      }
      later(
          network.latency(),
          () -> {
            if (isApart()) {
              later(AGAIN_NANOS, () -> look(atLeast, answer));
            } else {
              advance(state, () -> look(atLeast, answer));
            }
          });
    }

    @Override
    public CompletableFuture<ControlState> confirmed(Deadline deadline) {
      CompletableFuture<ControlState> answer = asked(deadline);
      confirm(answer);
      return answer;
    }

    private void confirm(CompletableFuture<ControlState> answer) {
      if (answer.isDone()) {
        return;
      }
      later(
          network.latency(),
          () -> {
            if (isApart()) {
              later(AGAIN_NANOS, () -> confirm(answer));
            } else {
              advance(state, () -> answer.complete(known));
            }
          });
    }
  }
}
