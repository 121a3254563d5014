package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Request;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many clients at once: nothing is lost, nobody waits for ever, nobody sees what can't be. */
class ConcurrentOperationsTest {
  private static final InodeId ROOT = InodeId.ROOT;
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private SimulatedCluster cluster;
  private SplittableRandom random;
  private SimulatedClient first;
  private final List<SimulatedClient> clients = new ArrayList<>();
  private final List<InodeId> directories = new ArrayList<>();
  private final Map<FsError, Integer> errors = new EnumMap<>(FsError.class);
  private int succeeded;
  private int running;

  @BeforeEach
  void start(@TempDir Path directory) throws FsException {
    Long given = Long.getLong("adhocfs.seed");
    long seed = given != null ? given : System.nanoTime();
    System.out.println("replay with -Dadhocfs.seed=" + seed);
    random = new SplittableRandom(seed);
    cluster = new SimulatedCluster(4, directory, random.nextLong(), settings());
    for (int i = 0; i < 24; i++) {
      clients.add(new SimulatedClient(cluster, 100 + i));
    }
    first = clients.getFirst();
    for (int i = 0; i < 6; i++) {
      directories.add(first.makeDirectory(ROOT, "dir" + i));
    }
  }

  Settings settings() {
    return Settings.DEFAULT;
  }

