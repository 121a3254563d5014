package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.IoPiece;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random operations on a file, against a byte array, while connections fail and slots move. */
class FileModelTest {
  private static final int SIZE_MAX = 60_000;
  private static final int CHUNK = DaemonCluster.CHUNK;

  static List<Long> seeds() {
    long base = Long.getLong("adhocfs.seed", System.nanoTime());
    List<Long> seeds = new ArrayList<>();
    for (int i = 0; i < (Boolean.getBoolean("adhocfs.full") ? 300 : 30); i++) {
      seeds.add(base + i);
    }
    return seeds;
  }

  @ParameterizedTest(name = "-Dadhocfs.seed={0}")
  @MethodSource("seeds")
  void oneAfterTheOtherThroughSeveralHandles(long seed) throws FsException {
    oneAfterTheOther(seed, 2, Map.of());
  }

  @ParameterizedTest(name = "-Dadhocfs.seed={0}")
  @MethodSource("seeds")
  void oneAfterTheOtherThroughOneClientThatTellsSizesLater(long seed) throws FsException {
    oneAfterTheOther(seed, 1, Map.of("size-updates", "at-close"));
  }

  @ParameterizedTest(name = "-Dadhocfs.seed={0}")
  @MethodSource("seeds")
  void oneAfterTheOtherThroughOneClientThatWritesBehind(long seed) throws FsException {
    oneAfterTheOther(
        seed,
        1,
        Map.of("writes", "behind", "size-updates", seed % 2 == 0 ? "at-write" : "at-close"));
  }

  private static void oneAfterTheOther(long seed, int clientCount, Map<String, String> switches)
      throws FsException {
    var random = new Random(seed);
    try (var cluster = new DaemonCluster(seed, 1 + random.nextInt(5), inlineMax(random))) {
      oneAfterTheOther(cluster, seed, random, clientCount, switches);
      cluster.requireSound();
    }
  }

  /** Clients and daemons may have learnt different limits. */
  private static Map<String, String> inlineMax(Random random) {
    return Map.of("inline.max", String.valueOf(random.nextInt(3) * 1000));
  }

