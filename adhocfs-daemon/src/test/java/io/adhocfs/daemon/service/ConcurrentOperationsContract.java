package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.simulation.SimulatedNetwork;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ControlRequest;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Many clients at once: nothing is lost, nobody waits for ever, nobody sees what can't be. Another
 * run with {@code -Dadhocfs.seed=N}.
 */
abstract class ConcurrentOperationsContract extends ServiceFixture {
  private static final long SEED = Long.getLong("adhocfs.seed", 1);
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private final SplittableRandom random = new SplittableRandom(SEED);
  private final boolean powerFails;
  private final RequestClient first = client;
  private final List<RequestClient> clients = new ArrayList<>(List.of(first));
  private final List<InodeId> directories = new ArrayList<>();
  private final Map<FsError, Integer> errors = new EnumMap<>(FsError.class);
  private int succeeded;
  private int running;

  /**
   * @param powerFails whether daemons that die lose what they have not synced
   */
  ConcurrentOperationsContract(Map<String, String> settings, boolean powerFails)
      throws FsException {
    super(SEED, 4, settings);
    this.powerFails = powerFails;
    while (clients.size() < 24) {
      clients.add(new RequestClient(instance));
    }
    for (int i = 0; i < 6; i++) {
      directories.add(first.makeDirectory(ROOT, "dir" + i));
    }
  }

  private InodeId anyDirectory() {
    return directories.get(random.nextInt(directories.size()));
  }

  /** Has a client run one operation after the other. */
  private void keepGoing(int operations, Supplier<CompletableFuture<?>> next) {
    if (operations == 0) {
      return;
    }
    running++;
    var _ =
        next.get()
            .whenComplete((_, error) -> {
              running--;
              if (error == null) {
                succeeded++;
              } else {
                errors.merge(FsException.of(error).error(), 1, Integer::sum);
              }
              keepGoing(operations - 1, next);
            });
  }

  private void untilAllHaveEnded() {
    instance.time().until(() -> running == 0, "all clients have ended");
  }

  @Test
  void crossingRenamesOfManyClientsAllEndAndLoseNothing() throws FsException {
    for (int i = 0; i < 30; i++) {
      first.create(anyDirectory(), "f" + i);
    }
    for (InodeId directory : directories) {
      first.makeDirectory(directory, "sub");
    }
    int inodes = 1 + 30 + 2 * directories.size();
    long since = instance.time().nanoTime();
    int each = FULL ? 400 : 60;
    for (RequestClient one : clients) {
      keepGoing(
          each,
          () -> {
            String name = random.nextInt(3) == 0 ? "sub" : "f" + random.nextInt(30);
            String newName = random.nextInt(3) == 0 ? "f" + random.nextInt(30) : name;
            // Never over another file, so that none goes.
            return one.renameLater(
                anyDirectory(), name, anyDirectory(), newName, 1 + random.nextInt(2));
          });
    }
    untilAllHaveEnded();
    double seconds = (instance.time().nanoTime() - since) / 1e9;
    assertThat(succeeded).isGreaterThan(each);
    assertThat(errors.keySet()).isSubsetOf(FsError.NOT_FOUND, FsError.EXISTS, FsError.INVALID);
    assertThat(seconds).as("simulated seconds").isLessThan(each);
    inspection.requireSoundInTheEnd();
    assertThat(inspection.inodes()).hasSize(inodes);
  }

  @Test
  void everyKindOfOperationAtOnceWithDeathsAndABadNetworkLeavesASoundTree() throws FsException {
    CrashPoint[] points = CrashPoint.of(CrashPoint.Area.OPERATIONS).toArray(CrashPoint[]::new);
    for (int round = 0; round < (FULL ? 30 : 3); round++) {
      instance.powerFails(powerFails);
      instance.network().faults(new SimulatedNetwork.Faults(0.01, 0, 0.02, 0.01));
      for (RequestClient one : clients) {
        keepGoing(40, () -> anyRequest(one, points));
      }
      untilAllHaveEnded();
      inspection.requireSoundInTheEnd();
    }
    assertThat(instance.deaths()).isPositive();
    assertThat(succeeded).isGreaterThan(500);
    assertThat(errors.keySet())
        .isSubsetOf(
            FsError.NOT_FOUND,
            FsError.EXISTS,
            FsError.INVALID,
            FsError.NOT_EMPTY,
            FsError.NOT_DIRECTORY,
            FsError.IS_DIRECTORY,
            FsError.NOT_PERMITTED);
  }

  private CompletableFuture<?> anyRequest(RequestClient one, CrashPoint[] points) {
    if (random.nextInt(60) == 0) {
      instance.daemons().get(random.nextInt(4)).dieAt(points[random.nextInt(points.length)], 1);
    }
    InodeId directory = anyDirectory();
    String name = "n" + random.nextInt(8);
    return switch (random.nextInt(9)) {
      case 0, 1 -> one.createLater(directory, name);
      case 2 -> one.makeDirectoryLater(directory, name);
      case 3 -> one.unlinkLater(directory, name);
      case 4 -> one.removeDirectoryLater(directory, name);
      case 5 -> one.linkLater(ROOT, directory, name);
      case 6, 7 ->
          one.renameLater(
              directory, name, anyDirectory(), "n" + random.nextInt(8), random.nextInt(3));
      default -> one.lookupLater(directory, name);
    };
  }

