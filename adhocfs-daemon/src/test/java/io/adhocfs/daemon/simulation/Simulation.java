package io.adhocfs.daemon.simulation;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * One run: programs work on an instance while its network, its daemons and its size change; in the
 * end everything must be as the programs left it. What it does follows from the seed alone.
 */
public final class Simulation {
  private static final long DISK_BYTES = 64L << 20;

  /** Less than programs write. */
  private static final int SMALL_DISK_BYTES = 300_000;

  private static final int DAEMONS_MAX = 6;

  /** Longer than any run may take. */
  private static final long HANGS_AFTER_NANOS = 3_600_000_000_000L;

  private final long seed;
  private final SplittableRandom random;
  private final SimulatedInstance instance;
  private final SharedProgram.Together together;
  private final List<Program> programs = new ArrayList<>();
  private boolean over;
  private int moves;
  private int separations;

  /** What may happen in this run. */
  private final boolean power;

  private final boolean deaths;
  private final boolean resizes;
  private final boolean partitions;
  private final boolean fullDisks;

  private Simulation(long seed) {
    this.seed = seed;
    this.random = new SplittableRandom(seed);
    power = random.nextInt(4) == 0;
    deaths = power || random.nextInt(3) > 0;
    resizes = random.nextInt(3) > 0;
    partitions = random.nextInt(3) == 0;
    fullDisks = !power && random.nextInt(4) == 0;
    // Who cannot be told of a change for five seconds is not waited for.
    together = new SharedProgram.Together(!partitions && random.nextBoolean());
    long diskBytes = fullDisks ? 40_000 + random.nextInt(SMALL_DISK_BYTES) : DISK_BYTES;
    instance = new SimulatedInstance(random.split(), 1 + random.nextInt(4), settings(), diskBytes);
    instance
        .network()
        .faults(
            new SimulatedNetwork.Faults(
                random.nextInt(3) == 0 ? 0 : random.nextDouble(0.02),
                random.nextInt(3) == 0 ? 0 : random.nextDouble(0.1)));
    instance.powerFails(power);
    int processes = 1 + random.nextInt(3);
    for (int i = 0; i < processes; i++) {
      addPrograms(instance.newProcess());
    }
  }

  private void addPrograms(ClientProcess process) {
    int count = 1 + random.nextInt(2);
    for (int i = 0; i < count; i++) {
      String home = "/home" + programs.size();
      SplittableRandom own = random.split();
      int steps = 30 + random.nextInt(120);
      long pauseNanosMax = random.nextInt(3) == 0 ? 0 : random.nextLong(1, 200_000_000);
      programs.add(
          power
              ? new SyncedProgram(process, home, own, steps, pauseNanosMax)
              : !fullDisks && random.nextInt(3) == 0
                  ? new SharedProgram(process, together, own, steps, pauseNanosMax)
                  : new RandomProgram(process, home, own, steps, pauseNanosMax, fullDisks));
    }
  }