  /** Whether nodes that die lose what they have not synced. */
  boolean powerFails() {
    return false;
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private InodeId anyDirectory() {
    return directories.get(random.nextInt(directories.size()));
  }

  /** Has a client run one operation after the other. */
  private void keepGoing(
      SimulatedClient client, int operations, java.util.function.Supplier<Request> next) {
    if (operations == 0) {
      return;
    }
    running++;
    then(
        client.start(next.get(), new byte[0]),
        error -> {
          running--;
          if (error == null) {
            succeeded++;
          } else {
            errors.merge(error.error(), 1, Integer::sum);
          }
          keepGoing(client, operations - 1, next);
        });
  }

  private static void then(
      CompletableFuture<Response> future, Consumer<@Nullable FsException> action) {
    var _ =
        future.whenComplete(
            (response, error) -> action.accept(error == null ? null : FsException.of(error)));
  }

  private void untilAllHaveEnded() {
    cluster.time.until(() -> running == 0, "all clients have ended");
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
    long since = cluster.time.nanoTime();
    int each = FULL ? 400 : 60;
    for (SimulatedClient client : clients) {
      keepGoing(
          client,
          each,
          () -> {
            String name = random.nextInt(3) == 0 ? "sub" : "f" + random.nextInt(30);
            String newName = random.nextInt(3) == 0 ? "f" + random.nextInt(30) : name;
            // Never over another file, so that none goes.
            return client.renameRequest(
                anyDirectory(), name, anyDirectory(), newName, 1 + random.nextInt(2));
          });
    }
    untilAllHaveEnded();
    double seconds = (cluster.time.nanoTime() - since) / 1e9;
    assertThat(succeeded).isGreaterThan(each);
    assertThat(errors.keySet()).isSubsetOf(FsError.NOT_FOUND, FsError.EXISTS, FsError.INVALID);
    assertThat(seconds).as("simulated seconds").isLessThan(each);
    new ClusterInspection(cluster).requireSound();
    assertThat(new ClusterInspection(cluster).inodes()).hasSize(inodes);
  }

  @Test
  void everyKindOfOperationAtOnceWithDeathsAndABadNetworkLeavesASoundTree() throws FsException {
    CrashPoint[] points = CrashPoint.ofOperations().toArray(CrashPoint[]::new);
    for (int round = 0; round < (FULL ? 30 : 3); round++) {
      cluster.powerFails = powerFails();
      cluster.faults = new SimulatedCluster.Faults(0.01, 0.02, 0.01);
      for (SimulatedClient client : clients) {
        keepGoing(client, 40, () -> anyRequest(client, points));
      }
      untilAllHaveEnded();
      new ClusterInspection(cluster).requireSound();
    }
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

  private Request anyRequest(SimulatedClient client, CrashPoint[] points) {
    if (random.nextInt(60) == 0) {
      cluster.nodes.get(random.nextInt(4)).deaths.put(points[random.nextInt(points.length)], 1);
    }
    InodeId directory = anyDirectory();
    String name = "n" + random.nextInt(8);
    return switch (random.nextInt(9)) {
      case 0, 1 -> client.createRequest(directory, name, 0);
      case 2 -> client.makeDirectoryRequest(directory, name);
      case 3 -> client.unlinkRequest(directory, name);
      case 4 -> client.removeDirectoryRequest(directory, name);
      case 5 -> client.linkRequest(ROOT, directory, name);
      case 6, 7 ->
          client.renameRequest(
              directory, name, anyDirectory(), "n" + random.nextInt(8), random.nextInt(3));
      default -> new NamespaceRequest.Lookup(SimulatedClient.key(directory, name));
    };
  }

  @Test
  void oneOfManyExclusiveCreatesOfANameWins() {
    for (int i = 0; i < 20; i++) {
      String name = "only" + i;
      InodeId directory = anyDirectory();
      for (SimulatedClient client : clients) {
        boolean makesDirectory = random.nextInt(3) == 0;
        keepGoing(
            client,
            1,
            () ->
                makesDirectory
                    ? client.makeDirectoryRequest(directory, name)
                    : client.createRequest(directory, name, 0));
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
      SimulatedClient one = clients.get(1);
      SimulatedClient two = clients.get(2);
      keepGoing(one, 1, () -> one.renameRequest(ROOT, "a", deep, "a", 0));
      keepGoing(two, 1, () -> two.renameRequest(ROOT, "b", a, "b", 0));
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
    new ClusterInspection(cluster).requireSound();
  }

  @Test
  void aReaderNeverSeesBothNamesOfARenameOrNoneOfThem() throws FsException {
    InodeId from = directories.get(1);
    InodeId to = directories.get(2);
    first.create(from, "f");
    SimulatedClient mover = clients.get(1);
    boolean[] forth = {true};
    keepGoing(
        mover,
        400,
        () -> {
          boolean there = forth[0];
          forth[0] = !there;
          return mover.renameRequest(there ? from : to, "f", there ? to : from, "f", 0);
        });
    SimulatedClient reader = clients.get(3);
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
      SimulatedClient one = clients.get(1);
      SimulatedClient two = clients.get(2);
      int before = succeeded;
      if (i % 2 == 0) {
        keepGoing(one, 1, () -> one.createRequest(directory, "f", 0));
      } else {
        keepGoing(one, 1, () -> one.makeDirectoryRequest(directory, "f"));
      }
      keepGoing(two, 1, () -> two.removeDirectoryRequest(ROOT, name));
      untilAllHaveEnded();
      assertThat(succeeded - before).isEqualTo(1);
    }
    assertThat(errors.keySet()).isSubsetOf(FsError.NOT_EMPTY, FsError.NOT_FOUND);
    new ClusterInspection(cluster).requireSound();
  }

  @Test
  void aHotDirectoryCanBeReadWhileManyClientsChangeIt() throws FsException {
    InodeId hot = directories.get(1);
    for (SimulatedClient client : clients.subList(2, 24)) {
      int number = clients.indexOf(client);
      int[] next = {0};
      keepGoing(
          client,
          60,
          () -> {
            int i = next[0]++;
            return i % 2 == 0
                ? client.makeDirectoryRequest(hot, "d" + number + "." + i)
                : client.renameRequest(
                    hot, "d" + number + "." + (i - 1), anyDirectory(), "x" + number + "." + i, 0);
          });
    }
    SimulatedClient reader = clients.get(1);
    int reads = 0;
    while (running > 0) {
      long since = cluster.time.nanoTime();
      reader.attributes(hot);
      reader.list(hot, 10_000);
      reads++;
      assertThat(cluster.time.nanoTime() - since).as("wait").isLessThan(2_000_000_000L);
    }
    assertThat(reads).isPositive();
    assertThat(errors).isEmpty();
    reader.at(cluster.nodes.getFirst(), new ControlRequest.RenewSession());
    new ClusterInspection(cluster).requireSound();
  }
}
