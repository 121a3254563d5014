package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.simulation.ModelFileSystem;
import io.adhocfs.daemon.simulation.ModelFileSystem.Node;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random operations of one client, one after the other, over a bad network and with nodes that die:
 * each must end as the model says, which it only can when it ran exactly once. Replay a failure
 * with {@code -Dadhocfs.seed=N}.
 */
class RandomOperationsTest {
  private static final int CHUNK = 4096;
  private static final int INLINE_MAX = 100;
  private static final List<String> NAMES = List.of("a", "b", "c", "d", "e");
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");

  private static long seed() {
    Long given = Long.getLong("adhocfs.seed");
    long seed = given != null ? given : System.nanoTime();
    System.out.println("replay with -Dadhocfs.seed=" + seed);
    return seed;
  }

  @FunctionalInterface
  private interface Call<T> {
    T run() throws FsException;
  }

  /** One run. */
  private static final class Run implements AutoCloseable {
    private final SplittableRandom random;
    private final SimulatedCluster cluster;
    private final SimulatedClient client;
    private final ModelFileSystem model = new ModelFileSystem();
    private final List<Node> known = new ArrayList<>(List.of(model.root));
    private final Set<String> done = new HashSet<>();
    private long pin;

    /** Share of operations on data. */
    private double dataShare;

    /**
     * @param spreadEntries from how many entries on directories are spread; 0 = never
     */
    Run(long seed, Path directory, int nodes, int spreadEntries) throws FsException {
      random = new SplittableRandom(seed);
      cluster =
          new SimulatedCluster(
              nodes,
              directory,
              random.nextLong(),
              new Settings(
                  Map.of(
                      "chunk.size",
                      "4KiB",
                      "inline.max",
                      "" + INLINE_MAX,
                      "directory.spread-entries",
                      "" + spreadEntries)));
      client = new SimulatedClient(cluster, 77);
    }

    private Node anyNode() {
      // Mostly what has been made lately, so that operations meet.
      int recent = Math.min(known.size(), 12);
      return random.nextInt(4) == 0
          ? known.get(random.nextInt(known.size()))
          : known.get(known.size() - 1 - random.nextInt(recent));
    }

    private Node anyDirectory() {
      for (int i = 0; i < 20; i++) {
        Node node = anyNode();
        if (node.directory || (i == 19 && random.nextInt(10) == 0)) {
          return node;
        }
      }
      return model.root;
    }

    private String anyName() {
      return NAMES.get(random.nextInt(NAMES.size()));
    }

    /** Runs an operation, whose outcome must be the model's; null = it failed as it should. */
    private <T> @Nullable T expect(@Nullable FsError error, Call<T> call, String what)
        throws FsException {
      client.nowNanos += 1000;
      T result = null;
      FsError got = null;
      String message = "";
      try {
        result = call.run();
      } catch (FsException e) {
        got = e.error();
        message = e.getMessage();
      }
      assertThat(got).as(what + ": " + message).isEqualTo(error);
      done.add(what.substring(0, what.indexOf(' ')) + " " + error);
      return result;
    }