  private static void oneAfterTheOther(
      DaemonCluster cluster,
      long seed,
      Random random,
      int clientCount,
      Map<String, String> switches)
      throws FsException {
    Map<String, String> settings = new HashMap<>(switches);
    settings.putAll(inlineMax(random));
    List<SimulatedClient> clients = new ArrayList<>();
    List<OpenFile> files = new ArrayList<>();
    for (int i = 0; i < clientCount; i++) {
      var client = new SimulatedClient(cluster, settings);
      clients.add(client);
      for (int j = 0; j < 2; j++) {
        files.add(client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.CREATE)));
      }
      int failing = random.nextInt(6);
      var fates = new Random(seed + i);
      client.rpc.fates =
          (_, _) ->
              switch (fates.nextInt(100) < failing * 3 ? fates.nextInt(4) : -1) {
                case 0 -> Fate.LOST;
                case 1 -> Fate.REPLY_LOST;
                case 2 -> Fate.UNREACHABLE;
                case 3 -> Fate.OVERLOADED;
                default -> Fate.ARRIVES;
              };
    }
    var model = new FileModel(4 * SIZE_MAX);
    for (int step = 0; step < 120; step++) {
      int number = random.nextInt(files.size());
      SimulatedClient client = clients.get(number / 2);
      act(client, files.get(number), model, random);
      if (switches.isEmpty()) {
        assertThat(cluster.sizeOf(files.getFirst().inode())).isEqualTo(model.size);
      } else if (random.nextInt(20) == 0) {
        // The timer tells, however often its report is lost.
        cluster.pass(Duration.ofMinutes(3));
        assertThat(cluster.sizeOf(files.getFirst().inode())).isEqualTo(model.size);
      }
      if (random.nextInt(40) == 0) {
        int nodes = cluster.map().nodes().size();
        int shift = random.nextInt(nodes);
        cluster.moveSlots(slot -> (slot * 7 + shift) % nodes);
      }
    }
    for (OpenFile file : files) {
      cluster.await(file.closeAsync());
    }
    for (SimulatedClient client : clients) {
      client.rpc.fates = (_, _) -> Fate.ARRIVES;
      FileAttributes end = client.await(client.fileSystem.statAsync(path("/file")));
      assertThat(end.sizeBytes()).isEqualTo(model.size);
      assertThat(client.rpc.unreleased()).isZero();
    }
  }

  /**
   * One client writes, and tells sizes later; another one cuts, clears and grows the same file.
   * Nothing but what the other has cut away or cleared is lost, and that does not come back.
   */
  @ParameterizedTest(name = "-Dadhocfs.seed={0}")
  @MethodSource("seeds")
  void whatIsToldLaterIsThereWhateverAnotherCutsAndClears(long seed) throws FsException {
    var random = new Random(seed);
    try (var cluster = new DaemonCluster(seed, 2 + random.nextInt(4), inlineMax(random))) {
      whatIsToldLaterIsThere(cluster, seed, random);
      cluster.requireSound();
    }
  }

  private static void whatIsToldLaterIsThere(DaemonCluster cluster, long seed, Random random)
      throws FsException {
    Map<String, String> inlineMax = inlineMax(random);
    Map<String, String> settings = new HashMap<>(inlineMax);
    settings.put("size-updates", "at-close");
    settings.put("writes", random.nextBoolean() ? "through" : "behind");
    var client = new SimulatedClient(cluster, settings);
    var other = new SimulatedClient(cluster, inlineMax);
    var fates = new Random(seed);
    client.rpc.fates =
        (_, _) ->
            fates.nextInt(25) > 0
                ? Fate.ARRIVES
                : fates.nextBoolean() ? Fate.LOST : Fate.REPLY_LOST;
    List<OpenFile> files = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      files.add(client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.CREATE)));
    }
    OpenFile elsewhere =
        other.await(other.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    var model = new FileModel(4 * SIZE_MAX);
    for (int step = 0; step < 150; step++) {
      if (random.nextInt(3) > 0) {
        act(client, files.get(random.nextInt(2)), model, random);
      } else {
        // Stores what is held, and tells nothing.
        OpenFile mine = files.getFirst();
        client.await(mine.readBuffer(0, 1, mine.lastKnownAttributes())).release();
        actElsewhere(other, elsewhere, cluster, model, random);
      }
      if (random.nextInt(30) == 0) {
        cluster.pass(Duration.ofMinutes(3));
        assertThat(cluster.sizeOf(elsewhere.inode())).isEqualTo(model.size);
      }
      if (random.nextInt(40) == 0) {
        int nodes = cluster.map().nodes().size();
        int shift = random.nextInt(nodes);
        cluster.moveSlots(slot -> (slot * 7 + shift) % nodes);
      }
    }
    for (OpenFile file : files) {
      client.await(file.closeAsync());
    }
    FileAttributes end = other.await(elsewhere.attributesAsync());
    assertThat(end.sizeBytes()).isEqualTo(model.size);
    // What was cut away shows, if at all, when the file grows over it.
    int longer = model.bytes.length;
    other.await(elsewhere.truncateAsync(longer));
    ByteBuf got = other.await(elsewhere.readBuffer(0, longer, null));
    assertThat(ByteBufUtil.getBytes(got)).isEqualTo(model.bytes);
    got.release();
  }

  private static void actElsewhere(
      SimulatedClient client, OpenFile file, DaemonCluster cluster, FileModel model, Random random)
      throws FsException {
    int offset = random.nextInt(random.nextBoolean() ? SIZE_MAX : model.size + 2000);
    int length = 1 + random.nextInt(random.nextBoolean() ? 3 * CHUNK : 600);
    switch (random.nextInt(7)) {
      case 0 -> {
        client.await(file.punchAsync(offset, length));
        model.clear(offset, length);
      }
      case 1 -> {
        client.await(file.zeroAsync(offset, length));
        model.clear(offset, length);
        model.grow(offset + length);
      }
      case 2 -> {
        client.await(file.allocateAsync(offset, Math.min(length, 500), false));
        model.grow(offset + Math.min(length, 500));
      }
      case 3, 4 -> {
        // What the writer has not told does not count: the file may grow to less than it wrote.
        long before = cluster.generationOf(file.inode());
        FileAttributes after = client.await(file.truncateAsync(offset));
        if (DataGeneration.isSameCut(before, after.dataGeneration())) {
          model.grow(offset);
        } else {
          model.truncate(offset);
        }
      }
      case 5 -> {
        OpenFile emptied =
            client.await(
                client.fileSystem.openAsync(
                    path("/file"), new OpenOptions(true, true, false, false, true, true, 0)));
        client.await(emptied.closeAsync());
        model.truncate(0);
      }
      default -> {
        byte[] data = bytes(random, length);
        client.await(file.writeAsync(offset, ByteBuffer.wrap(data)));
        model.write(offset, data);
      }
    }
  }

  private static void act(SimulatedClient client, OpenFile file, FileModel model, Random random)
      throws FsException {
    int offset =
        random.nextInt(4) == 0 ? random.nextInt(SIZE_MAX) : random.nextInt(model.size + 2000);
    offset = Math.min(offset, SIZE_MAX);
    int length = random.nextInt(3) == 0 ? random.nextInt(3 * CHUNK) : random.nextInt(600);
    switch (random.nextInt(10)) {
      case 0, 1, 2 -> {
        byte[] data = bytes(random, length);
        if (random.nextBoolean()) {
          client.await(file.writeAsync(offset, buffer(data, random)));
        } else {
          client.await(file.writeBuffer(offset, Unpooled.copiedBuffer(data)));
        }
        model.write(offset, data);
      }
      case 3 -> {
        ByteBuf got = client.await(file.readBuffer(offset, length, null));
        assertThat(ByteBufUtil.getBytes(got)).isEqualTo(model.read(offset, length));
        got.release();
      }
      case 4 -> {
        FileAttributes now = client.await(file.attributesAsync());
        assertThat(now.sizeBytes()).isEqualTo(model.size);
        ByteBuf got = client.await(file.readBuffer(offset, length, now));
        assertThat(ByteBufUtil.getBytes(got)).isEqualTo(model.read(offset, length));
        got.release();
      }
      case 5 -> {
        ByteBuffer target =
            random.nextBoolean()
                ? ByteBuffer.allocate(length + 10)
                : ByteBuffer.allocateDirect(length + 10);
        target.position(5).limit(5 + length);
        int count = client.await(file.readAsync(offset, target));
        byte[] expected = model.read(offset, length);
        assertThat(count).isEqualTo(expected.length);
        assertThat(target.position()).isEqualTo(5 + count);
        byte[] got = new byte[count];
        target.get(5, got);
        assertThat(got).isEqualTo(expected);
      }
      case 6 -> {
        List<IoPiece> pieces = new ArrayList<>();
        int at = random.nextInt(1000);
        for (int i = 0; i < random.nextInt(12); i++) {
          byte[] data = bytes(random, random.nextInt(2000));
          pieces.add(new IoPiece(at, buffer(data, random)));
          model.write(at, data);
          at += data.length + (random.nextBoolean() ? 0 : random.nextInt(3000));
        }
        client.await(file.writeVectoredAsync(pieces));
      }
      case 7 -> {
        List<IoPiece> pieces = new ArrayList<>();
        for (int i = 0; i < random.nextInt(12); i++) {
          pieces.add(
              new IoPiece(
                  random.nextInt(model.size + 500), ByteBuffer.allocate(random.nextInt(3000))));
        }
        int[] counts = client.await(file.readVectoredAsync(pieces));
        for (int i = 0; i < counts.length; i++) {
          ByteBuffer target = pieces.get(i).buffer();
          byte[] expected = model.read((int) pieces.get(i).offset(), target.capacity());
          var got = new byte[counts[i]];
          target.get(0, got);
          assertThat(got).isEqualTo(expected);
        }
      }
      case 8 -> {
        int size = random.nextInt(3) == 0 ? random.nextInt(2000) : random.nextInt(model.size + 1);
        if (model.size > 0) {
          size = Math.min(size, model.size);
          client.await(file.truncateAsync(size));
          model.truncate(size);
        }
      }
      default -> {
        if (model.size < SIZE_MAX) {
          byte[] data = bytes(random, 1 + random.nextInt(500));
          long at = client.await(file.appendAsync(ByteBuffer.wrap(data)));
          assertThat(at).isEqualTo(model.size);
          model.write((int) at, data);
        }
      }
    }
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private static ByteBuffer buffer(byte[] data, Random random) {
    return random.nextBoolean()
        ? ByteBuffer.wrap(data)
        : ByteBuffer.allocateDirect(data.length).put(data).flip();
  }

  /**
   * Writes of different ranges, all at once, while another cuts the file up and down beyond them.
   */
  @ParameterizedTest(name = "-Dadhocfs.seed={0}")
  @MethodSource("seeds")
  void manyAtOnceLoseNothing(long seed) throws FsException {
    var random = new Random(seed);
    try (var cluster = new DaemonCluster(seed, 3, Map.of("inline.max", "0"))) {
      manyAtOnce(cluster, seed, random);
      cluster.requireSound();
    }
  }

  private static void manyAtOnce(DaemonCluster cluster, long seed, Random random)
      throws FsException {
    String sizeUpdates = seed % 2 == 0 ? "at-write" : "at-close";
    String goes = seed / 2 % 2 == 0 ? "through" : "behind";
    var client = new SimulatedClient(cluster, Map.of("size-updates", sizeUpdates, "writes", goes));
    var other = new SimulatedClient(cluster);
    OpenFile file = client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
    OpenFile elsewhere = other.await(other.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
    var fates = new Random(seed);
    client.rpc.fates = (_, _) -> fates.nextInt(20) == 0 ? Fate.REPLY_LOST : Fate.ARRIVES;

    int pieceBytes = 1500;
    int pieces = 60;
    int end = pieceBytes * pieces;
    byte[] model = bytes(random, end);
    List<CompletableFuture<?>> writes = new ArrayList<>();
    List<CompletableFuture<?>> cuts = new ArrayList<>();
    for (int i = 0; i < pieces; i++) {
      ByteBuffer piece = ByteBuffer.wrap(model, i * pieceBytes, pieceBytes).slice();
      writes.add(file.writeAsync((long) i * pieceBytes, piece));
      if (random.nextInt(8) == 0) {
        // Grown beyond all writes and cut again there, so that writes see new generations only.
        cuts.add(
            elsewhere
                .truncateAsync(end + 5000L)
                .thenCompose(_ -> elsewhere.punchAsync(end + 10L, 4000))
                .thenCompose(_ -> elsewhere.truncateAsync(end + 100L)));
      }
      if (random.nextInt(10) == 0) {
        cluster.pass(Duration.ofMillis(1));
      }
      if (random.nextInt(20) == 0) {
        int shift = random.nextInt(3);
        cluster.beginToMoveSlots(slot -> (slot + shift) % 3);
      }
    }
    for (CompletableFuture<?> cut : cuts) {
      cluster.await(cut);
    }
    for (CompletableFuture<?> write : writes) {
      cluster.await(write);
    }
    client.await(file.flushAsync());
    cluster.awaitSlotsMoved();
    assertThat(cluster.sizeOf(file.inode())).isEqualTo(cuts.isEmpty() ? end : end + 100L);
    ByteBuf got = client.await(file.readBuffer(0, end, null));
    assertThat(ByteBufUtil.getBytes(got)).isEqualTo(model);
    got.release();
    cluster.await(file.closeAsync());
    assertThat(cluster.mtimeOf(file.inode())).isPositive();
    assertThat(client.rpc.unreleased()).isZero();
  }
}
