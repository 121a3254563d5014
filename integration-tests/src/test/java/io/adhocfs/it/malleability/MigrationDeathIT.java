package io.adhocfs.it.malleability;

import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_LEADER_AFTER_APPEND;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_AFTER_FINISH;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_AFTER_FIRST_PASS;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_AFTER_HOLD;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_AFTER_MOVE;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_BEFORE_LETTING_GO;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_IN_CATCH_UP;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_IN_FIRST_PASS;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_SOURCE_WHILE_DROPPING;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_TARGET_AFTER_CHUNK;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_TARGET_AFTER_FINISH;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_TARGET_AFTER_TAKE_UP;
import static io.adhocfs.daemon.crash.CrashPoint.MIGRATION_VOTER_BEFORE_FOUND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Deaths and standstills while slots are handed over: of the source, of the target, of who leads
 * the control plane, of the command, of a client, of many daemons at once; at each {@link
 * CrashPoint} of the handover; each started again at once, or when the others have come as far as
 * they can. The change ends by itself, programs are told no error, nothing acknowledged is lost,
 * and nothing is left over.
 *
 * <p>One instance serves all cases, one after the other: it grows, shrinks and moves. {@code
 * -Dadhocfs.full=true} plays the whole matrix; {@code -Dadhocfs.only=REGEX} plays those of all with
 * such a name.
 */
class MigrationDeathIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  /** A regular expression for the names of the cases to play; empty = all of them. */
  private static final String ONLY = System.getProperty("adhocfs.only", "");

  /** How often to play them. */
  private static final int REPEATED = Integer.getInteger("adhocfs.repeat", 1);

  private static final int NODES = 3;
  private static final Duration STANDSTILL = Duration.ofSeconds(30);

  /** Who has come no further for so long has come as far as it can. */
  private static final Duration NO_PROGRESS = Duration.ofSeconds(2);

  private enum Change {
    EXPAND,
    SHRINK,
    RELOCATE
  }

  /** Who is struck when somebody comes to the point. */
  private enum Victim {
    /** Who comes to it. */
    ITSELF,
    /** The node that is being added. */
    TARGET,
    LEADER,
    COMMAND,
    CLIENT,
    /** All daemons but the one that comes to it, which stands still as long. */
    ALL,
    /** Most of those that vote: what is left can agree on nothing. */
    MOST_VOTERS
  }

  private enum Fate {
    KILLED_AND_STARTED_AT_ONCE,
    KILLED_AND_STARTED_LATE,
    STOPPED
  }

  /**
   * One case.
   *
   * @param times at which time somebody comes past the point
   */
  private record Death(Change change, Victim victim, CrashPoint point, int times, Fate fate) {
    @Override
    public String toString() {
      return "%s: %s at %s%s, %s"
          .formatted(change, victim, point, times == 1 ? "" : ", time " + times, fate);
    }
  }

  private static List<Death> someDeaths() {
    return List.of(
        new Death(
            Change.EXPAND,
            Victim.ITSELF,
            MIGRATION_SOURCE_AFTER_HOLD,
            1,
            Fate.KILLED_AND_STARTED_AT_ONCE),
        new Death(
            Change.SHRINK,
            Victim.ITSELF,
            MIGRATION_SOURCE_BEFORE_LETTING_GO,
            1,
            Fate.KILLED_AND_STARTED_LATE),
        new Death(
            Change.EXPAND,
            Victim.ITSELF,
            MIGRATION_TARGET_AFTER_CHUNK,
            2,
            Fate.KILLED_AND_STARTED_LATE),
        new Death(
            Change.SHRINK,
            Victim.LEADER,
            MIGRATION_SOURCE_AFTER_FINISH,
            1,
            Fate.KILLED_AND_STARTED_LATE),
        new Death(
            Change.EXPAND,
            Victim.TARGET,
            MIGRATION_SOURCE_AFTER_FINISH,
            1,
            Fate.KILLED_AND_STARTED_AT_ONCE),
        new Death(
            Change.SHRINK,
            Victim.COMMAND,
            MIGRATION_SOURCE_AFTER_FIRST_PASS,
            1,
            Fate.KILLED_AND_STARTED_AT_ONCE),
        new Death(
            Change.EXPAND,
            Victim.CLIENT,
            MIGRATION_SOURCE_AFTER_HOLD,
            1,
            Fate.KILLED_AND_STARTED_AT_ONCE),
        new Death(Change.SHRINK, Victim.ITSELF, MIGRATION_SOURCE_AFTER_FINISH, 1, Fate.STOPPED));
  }

  private static int someTimes(CrashPoint point) {
    return switch (point) {
      case MIGRATION_SOURCE_IN_FIRST_PASS -> 3;
      case MIGRATION_SOURCE_WHILE_DROPPING, MIGRATION_TARGET_AFTER_CHUNK -> 2;
      default -> 1;
    };
  }

  /** The matrix: expanding and shrinking take turns, so that few nodes are enough. */
  private static List<Death> allDeaths() {
    List<Death> deaths = new ArrayList<>();
    for (CrashPoint point : CrashPoint.of(CrashPoint.Area.MIGRATION)) {
      for (Fate fate : Fate.values()) {
        deaths.add(
            point.group() == CrashPoint.Group.MIGRATION_VOTER
                ? new Death(Change.RELOCATE, Victim.ITSELF, point, 1, fate)
                : death(deaths, Victim.ITSELF, point, fate));
      }
    }
    // On the later batches of a node, too.
    for (CrashPoint point :
        List.of(
            MIGRATION_SOURCE_AFTER_HOLD,
            MIGRATION_SOURCE_BEFORE_LETTING_GO,
            MIGRATION_TARGET_AFTER_FINISH,
            MIGRATION_LEADER_AFTER_APPEND)) {
      Death first = death(deaths, Victim.ITSELF, point, Fate.KILLED_AND_STARTED_LATE);
      deaths.add(new Death(first.change(), first.victim(), point, 2, first.fate()));
    }
    for (CrashPoint point : CrashPoint.of(CrashPoint.Group.MIGRATION_SOURCE)) {
      for (Fate fate : List.of(Fate.KILLED_AND_STARTED_AT_ONCE, Fate.KILLED_AND_STARTED_LATE)) {
        deaths.add(new Death(Change.EXPAND, Victim.TARGET, point, someTimes(point), fate));
      }
      deaths.add(death(deaths, Victim.LEADER, point, Fate.KILLED_AND_STARTED_AT_ONCE));
      deaths.add(death(deaths, Victim.LEADER, point, Fate.KILLED_AND_STARTED_LATE));
      deaths.add(death(deaths, Victim.COMMAND, point, Fate.KILLED_AND_STARTED_AT_ONCE));
      deaths.add(death(deaths, Victim.CLIENT, point, Fate.KILLED_AND_STARTED_AT_ONCE));
    }
    for (CrashPoint point :
        List.of(
            MIGRATION_SOURCE_IN_CATCH_UP,
            MIGRATION_SOURCE_AFTER_FINISH,
            MIGRATION_SOURCE_AFTER_MOVE)) {
      deaths.add(death(deaths, Victim.LEADER, point, Fate.STOPPED));
      deaths.add(new Death(Change.EXPAND, Victim.TARGET, point, 1, Fate.STOPPED));
      deaths.add(death(deaths, Victim.MOST_VOTERS, point, Fate.STOPPED));
      deaths.add(death(deaths, Victim.MOST_VOTERS, point, Fate.KILLED_AND_STARTED_LATE));
      deaths.add(death(deaths, Victim.ALL, point, Fate.STOPPED));
      deaths.add(death(deaths, Victim.ALL, point, Fate.KILLED_AND_STARTED_AT_ONCE));
    }
    for (CrashPoint point :
        List.of(
            MIGRATION_SOURCE_IN_FIRST_PASS,
            MIGRATION_SOURCE_BEFORE_LETTING_GO,
            MIGRATION_TARGET_AFTER_FINISH,
            MIGRATION_TARGET_AFTER_TAKE_UP)) {
      deaths.add(
          new Death(
              Change.RELOCATE,
              Victim.ITSELF,
              point,
              someTimes(point),
              Fate.KILLED_AND_STARTED_LATE));
    }
    return deaths;
  }

  private static Death death(List<Death> before, Victim victim, CrashPoint point, Fate fate) {
    Change change = before.size() % 2 == 0 ? Change.EXPAND : Change.SHRINK;
    return new Death(change, victim, point, someTimes(point), fate);
  }

  /** What the cases share. */
  private static final class Stage implements AutoCloseable {
    final ChangingInstance instance;
    final Workload workload;
    private int programs;

    Stage(long seed) throws Exception {
      instance = ChangingInstance.up(NODES);
      workload = new Workload(instance, seed);
    }

    String newDirectory() {
      return "/program" + programs++;
    }

    @Override
    public void close() throws IOException {
      try {
        workload.close();
      } finally {
        instance.close();
      }
    }
  }

  /** The stage, and another one when a case has failed: what is wrong then goes on being wrong. */
  private static final class Stages implements AutoCloseable {
    private final long seed;
    private int failures;
    private @Nullable Stage stage;

    Stages(long seed) {
      this.seed = seed;
    }

    Stage current() throws Exception {
      Stage known = stage;
      if (known == null) {
        known = new Stage(seed + failures);
        stage = known;
      }
      return known;
    }

    /** Keeps what explains a failure, and takes the stage down. */
    void replace(Death death, Throwable failure) throws IOException, InterruptedException {
      Stage failed = stage;
      stage = null;
      if (failed == null) {
        return;
      }
      Path kept = Path.of("target", "migration-deaths", Integer.toString(failures++));
      try {
        failed.instance.copyLogs(kept);
        Files.writeString(kept.resolve("failure"), death + "\n" + failure);
        failed.workload.abandon();
        failed.instance.close();
      } catch (IOException | AssertionError e) {
        failure.addSuppressed(e);
      }
    }

    @Override
    public void close() throws IOException {
      if (stage != null) {
        stage.close();
      }
    }
  }

  @TestFactory
  Stream<DynamicTest> slotsArriveWhoeverDies() throws Exception {
    long seed = Long.getLong("adhocfs.seed", ThreadLocalRandom.current().nextLong());
    System.out.println("random numbers come from -Dadhocfs.seed=" + seed);
    List<Death> deaths = new ArrayList<>(FULL || !ONLY.isEmpty() ? allDeaths() : someDeaths());
    deaths.removeIf(death -> !Pattern.compile(ONLY).matcher(death.toString()).find());
    List<Death> once = List.copyOf(deaths);
    for (int i = 1; i < REPEATED; i++) {
      deaths.addAll(once);
    }
    var stages = new Stages(seed);
    return deaths.stream()
        .map(death ->
            dynamicTest(
                death.toString(),
                () -> {
                  long began = System.nanoTime();
                  Stage stage = stages.current();
                  try {
                    new Play(stage, death).run();
                  } catch (Throwable e) {
                    stages.replace(death, e);
                    // Reports know only its number.
                    throw new AssertionError(death + ": " + e.getMessage(), e);
                  } finally {
                    System.out.printf("%s: %.1f s%n", death, (System.nanoTime() - began) / 1e9);
                  }
                }))
        .onClose(() -> {
          try {
            stages.close();
          } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
          }
        });
  }

  /** One case being played. */
  private static final class Play {
    final Stage stage;
    final ChangingInstance instance;
    final Death death;
    final boolean stopsAtPoint;

    Play(Stage stage, Death death) {
      this.stage = stage;
      this.instance = stage.instance;
      this.death = death;
      // Others are struck while whoever comes to the point stands still there.
      stopsAtPoint = death.victim() != Victim.ITSELF || death.fate() == Fate.STOPPED;
    }

    void run() throws Exception {
      ControlState before = settle();
      List<Integer> members = ChangingInstance.members(before);
      List<String> words = words(members);
      List<Integer> toCome = toCome(before);
      List<Integer> armed = armed(members, words);
      String crash = death.point() + ":" + death.times() + (stopsAtPoint ? ":stop" : "");
      instance.arm(armed, crash);
      stage.workload.awaitProgress();
      boolean targetsAreNew =
          death.point() == MIGRATION_VOTER_BEFORE_FOUND
              || (death.point().group() == CrashPoint.Group.MIGRATION_TARGET
                  && death.change() != Change.SHRINK);
      List<Integer> watched = new ArrayList<>(armed);
      List<Integer> everybody = new ArrayList<>(members);
      everybody.addAll(toCome);
      if (targetsAreNew) {
        watched.addAll(toCome);
      }
      try (var history = new MapHistory(instance, everybody);
          AcknowledgingProgram program =
              death.victim() == Victim.CLIENT
                  ? new AcknowledgingProgram(instance, stage.newDirectory())
                  : null) {
        ChangingInstance.Running command = instance.begin(targetsAreNew ? crash : "", words);
        try {
          strike(command, program, watched, toCome);
          finish(command, before);
        } finally {
          command.process().toHandle().destroyForcibly();
          for (int node : everybody) {
            if (instance.isStopped(node)) {
              instance.signal(node, "CONT");
            }
          }
        }
        history.requireSound();
        if (program != null) {
          try (AdhocFileSystem reader = instance.newClient()) {
            program.requireAcknowledged(reader);
          }
        }
      }
      requireClean(before);
    }

    /** An instance of as many nodes as the change needs, with nothing under way. */
    private ControlState settle() throws Exception {
      ControlState state = instance.awaitState();
      List<Integer> dead = instance.dead(state);
      instance.start(dead);
      assertThat(state.rebalance()).as("under way").isNull();
      int wanted = death.change() == Change.SHRINK ? NODES + 1 : NODES;
      int nodes = ChangingInstance.members(state).size();
      if (nodes != wanted) {
        List<String> words =
            new ArrayList<>(List.of(nodes < wanted ? "expand" : "shrink", "--nodes"));
        words.addAll(List.of(Integer.toString(Math.abs(nodes - wanted)), "--wait"));
        instance.run("", words).expectSuccess();
        state = instance.awaitState();
      }
      return state;
    }

    private List<String> words(List<Integer> members) throws InterruptedException {
      return switch (death.change()) {
        case EXPAND -> List.of("expand", "--nodes", "1", "--wait");
        case SHRINK -> List.of("shrink", "--wait", "--remove", "n" + leaver(members));
        case RELOCATE -> List.of("relocate", "--nodes", Integer.toString(NODES), "--wait");
      };
    }

    /** Who leaves in a shrink: never the leader, where it is the leader's turn to die. */
    private int leaver(List<Integer> members) throws InterruptedException {
      if (death.victim() == Victim.LEADER) {
        int leader = instance.awaitLeader();
        return members.stream().filter(node -> node != leader).findFirst().orElseThrow();
      }
      return members.getFirst();
    }

    /** Nodes that the change will add. */
    private List<Integer> toCome(ControlState before) {
      int next =
          1 + before.map().nodes().stream().mapToInt(node -> node.id().value()).max().orElseThrow();
      return switch (death.change()) {
        case EXPAND -> List.of(next);
        case SHRINK -> List.of();
        case RELOCATE -> Stream.iterate(next, node -> node + 1).limit(NODES).toList();
      };
    }

    /** Members that are told to die or to stand still. */
    private List<Integer> armed(List<Integer> members, List<String> words)
        throws InterruptedException {
      if (death.point() == MIGRATION_VOTER_BEFORE_FOUND) {
        return List.of();
      }
      CrashPoint.Group group = death.point().group();
      if (group == CrashPoint.Group.MIGRATION_LEADER || group == CrashPoint.Group.MIGRATION_VOTER) {
        return instance.awaitState().voters().stream().map(node -> node.value()).toList();
      }
      if (group == CrashPoint.Group.MIGRATION_TARGET) {
        return death.change() == Change.SHRINK ? List.of(members.getLast()) : List.of();
      }
      return death.change() == Change.SHRINK
          ? List.of(Integer.parseInt(words.getLast().substring(1)))
          : List.of(members.get(1));
    }

    private List<Integer> atPoint(List<Integer> watched) throws IOException {
      List<Integer> found = new ArrayList<>();
      for (int node : watched) {
        if (stopsAtPoint
            ? instance.isStopped(node)
            : instance.hasStarted(node) && !instance.isRunning(node)) {
          found.add(node);
        }
      }
      return found;
    }

    /** Waits for somebody to come to the point, and lets happen there what is to happen. */
    private void strike(
        ChangingInstance.Running command,
        @Nullable AcknowledgingProgram program,
        List<Integer> watched,
        List<Integer> toCome)
        throws Exception {
      ChangingInstance.await(
          "somebody of " + watched + " at " + death.point(),
          () -> {
            stage.workload.requireNoFailure();
            if (atPoint(watched).isEmpty()) {
              if (!command.process().isAlive() && instance.awaitState().rebalance() == null) {
                throw new AssertionError(
                    "nobody has come to " + death.point() + "; the command said " + command.said());
              }
              return false;
            }
            return true;
          });
      List<Integer> there = atPoint(watched);
      switch (death.victim()) {
        case ITSELF -> {
          if (death.fate() == Fate.STOPPED) {
            awaitPassing(STANDSTILL);
          } else {
            restart();
          }
        }
        case TARGET -> strikeDaemons(toCome);
        case LEADER -> strikeDaemons(List.of(otherLeader(there)));
        case MOST_VOTERS -> {
          ControlState state = instance.awaitState();
          List<Integer> voters =
              new ArrayList<>(state.voters().stream().map(node -> node.value()).toList());
          voters.removeAll(there);
          strikeDaemons(voters.subList(0, Math.min(voters.size(), 2)));
        }
        case ALL -> {
          ControlState state = instance.awaitState();
          List<Integer> others = new ArrayList<>(ChangingInstance.members(state));
          others.removeAll(there);
          strikeDaemons(others);
        }
        case COMMAND -> command.process().toHandle().destroyForcibly();
        case CLIENT -> {
          if (program == null) {
            throw new IllegalStateException("no client");
          }
          program.kill();
        }
      }
      for (int node : watched) {
        if (instance.isStopped(node)) {
          instance.signal(node, "CONT");
        }
      }
    }

    /** Who leads, or will as soon as it is noticed that somebody stands still. */
    private int otherLeader(List<Integer> there) throws InterruptedException {
      int[] leader = {-1};
      ChangingInstance.await(
          "somebody to lead who does not stand still",
          () -> {
            leader[0] = instance.leader();
            return leader[0] >= 0 && !there.contains(leader[0]);
          });
      return leader[0];
    }

    private void strikeDaemons(List<Integer> nodes) throws Exception {
      assertThat(nodes).as("to be struck").isNotEmpty();
      if (death.fate() == Fate.STOPPED) {
        for (int node : nodes) {
          instance.signal(node, "STOP");
        }
        awaitPassing(STANDSTILL);
        for (int node : nodes) {
          instance.signal(node, "CONT");
        }
        return;
      }
      for (int node : nodes) {
        instance.kill(node);
      }
      if (death.fate() == Fate.KILLED_AND_STARTED_LATE) {
        // The others go on, with whoever came to the point.
        ControlState state = instance.newest();
        if (state != null) {
          for (int node : ChangingInstance.members(state)) {
            if (instance.isStopped(node)) {
              instance.signal(node, "CONT");
            }
          }
        }
      }
      restart();
    }

    private void awaitPassing(Duration duration) throws InterruptedException {
      long began = System.nanoTime();
      ChangingInstance.await(
          "time to pass",
          () -> {
            stage.workload.requireNoFailure();
            return System.nanoTime() - began > duration.toNanos();
          });
    }

    /** Starts what is dead, at once or when the others come no further. */
    private void restart() throws Exception {
      if (death.fate() == Fate.KILLED_AND_STARTED_LATE) {
        long[] seen = {-1, System.nanoTime()};
        ChangingInstance.await(
            "the others to come as far as they can",
            () -> {
              stage.workload.requireNoFailure();
              ControlState state = instance.newest();
              long version = state == null ? 0 : state.version();
              if (version != seen[0]) {
                seen[0] = version;
                seen[1] = System.nanoTime();
              }
              return System.nanoTime() - seen[1] > NO_PROGRESS.toNanos();
            });
      }
      startDead();
    }

    private void startDead() throws IOException, InterruptedException {
      ControlState state = instance.newest();
      if (state == null) {
        // None runs: all that there are.
        instance.startAllThatAreDown();
      } else {
        instance.start(instance.dead(state));
      }
    }

    /** Waits for the end of it, starting whoever dies on the way. */
    private void finish(ChangingInstance.Running command, ControlState before) throws Exception {
      ChangingInstance.await(
          "the end of it",
          () -> {
            stage.workload.requireNoFailure();
            ControlState state = instance.newest();
            if (state == null || !instance.dead(state).isEmpty()) {
              startDead();
              return false;
            }
            for (int node : ChangingInstance.members(state)) {
              if (instance.isStopped(node)) {
                // Another one that was told to stand still has come to the point.
                instance.signal(node, "CONT");
              }
            }
            return state.rebalance() == null && state.last() != null && !sameLast(before, state);
          });
      if (death.victim() != Victim.COMMAND) {
        ChangingInstance.await("the end of the command", () -> !command.process().isAlive());
        // With nobody to ask, it says so and gives up; the change goes on without it.
        boolean gaveUp =
            death.victim() == Victim.ALL
                && command.said().contains("no node of the instance answers");
        if (!gaveUp) {
          assertThat(command.process().exitValue()).as(command.said()).isZero();
        }
      }
    }

    private static boolean sameLast(ControlState before, ControlState after) {
      FinishedRebalance last = before.last();
      FinishedRebalance now = after.last();
      return last != null && now != null && last.id() == now.id();
    }

    private void requireClean(ControlState before) throws Exception {
      Commands.Result status =
          instance.run("", List.of("rebalance", "status", "--json")).expectSuccess();
      assertThat(status.output())
          .containsPattern("\"running\"\\s*:\\s*false")
          .containsPattern("\"outcome\"\\s*:\\s*\"done\"");
      long planned = number(status.output(), "slots_planned");
      assertThat(planned).isPositive();
      assertThat(number(status.output(), "slots_moved")).isEqualTo(planned);
      ControlState after = instance.awaitState();
      List<Integer> members = ChangingInstance.members(after);
      int wanted = death.change() == Change.EXPAND ? NODES + 1 : NODES;
      assertThat(members).hasSize(wanted);
      assertThat(kindOf(after)).isEqualTo(Rebalance.Kind.valueOf(death.change().name()));
      var owners = new TreeSet<Integer>();
      for (short owner : after.map().owners()) {
        owners.add(Short.toUnsignedInt(owner));
      }
      assertThat(owners).containsExactlyElementsOf(members);
      for (int node : ChangingInstance.members(before)) {
        if (!members.contains(node)) {
          ChangingInstance.await(
              "n" + node + " to leave nothing",
              () -> !instance.isRunning(node) && !instance.hasData(node));
        }
      }
      stage.workload.awaitProgress();
      stage.workload.requireAllRight();
      // What has gone is dropped a little later.
      ChangingInstance.await(
          "everything to be where it belongs",
          () -> {
            Commands.Result result = instance.run("", List.of("verify"));
            if (result.exitCode() != 0) {
              System.out.println(death + ": verify says " + result.output());
            }
            return result.exitCode() == 0;
          });
    }

    private static Rebalance.@Nullable Kind kindOf(ControlState state) {
      FinishedRebalance last = state.last();
      return last == null ? null : last.kind();
    }

    private static long number(String json, String name) {
      Matcher matcher = Pattern.compile("\"" + name + "\"\\s*:\\s*(\\d+)").matcher(json);
      if (!matcher.find()) {
        throw new AssertionError("no " + name + " in " + json);
      }
      return Long.parseLong(matcher.group(1));
    }
  }
}