    void step() throws FsException {
      Node directory = anyDirectory();
      String name = anyName();
      int[] onData = {0, 0, 0, 5, 5, 11, 12, 12, 12, 13, 13};
      int kind =
          random.nextDouble() < dataShare
              ? onData[random.nextInt(onData.length)]
              : random.nextInt(17);
      switch (kind) {
        case 0, 1, 2 -> create(directory, name);
        case 3, 4 -> {
          FsError error = model.makeError(directory, name);
          InodeId id =
              expect(
                  error,
                  () -> client.makeDirectory(directory.id, name),
                  "mkdir " + directory.id + " " + name);
          if (id != null) {
            learn(model.make(directory, name, true), id);
          }
        }
        case 5 ->
            expect(
                model.unlink(directory, name),
                () -> {
                  client.unlink(directory.id, name);
                  return 0;
                },
                "unlink " + directory.id + " " + name);
        case 6 ->
            expect(
                model.removeDirectory(directory, name),
                () -> {
                  client.removeDirectory(directory.id, name);
                  return 0;
                },
                "rmdir " + directory.id + " " + name);
        case 7 -> {
          Node node = anyNode();
          expect(
              model.link(node, directory, name),
              () -> {
                client.link(node.id, directory.id, name);
                return 0;
              },
              "link " + node.id + " " + directory.id + " " + name);
        }
        case 8, 9, 10 -> {
          Node to = anyDirectory();
          String newName = anyName();
          int flags = random.nextInt(5) == 0 ? random.nextInt(4) : 0;
          expect(
              model.rename(directory, name, to, newName, flags),
              () -> {
                client.rename(directory.id, name, to.id, newName, flags);
                return 0;
              },
              "rename " + directory.id + " " + name + " " + to.id + " " + newName + " " + flags);
        }
        case 11 -> pin(anyNode());
        case 12 -> write(anyNode());
        case 13 -> truncate(anyNode());
        case 14 -> compare(anyNode());
        case 15 -> compareListing(directory);
        case 16 -> setAttributes(directory);
        default -> throw new AssertionError();
      }
    }

    private void learn(Node node, InodeId id) {
      model.learn(node, id);
      known.add(node);
    }

    private void create(Node directory, String name) throws FsException {
      boolean exclusive = random.nextBoolean();
      FsError error = model.makeError(directory, name);
      if (error == FsError.EXISTS && !exclusive) {
        error = null;
      }
      var created =
          expect(
              error,
              () ->
                  (Reply.Created)
                      client.call(
                          new NamespaceRequest.Create(
                              client.stamp(),
                              SimulatedClient.key(directory.id, name),
                              FileType.REGULAR,
                              0644,
                              1,
                              2,
                              0,
                              new byte[0],
                              exclusive,
                              0,
                              client.nowNanos)),
              "create " + directory.id + " " + name);
      if (created == null) {
        return;
      }
      Node existing = directory.entries.get(name);
      assertThat(created.existed()).isEqualTo(existing != null);
      if (existing != null) {
        assertThat(created.inode()).isEqualTo(existing.id);
      } else {
        learn(model.make(directory, name, false), created.inode());
      }
    }

    private void pin(Node node) throws FsException {
      if (node.directory) {
        return;
      }
      if (node.pin != 0) {
        long released = node.pin;
        client.call(new NamespaceRequest.Open(node.id, released)); // once more is no harm
        done.add("release");
        releaseUntilDone(node.id, released);
        node.pin = 0;
        return;
      }
      FsError error = model.fileError(node);
      pin++;
      long number = pin;
      Reply opened =
          expect(
              error,
              () -> client.call(new NamespaceRequest.Open(node.id, number)),
              "open " + node.id);
      if (opened != null) {
        node.pin = number;
      }
    }

    private void releaseUntilDone(InodeId inode, long number) {
      var request = new NamespaceRequest.ReleasePins(List.of(new PinRelease(inode, number)));
      while (true) {
        try {
          client.at(cluster.owner(inode.slotValue()), request);
          return;
        } catch (FsException e) {
          cluster.time.pass(100_000_000);
        }
      }
    }

    private void write(Node node) throws FsException {
      FsError error = model.fileError(node);
      FileAttributes before =
          expect(
              node.gone() ? FsError.NOT_FOUND : null,
              () -> client.attributes(node.id),
              "getattr " + node.id);
      if (error != null || before == null) {
        return;
      }
      var bytes = new byte[1 + random.nextInt(40)];
      random.nextBytes(bytes);
      int offset = random.nextInt(INLINE_MAX - 40);
      if (before.layout().inline() && random.nextInt(4) > 0) {
        expect(null, () -> client.writeInline(node.id, offset, bytes), "write " + node.id);
      } else {
        FileAttributes file = expect(null, () -> client.leaveInline(node.id), "leave " + node.id);
        if (file == null) {
          return;
        }
        assertThat(file.layout().inline()).isFalse();
        writeChunks(file, offset, bytes);
        expect(
            null,
            () -> client.reportWrite(node.id, file.dataGeneration(), offset + bytes.length),
            "report " + node.id);
      }
      ModelFileSystem.write(node, offset, bytes);
    }