  @Test
  void oneOfManyExclusiveCreatesOfANameWins() {
    for (int i = 0; i < 20; i++) {
      String name = "only" + i;
      InodeId directory = anyDirectory();
      for (RequestClient one : clients) {
        boolean makesDirectory = random.nextInt(3) == 0;
        keepGoing(
            1,
            () ->
                makesDirectory
                    ? one.makeDirectoryLater(directory, name)
                    : one.createLater(directory, name));
      }
      untilAllHaveEnded();
      assertThat(succeeded).isEqualTo(i + 1);
    }
    assertThat(errors).containsOnlyKeys(FsError.EXISTS);
  }

  @Test
  void twoMovesNeverBuildACircle() throws FsException {
    for (int i = 0; i < 20; i++) {
      InodeId a = first.makeDirectory(ROOT, "a");
      InodeId b = first.makeDirectory(ROOT, "b");
      InodeId deep = first.makeDirectory(b, "deep");
      RequestClient one = clients.get(1);
      RequestClient two = clients.get(2);
      keepGoing(1, () -> one.renameLater(ROOT, "a", deep, "a", 0));
      keepGoing(1, () -> two.renameLater(ROOT, "b", a, "b", 0));
      untilAllHaveEnded();
      assertThat(succeeded).isEqualTo(i + 1);
      if (first.has(deep, "a")) {
        first.removeDirectory(deep, "a");
        first.removeDirectory(b, "deep");
        first.removeDirectory(ROOT, "b");
      } else {
        first.removeDirectory(b, "deep");
        first.removeDirectory(a, "b");
        first.removeDirectory(ROOT, "a");
      }
    }
    inspection.requireSoundInTheEnd();
  }

  @Test
  void aReaderNeverSeesBothNamesOfARenameOrNoneOfThem() throws FsException {
    InodeId from = directories.get(1);
    InodeId to = directories.get(2);
    first.create(from, "f");
    RequestClient mover = clients.get(1);
    boolean[] forth = {true};
    keepGoing(
        400,
        () -> {
          boolean there = forth[0];
          forth[0] = !there;
          return mover.renameLater(there ? from : to, "f", there ? to : from, "f", 0);
        });
    RequestClient reader = clients.get(3);
    int decided = 0;
    while (running > 0) {
      int before = succeeded;
      boolean inFrom = reader.has(from, "f");
      boolean inTo = reader.has(to, "f");
      // Only where at most one move can have come between do the two looks tell something.
      if (succeeded == before) {
        decided++;
        if (forth[0]) {
          // The move under way goes back: once it is seen in the first place, it stays there.
          assertThat(inFrom && inTo).isFalse();
        } else {
          assertThat(inFrom || inTo).isTrue();
        }
      }
    }
    assertThat(decided).isPositive();
    assertThat(errors).isEmpty();
    assertThat(succeeded).isEqualTo(400);
  }

  @Test
  void aDirectoryIsNotRemovedUnderAnEntryThatIsBeingMade() throws FsException {
    for (int i = 0; i < 40; i++) {
      String name = "busy" + i;
      InodeId directory = first.makeDirectory(ROOT, name);
      RequestClient one = clients.get(1);
      RequestClient two = clients.get(2);
      int before = succeeded;
      if (i % 2 == 0) {
        keepGoing(1, () -> one.createLater(directory, "f"));
      } else {
        keepGoing(1, () -> one.makeDirectoryLater(directory, "f"));
      }
      keepGoing(1, () -> two.removeDirectoryLater(ROOT, name));
      untilAllHaveEnded();
      assertThat(succeeded - before).isEqualTo(1);
    }
    assertThat(errors.keySet()).isSubsetOf(FsError.NOT_EMPTY, FsError.NOT_FOUND);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void aHotDirectoryCanBeReadWhileManyClientsChangeIt() throws FsException {
    InodeId hot = directories.get(1);
    for (RequestClient one : clients.subList(2, 24)) {
      int number = clients.indexOf(one);
      int[] next = {0};
      keepGoing(
          60,
          () -> {
            int i = next[0]++;
            return i % 2 == 0
                ? one.makeDirectoryLater(hot, "d" + number + "." + i)
                : one.renameLater(
                    hot, "d" + number + "." + (i - 1), anyDirectory(), "x" + number + "." + i, 0);
          });
    }
    RequestClient reader = clients.get(1);
    int reads = 0;
    while (running > 0) {
      long since = instance.time().nanoTime();
      reader.attributes(hot);
      reader.list(hot, 10_000);
      reads++;
      assertThat(instance.time().nanoTime() - since).as("wait").isLessThan(2_000_000_000L);
    }
    assertThat(reads).isPositive();
    assertThat(errors).isEmpty();
    reader.at(instance.daemons().getFirst(), new ControlRequest.RenewSession());
    inspection.requireSoundInTheEnd();
  }
}