  private Settings settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put("fsync", power ? "disk" : "process");
    settings.put("chunk.size", "4KiB");
    settings.put("inline.max", "" + random.nextInt(3) * 1000);
    settings.put("client.deadline", "0");
    settings.put("daemon.data-threads", "2");
    settings.put("directory.spread-entries", random.nextBoolean() ? "3" : "100000");
    settings.put("distribution", random.nextInt(4) == 0 ? "local" : "wide-striping");
    return new Settings(settings);
  }

  /**
   * Runs one.
   *
   * @return what has happened, for people
   * @throws AssertionError what was not as it should be; names the seed
   */
  public static String run(long seed) {
    Simulation simulation = new Simulation(seed);
    try {
      simulation.run();
      return simulation.toString();
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
    } finally {
      simulation.instance.close();
    }
  }

  @Override
  public String toString() {
    return "seed %d: %d programs, %d s, %d events, %d deaths, %d moves, %d separations, %d daemons, version %d"
        .formatted(
            seed,
            programs.size(),
            instance.time().nanoTime() / 1_000_000_000,
            instance.time().events(),
            instance.deaths(),
            moves,
            separations,
            instance.daemons().size(),
            instance.state().version());
  }

  private void run() {
    programs.forEach(Program::start);
    if (deaths) {
      somethingDies();
    }
    if (resizes) {
      somethingMoves();
    }
    if (partitions) {
      somethingIsApart();
    }
    SimulatedTime time = instance.time();
    long limitNanos = time.nanoTime() + HANGS_AFTER_NANOS;
    while (!programs.stream().allMatch(Program::isOver)) {
      time.pass(100_000_000);
      if (time.nanoTime() > limitNanos) {
        throw new AssertionError("it hangs: " + programs);
      }
    }
    over = true;
    if (fullDisks) {
      makeRoom();
    }
    instance.settle();
    lookAtEverything();
  }

  private void later(long nanosMax, Runnable action) {
    instance
        .time()
        .after(
            random.nextLong(nanosMax),
            null,
            () -> {
              if (!over) {
                action.run();
              }
            });
  }

  private SimulatedDaemon anyDaemon() {
    List<SimulatedDaemon> all = instance.daemons();
    return all.get(random.nextInt(all.size()));
  }

  private void somethingDies() {
    later(
        2_000_000_000L,
        () -> {
          SimulatedDaemon daemon = anyDaemon();
          if (daemon.isAlive()) {
            daemon.dieAt(1 + random.nextInt(60));
          }
          somethingDies();
        });
  }

  private void somethingMoves() {
    later(
        4_000_000_000L,
        () -> {
          move();
          somethingMoves();
        });
  }

  /**
   * Gives all disks room, and resumes the rebalance until no pause can come any more: a daemon that
   * was refused before may ask for one a moment later.
   */
  private void makeRoom() {
    instance.daemons().forEach(daemon -> daemon.disk().resize(DISK_BYTES));
    for (int second = 0; second < 10; second++) {
      resume();
      instance.time().pass(1_000_000_000L);
    }
  }

  /** Has a rebalance go on that found no room. */
  private void resume() {
    Rebalance running = instance.state().rebalance();
    if (running != null && running.paused()) {
      var _ = instance.decide(new ControlCommand.Resume(running.id()));
    }
  }

  private void move() {
    resume();
    Rebalance running = instance.state().rebalance();
    if (running != null && random.nextInt(3) > 0) {
      return;
    }
    if (running != null && running.kind() != Rebalance.Kind.CANCEL && random.nextInt(3) == 0) {
      var _ = instance.decide(new ControlCommand.Cancel(running.id(), instance.time().nanoTime()));
      return;
    }
    if (random.nextBoolean() && instance.daemons().size() < DAEMONS_MAX) {
      var _ = instance.join().thenRun(this::rebalance);
    } else {
      rebalance();
    }
  }

  private void rebalance() {
    if (over) {
      return;
    }
    ClusterMap map = instance.map();
    List<NodeId> members =
        new ArrayList<>(
            map.nodes().stream().filter(ClusterMap.Node::isMember).map(n -> n.id()).toList());
    List<NodeId> leaving = new ArrayList<>();
    if (members.size() > 1 && random.nextInt(3) == 0) {
      leaving.add(members.remove(random.nextInt(members.size())));
    }
    moves++;
    int shift = random.nextInt(members.size());
    int stays = random.nextInt(3);
    var _ =
        instance.rebalance(
            slot -> {
              NodeId owner = map.owner(new io.adhocfs.protocol.model.SlotId(slot));
              return members.contains(owner) && slot % 3 < stays
                  ? owner.value()
                  : members.get((slot * 7 + shift) % members.size()).value();
            },
            leaving);
  }

  private void somethingIsApart() {
    later(
        10_000_000_000L,
        () -> {
          String one = anyDaemon().id().toString();
          List<String> others = new ArrayList<>();
          instance.daemons().forEach(daemon -> others.add(daemon.id().toString()));
          instance.processes().forEach(process -> others.add(process.name()));
          others.remove(one);
          String other = others.get(random.nextInt(others.size()));
          separations++;
          instance.network().separate(one, other, true);
          instance
              .time()
              .after(
                  random.nextLong(8_000_000_000L),
                  null,
                  () -> instance.network().separate(one, other, false));
          somethingIsApart();
        });
  }

  /** What was left is there, for one who comes anew. */
  private void lookAtEverything() {
    ClientProcess late = instance.newProcess();
    var looked = new CompletableFuture<Boolean>();
    late.begin(() -> {
      try {
        for (Program program : programs) {
          try {
            program.requireAll(late);
          } catch (AssertionError | FsException e) {
            throw new AssertionError("in the end, " + program + ": " + e.getMessage(), e);
          }
        }
        looked.complete(true);
      } catch (AssertionError e) {
        looked.completeExceptionally(e);
      }
    });
    instance.time().until(looked::isDone, "all is looked at");
    looked.join();
    Inspection.requireSound(instance);
  }
}