    private void writeChunks(FileAttributes file, long offset, byte[] bytes) {
      for (ChunkSpan span : Striping.spans(offset, bytes.length, CHUNK)) {
        long at = span.chunkIndex() * CHUNK + span.offsetBytes() - offset;
        byte[] part = Arrays.copyOfRange(bytes, (int) at, (int) at + span.lengthBytes());
        var request =
            new DataRequest.WriteChunks(
                file.id(), file.layout(), file.dataGeneration(), List.of(span));
        SimulatedNode owner =
            cluster.owner(Placement.chunkSlot(file.layout(), span.chunkIndex()).value());
        while (true) {
          try {
            var reply =
                (Reply.Spans)
                    client
                        .await(
                            client.once(owner.id, request, Unpooled.wrappedBuffer(part)), request)
                        .reply();
            assertThat(reply.outcomes()).containsExactly(Reply.Spans.OUTCOME_OK);
            break;
          } catch (FsException e) {
            cluster.time.pass(100_000_000);
          }
        }
      }
    }

    private void truncate(Node node) throws FsException {
      int size = random.nextInt(random.nextBoolean() ? INLINE_MAX : 5 * CHUNK);
      FsError error = model.fileError(node);
      FileAttributes after =
          expect(error, () -> client.truncate(node.id, size), "truncate " + node.id);
      if (after != null) {
        ModelFileSystem.truncate(node, size);
        assertThat(after.sizeBytes()).isEqualTo(size);
      }
    }

    private void compare(Node node) throws FsException {
      FileAttributes attributes =
          expect(
              node.gone() ? FsError.NOT_FOUND : null,
              () -> client.attributes(node.id),
              "getattr " + node.id);
      if (attributes == null) {
        return;
      }
      assertThat(attributes.linkCount()).as("links of " + node.id).isEqualTo(node.links);
      assertThat(attributes.sizeBytes())
          .as("size of " + node.id)
          .isEqualTo(node.directory ? node.entries.size() : node.data.length);
      Node parent = node.parent;
      if (parent != null) {
        assertThat(attributes.parent()).isEqualTo(parent.id);
      } else {
        assertThat(content(attributes)).as("content of " + node.id).isEqualTo(node.data);
      }
    }

    private byte[] content(FileAttributes file) throws FsException {
      if (file.layout().inline()) {
        return client.readInline(file.id());
      }
      var content = new byte[(int) file.sizeBytes()];
      for (int at = 0; at < content.length; at += CHUNK) {
        byte[] chunk =
            cluster
                .owner(Placement.chunkSlot(file.layout(), at / CHUNK).value())
                .chunks
                .chunk(file.id(), at / CHUNK);
        System.arraycopy(chunk, 0, content, at, Math.min(chunk.length, content.length - at));
      }
      return content;
    }

    private void setAttributes(Node directory) throws FsException {
      int mode = random.nextInt(01000);
      long mtime = random.nextLong(client.nowNanos + 1);
      String what = "chmod " + directory.id + " " + mode + " " + mtime;
      Integer set =
          expect(
              directory.gone() ? FsError.NOT_FOUND : null,
              () -> {
                client.setAttributes(directory.id, mode, mtime);
                return 0;
              },
              what);
      if (set != null) {
        FileAttributes after = client.attributes(directory.id);
        assertThat(after.mode()).as(what).isEqualTo(mode);
        assertThat(after.mtimeNanos()).as(what).isEqualTo(mtime);
        if (after.partitionExponent() > 0) {
          done.add("chmod of a spread directory");
        }
      }
    }

