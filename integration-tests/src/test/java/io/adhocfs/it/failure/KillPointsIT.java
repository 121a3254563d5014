package io.adhocfs.it.failure;

import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_AFTER_DECIDE;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_AFTER_DECISION;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_AFTER_PREPARE;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_BEFORE_DECIDE;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_BEFORE_DECISION;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_BEFORE_FORGET;
import static io.adhocfs.daemon.crash.CrashPoint.COORDINATOR_BEFORE_PREPARE;
import static io.adhocfs.daemon.crash.CrashPoint.CUT_AFTER_DISCARD;
import static io.adhocfs.daemon.crash.CrashPoint.CUT_AFTER_RECORD;
import static io.adhocfs.daemon.crash.CrashPoint.INLINE_AFTER_RECORD;
import static io.adhocfs.daemon.crash.CrashPoint.INLINE_AFTER_WRITE;
import static io.adhocfs.daemon.crash.CrashPoint.LOCAL_AFTER_COMMIT;
import static io.adhocfs.daemon.crash.CrashPoint.PARTICIPANT_AFTER_APPLY;
import static io.adhocfs.daemon.crash.CrashPoint.PARTICIPANT_AFTER_PREPARED;
import static io.adhocfs.daemon.crash.CrashPoint.PARTICIPANT_BEFORE_APPLY;
import static io.adhocfs.daemon.crash.CrashPoint.PARTICIPANT_BEFORE_PREPARED;
import static io.adhocfs.daemon.crash.CrashPoint.RECLAIM_AFTER_DISCARD;
import static io.adhocfs.daemon.crash.CrashPoint.RECLAIM_AFTER_RECORD;
import static io.adhocfs.it.failure.Deed.COORDINATOR;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.it.failure.Deed.Play;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/**
 * Daemons that die as if killed at each {@link CrashPoint} of operations over several nodes, and
 * are started again. A client that waits is told success, once, and the operation has run once; a
 * client that is gone leaves one of the two states. Nothing is inconsistent, nothing stays locked.
 *
 * <p>One instance serves all cases, one after the other. {@code -Dadhocfs.full=true} plays a death
 * at each point of each operation, where the seed decides whether the client dies as well; {@code
 * -Dadhocfs.only=REGEX} plays those of all with such a name.
 */
class KillPointsIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  /** A regular expression for the names of the cases to play; empty = all of them. */
  private static final String ONLY = System.getProperty("adhocfs.only", "");

  /**
   * One case.
   *
   * @param deaths where which nodes die
   * @param times at which time they come past
   * @param clientDies whether the client is killed as soon as the first daemon has died
   */
  private record Death(Deed deed, Map<Integer, CrashPoint> deaths, int times, boolean clientDies) {
    static Death of(Deed deed, int node, CrashPoint point) {
      return new Death(deed, Map.of(node, point), 1, false);
    }

    Death atTime(int n) {
      return new Death(deed, deaths, n, clientDies);
    }

    Death withClient() {
      return new Death(deed, deaths, times, true);
    }

    @Override
    public String toString() {
      return "%s: %s%s%s"
          .formatted(
              deed,
              new TreeMap<>(deaths),
              times == 1 ? "" : ", time " + times,
              clientDies ? ", and the client" : "");
    }
  }

  /** Each point and each operation, with deaths of coordinators, participants and clients. */
  private static List<Death> someDeaths() {
    return List.of(
        Death.of(Deed.RENAME_DIRECTORY, COORDINATOR, COORDINATOR_BEFORE_PREPARE),
        Death.of(Deed.RENAME_ONTO_FILE, COORDINATOR, COORDINATOR_AFTER_PREPARE).atTime(2),
        Death.of(Deed.RENAME_FILE, COORDINATOR, COORDINATOR_BEFORE_DECISION).withClient(),
        Death.of(Deed.MAKE_DIRECTORY, COORDINATOR, COORDINATOR_AFTER_DECISION),
        Death.of(Deed.REMOVE_DIRECTORY, COORDINATOR, COORDINATOR_BEFORE_DECIDE),
        Death.of(Deed.LINK, COORDINATOR, COORDINATOR_AFTER_DECIDE),
        Death.of(Deed.RENAME_FILE, COORDINATOR, COORDINATOR_BEFORE_FORGET),
        Death.of(Deed.MAKE_DIRECTORY, 2, PARTICIPANT_BEFORE_PREPARED),
        Death.of(Deed.LINK, 2, PARTICIPANT_AFTER_PREPARED).withClient(),
        Death.of(Deed.UNLINK_OF_LINKED_FILE, 2, PARTICIPANT_BEFORE_APPLY),
        Death.of(Deed.RENAME_DIRECTORY, 0, PARTICIPANT_AFTER_APPLY),
        Death.of(Deed.CREATE, COORDINATOR, LOCAL_AFTER_COMMIT),
        Death.of(Deed.TRUNCATE, COORDINATOR, CUT_AFTER_RECORD),
        Death.of(Deed.TRUNCATE, COORDINATOR, CUT_AFTER_DISCARD),
        Death.of(Deed.GROW, COORDINATOR, INLINE_AFTER_RECORD),
        Death.of(Deed.GROW, COORDINATOR, INLINE_AFTER_WRITE),
        Death.of(Deed.RENAME_ONTO_FILE, 0, RECLAIM_AFTER_RECORD),
        Death.of(Deed.RENAME_ONTO_FILE, 0, RECLAIM_AFTER_DISCARD));
  }

  private static List<Integer> nodesOf(Deed deed) {
    List<Integer> nodes = new ArrayList<>(List.of(COORDINATOR));
    nodes.addAll(deed.participants());
    return nodes;
  }

  /**
   * Deaths at all points.
   *
   * @param random decides which clients die; null = each case with and without
   */
  private static List<Death> allDeaths(@Nullable SplittableRandom random) {
    List<Death> deaths = new ArrayList<>();
    for (Deed deed : Deed.values()) {
      for (int node : nodesOf(deed)) {
        for (CrashPoint point : CrashPoint.of(CrashPoint.Area.OPERATIONS)) {
          if (deed.reaches(point, node)) {
            boolean clientDies = random != null && random.nextBoolean();
            if (!clientDies) {
              deaths.add(Death.of(deed, node, point));
            }
            if (clientDies || random == null) {
              deaths.add(Death.of(deed, node, point).withClient());
            }
          }
        }
      }
      for (int time = 2; time <= deed.participants().size(); time++) {
        deaths.add(Death.of(deed, COORDINATOR, COORDINATOR_BEFORE_PREPARE).atTime(time));
        deaths.add(Death.of(deed, COORDINATOR, COORDINATOR_AFTER_PREPARE).atTime(time));
      }
      if (!deed.participants().isEmpty()) {
        int node = deed.participants().getLast();
        for (CrashPoint point : CrashPoint.of(CrashPoint.Group.PARTICIPANT)) {
          for (CrashPoint first :
              List.of(COORDINATOR_BEFORE_DECISION, COORDINATOR_AFTER_DECISION)) {
            deaths.add(new Death(deed, Map.of(COORDINATOR, first, node, point), 1, false));
          }
        }
      }
    }
    return deaths;
  }

  /** The state of things that the cases share. */
  private static final class Stage implements AutoCloseable {
    final MortalInstance instance;
    final Set<CrashPoint> reached = EnumSet.noneOf(CrashPoint.class);
    private int scenes;

    Stage() throws IOException, InterruptedException {
      instance = MortalInstance.up(Deed.NODES);
    }

    Scene newScene() {
      return new Scene(instance, "scene" + scenes++);
    }

    @Override
    public void close() throws IOException {
      instance.close();
    }
  }

  @TestFactory
  Stream<DynamicTest> anOperationRunsOnceWhereverDaemonsDie() throws Exception {
    var stage = new Stage();
    List<DynamicTest> tests = new ArrayList<>();
    SplittableRandom random = null;
    if (ONLY.isEmpty()) {
      long seed = Long.getLong("adhocfs.seed", ThreadLocalRandom.current().nextLong());
      System.out.println("random numbers come from -Dadhocfs.seed=" + seed);
      random = new SplittableRandom(seed);
    }
    for (Death death : FULL ? allDeaths(random) : someDeaths()) {
      tests.add(named(death.toString(), () -> play(stage, death)));
    }
    if (FULL) {
      for (CrashPoint point : CrashPoint.of(CrashPoint.Area.OPERATIONS)) {
        int chosen = random == null ? -1 : random.nextInt(Deed.NODES);
        for (int node = 0; node < Deed.NODES; node++) {
          if (chosen >= 0 && node != chosen) {
            continue;
          }
          int armed = node;
          tests.add(
              named(
                  "n" + node + " comes past " + point + " only where it should",
                  () -> playWithoutDeaths(stage, armed, point)));
        }
      }
    }
    if (ONLY.isEmpty()) {
      tests.add(
          dynamicTest(
              "every point has been reached",
              () -> assertThat(stage.reached).containsExactlyElementsOf(points())));
    } else {
      tests.removeIf(test -> !Pattern.compile(ONLY).matcher(test.getDisplayName()).find());
    }
    return tests.stream()
        .onClose(() -> {
          try {
            stage.close();
          } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
          }
        });
  }

  /** A test whose failure names it: reports know only its number. */
  private static DynamicTest named(String name, Executable test) {
    return dynamicTest(
        name,
        () -> {
          try {
            test.execute();
          } catch (Throwable e) {
            throw new AssertionError(name + ": " + e.getMessage(), e);
          }
        });
  }

  private static void play(Stage stage, Death death) throws Exception {
    MortalInstance instance = stage.instance;
    Scene scene = stage.newScene();
    Play play = death.deed().prepare(scene);
    assertThat(scene.look()).as("before").isEqualTo(play.before());
    var died = new TreeSet<Integer>();
    try {
      var armed = new TreeMap<Integer, String>();
      death.deaths().forEach((node, point) -> armed.put(node, point + ":" + death.times()));
      instance.arm(armed);
      if (death.clientDies()) {
        letClientDieToo(instance, death, scene, play, died);
      } else {
        retry(instance, scene, play, died);
      }
      if (death.deaths().size() == 1) {
        assertThat(died).as("died").isEqualTo(death.deaths().keySet());
      } else {
        assertThat(died).as("died").isNotEmpty().isSubsetOf(death.deaths().keySet());
      }
      instance.expectNoLitter();
      instance.verify();
      scene.expectContents();
    } finally {
      died.forEach(node -> stage.reached.add(death.deaths().get(node)));
      instance.disarm();
    }
  }

  /** Runs it with a client that waits, starting whoever dies and adding them to a set. */
  private static void retry(MortalInstance instance, Scene scene, Play play, Set<Integer> died)
      throws Exception {
    CompletableFuture<?> answer = play.operation().begin(instance.client().inodes());
    MortalInstance.await(
        "the end of " + play.operation(),
        () -> {
          List<Integer> dead = instance.startDead();
          died.addAll(dead);
          return dead.isEmpty() && answer.isDone() && instance.isQuiet();
        });
    MortalInstance.expectSuccess(answer);
    assertThat(scene.look()).as("after").isEqualTo(play.after());
  }

  /** Runs it with a client that is killed as soon as somebody has died; adds who died to a set. */
  private static void letClientDieToo(
      MortalInstance instance, Death death, Scene scene, Play play, Set<Integer> died)
      throws Exception {
    Process client = instance.startClient(play.operation());
    boolean toldSuccess;
    try (BufferedReader said = client.inputReader()) {
      assertThat(said.readLine()).isEqualTo(NamedOperation.READY);
      client.outputWriter().append('\n').flush();
      // Some points come after the answer.
      MortalInstance.await("a death at " + death, instance::isAnyDead);
      // By its handle: that of Process would close what it has said.
      client.toHandle().destroyForcibly();
      client.waitFor();
      toldSuccess = NamedOperation.DONE.equals(said.readLine());
    } finally {
      client.destroyForcibly().waitFor();
    }
    died.addAll(instance.startDead());
    Set<Map<String, String>> allowed =
        toldSuccess ? Set.of(play.after()) : statesWithoutClient(death, play);
    var seen = new AtomicReference<Map<String, String>>(Map.of());
    try {
      MortalInstance.await(
          "an end",
          () -> {
            seen.set(scene.look());
            return instance.isQuiet() && allowed.contains(seen.get());
          });
    } catch (AssertionError e) {
      throw new AssertionError(seen + " is none of " + allowed, e);
    }
    // What is undone can be done by somebody else: nothing has stayed locked.
    if (play.before().equals(seen.get())) {
      CompletableFuture<?> answer = play.operation().begin(instance.client().inodes());
      if (death.deaths().containsKey(COORDINATOR)) {
        MortalInstance.expectSuccess(answer);
      } else {
        // The coordinator lives, and may have come first with its next try.
        MortalInstance.await("an answer", answer::isDone);
      }
      instance.awaitQuiet();
    }
    assertThat(scene.look()).as("after").isEqualTo(play.after());
  }

  /** What may be there when nobody asks again. */
  private static Set<Map<String, String>> statesWithoutClient(Death death, Play play) {
    CrashPoint point = death.deaths().values().iterator().next();
    return switch (point.group()) {
      case COORDINATOR ->
          Set.of(point.compareTo(COORDINATOR_AFTER_DECISION) < 0 ? play.before() : play.after());
      case INLINE, SPREADING -> Set.of(play.before());
      // The coordinator lives and tries again until its time is over. Who applies may be told to
      // give up, too, where another participant took too long.
      case PARTICIPANT -> Set.of(play.before(), play.after());
      case LOCAL, CUT, RECLAIM -> Set.of(play.after());
      case REMOVAL, MIGRATION_SOURCE, MIGRATION_TARGET, MIGRATION_LEADER, MIGRATION_VOTER ->
          throw new IllegalArgumentException(point + " is none of an operation");
    };
  }

  /** All points but those of {@link SpreadDeathIT}. */
  private static List<CrashPoint> points() {
    return CrashPoint.of(CrashPoint.Area.OPERATIONS).stream()
        .filter(point -> point.group() != CrashPoint.Group.SPREADING)
        .toList();
  }

  /** Runs all operations in which a node does not come past a point: it lives. */
  private static void playWithoutDeaths(Stage stage, int node, CrashPoint point) throws Exception {
    MortalInstance instance = stage.instance;
    List<Deed> deeds =
        Arrays.stream(Deed.values()).filter(deed -> !deed.reaches(point, node)).toList();
    var scenes = new ArrayList<Scene>();
    var plays = new ArrayList<Play>();
    for (Deed deed : deeds) {
      Scene scene = stage.newScene();
      scenes.add(scene);
      plays.add(deed.prepare(scene));
    }
    try {
      instance.arm(Map.of(node, point.name()));
      for (int i = 0; i < plays.size(); i++) {
        var died = new TreeSet<Integer>();
        retry(instance, scenes.get(i), plays.get(i), died);
        assertThat(died).as("died in %s", deeds.get(i)).isEmpty();
      }
      instance.verify();
    } finally {
      instance.disarm();
    }
  }
}