    private void compareListing(Node directory) throws FsException {
      FsError error = model.directoryError(directory);
      var page =
          expect(
              error,
              () -> client.list(directory.id, random.nextBoolean() ? 1 << 20 : 1),
              "readdir " + directory.id);
      if (page != null) {
        List<String> found = new ArrayList<>();
        page.forEach(entry -> found.add(entry.name() + " " + entry.inode()));
        List<String> wanted = new ArrayList<>();
        directory.entries.forEach((name, node) -> wanted.add(name + " " + node.id));
        assertThat(found).containsExactlyInAnyOrderElementsOf(wanted);
      }
    }

    int deaths() {
      return cluster.nodes.stream().mapToInt(node -> node.starts - 1).sum();
    }

    void finish() throws FsException {
      new ClusterInspection(cluster).requireSound();
      for (Node node : known) {
        compare(node);
        if (node.directory) {
          compareListing(node);
        }
      }
    }

    @Override
    public void close() {
      cluster.close();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void withoutFaultsEveryOperationEndsAsTheModelSays(int spreadEntries, @TempDir Path directory)
      throws FsException {
    long seed = seed();
    try (var run = new Run(seed, directory, 3, spreadEntries)) {
      for (int i = 0; i < (FULL ? 100_000 : 8_000); i++) {
        run.step();
      }
      run.finish();
      // The test tests something: most outcomes have been seen.
      assertThat(run.done)
          .contains(
              "create null",
              "create EXISTS",
              "create NOT_FOUND",
              "mkdir null",
              "mkdir EXISTS",
              "unlink null",
              "unlink IS_DIRECTORY",
              "rmdir null",
              "rmdir NOT_EMPTY",
              "rmdir NOT_DIRECTORY",
              "link null",
              "link NOT_PERMITTED",
              "rename null",
              "rename INVALID",
              "rename NOT_EMPTY",
              "rename IS_DIRECTORY",
              "rename NOT_DIRECTORY",
              "rename EXISTS",
              "rename NOT_FOUND",
              "truncate null",
              "leave null",
              "release");
      if (spreadEntries > 0) {
        assertThat(run.done).contains("chmod of a spread directory");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void overABadNetworkAndWithDyingNodesEveryOperationRunsOnce(
      int spreadEntries, @TempDir Path directory) throws FsException {
    long seed = seed();
    var seeds = new SplittableRandom(seed);
    for (int round = 0; round < (FULL ? 60 : 4); round++) {
      try (var run = new Run(seeds.nextLong(), directory.resolve("r" + round), 3, spreadEntries)) {
        CrashPoint[] points = CrashPoint.ofOperations().toArray(CrashPoint[]::new);
        for (int i = 0; i < 500; i++) {
          if (i % 10 == 0) {
            run.cluster.faults =
                run.random.nextBoolean()
                    ? new SimulatedCluster.Faults(0.03, 0.05, 0.03)
                    : SimulatedCluster.Faults.NONE;
          }
          if (run.random.nextInt(12) == 0) {
            SimulatedNode victim = run.cluster.nodes.get(run.random.nextInt(3));
            victim.deaths.put(points[run.random.nextInt(points.length)], 1 + run.random.nextInt(2));
          }
          run.step();
        }
        run.finish();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.MATCH_NONE,
      names = {"MIGRATION_.*", "REMOVAL_.*"})
  void aDeathAtEachPointLeavesOneOfTheTwoStates(CrashPoint point, @TempDir Path directory)
      throws FsException {
    long seed = seed();
    int died = 0;
    for (int round = 0; round < (FULL ? 10 : 1); round++) {
      try (var run = new Run(seed + round, directory.resolve("r" + round), 3, 3)) {
        run.dataShare = 0.5;
        for (int i = 0; i < 400 || (run.deaths() == 0 && i < 10_000); i++) {
          // Twice in a row now and then: the one that has just come back dies again.
          if (i % 12 == 0 && i > 40) {
            run.cluster.nodes.forEach(node -> node.deaths.put(point, 1 + run.random.nextInt(2)));
          }
          run.step();
        }
        run.finish();
        died += run.deaths();
      }
    }
    assertThat(died).as("deaths at " + point).isPositive();
  }
}
