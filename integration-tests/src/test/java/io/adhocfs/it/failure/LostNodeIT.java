package io.adhocfs.it.failure;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.daemon.DaemonMain;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.placement.Placement;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A node is lost with its disk, and the others go on without it. */
class LostNodeIT {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  private static final int NODES = 4;
  private static final int FILES = Boolean.getBoolean("adhocfs.full") ? 200 : 12;
  private static final int DIRECTORIES = Boolean.getBoolean("adhocfs.full") ? 300 : 30;
  private static final int CHUNK = 512 << 10;

  private final Random random = new Random(SEED);

  /** Content of the files that were written, by path below the root. */
  private final Map<String, byte[]> contents = new TreeMap<>();

  /** Chunks that lay on the node that is lost, of files whose inodes did not. */
  private final Map<String, List<Integer>> expected = new TreeMap<>();

  /** What is known of the files before the loss, by path. */
  private final Map<String, FileAttributes> inodes = new TreeMap<>();

  private void fill(Path mount) throws IOException {
    for (int i = 0; i < FILES; i++) {
      write(mount, "wide-" + i % 4 + "/file" + i, CHUNK + random.nextInt(6 * CHUNK));
    }
    for (int i = 0; i < DIRECTORIES; i++) {
      write(mount, "deep/d" + i + "/sub/small", 1 + random.nextInt(2000));
    }
  }

  private void write(Path mount, String path, int length) throws IOException {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    Files.createDirectories(mount.resolve(path).getParent());
    Files.write(mount.resolve(path), bytes);
    contents.put(path, bytes);
  }

  /** In the first map of an instance slots go around the nodes. */
  private static int firstOwner(int slot) {
    return slot % NODES;
  }

  private void expectLossOf(TestInstance instance, int node) throws IOException {
    try (AdhocFileSystem fileSystem = AdhocFileSystem.open(instance.described())) {
      for (Map.Entry<String, byte[]> file : contents.entrySet()) {
        FileAttributes attributes =
            fileSystem.stat(AdhocPath.of(("/" + file.getKey()).getBytes(StandardCharsets.UTF_8)));
        inodes.put(file.getKey(), attributes);
        if (attributes.layout().inline() || firstOwner(attributes.id().slotValue()) == node) {
          continue;
        }
        List<Integer> chunks = new ArrayList<>();
        for (int chunk = 0; chunk * CHUNK < file.getValue().length; chunk++) {
          if (firstOwner(Placement.chunkSlot(attributes.layout(), chunk).value()) == node) {
            chunks.add(chunk);
          }
        }
        if (!chunks.isEmpty()) {
          expected.put(attributes.id().toString(), chunks);
        }
      }
    }
  }

  private static void loseDisk(TestInstance instance, int node, Path kept) throws Exception {
    instance.killDaemon(node);
    Files.move(instance.dataDirectory(node), kept);
  }

  private void expectReport(Commands.Result result) throws IOException {
    assertThat(result.exitCode()).as(result.output()).isEqualTo(3);
    // Before it comes the word that the command says of the node that is silent.
    String json = result.output().substring(result.output().indexOf('{'));
    Map<String, Object> report = JSON.std.mapFrom(json);
    Map<String, List<Integer>> reported = new TreeMap<>();
    for (Object item : (List<?>) report.getOrDefault("files", List.of())) {
      Map<?, ?> file = (Map<?, ?>) item;
      List<Integer> chunks = new ArrayList<>();
      requireNonNull((List<?>) file.get("chunks"))
          .forEach(chunk -> chunks.add(Integer.parseInt(String.valueOf(chunk))));
      reported.put(String.valueOf(file.get("inode")), chunks);
    }
    assertThat(reported).as("seed %d", SEED).isEqualTo(expected);
  }

  /** What is left reads as it was written, and what is lost fails: chunk by chunk. */
  private void expectContents(Path mount) throws IOException {
    Map<String, Path> byInode = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(mount)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        byInode.put(Long.toUnsignedString((long) Files.getAttribute(path, "unix:ino")), path);
      }
    }
    int seen = 0;
    for (Map.Entry<String, FileAttributes> known : inodes.entrySet()) {
      String inode = known.getValue().id().toString();
      Path path = byInode.get(inode);
      if (path == null) {
        continue;
      }
      seen++;
      byte[] bytes = requireNonNull(contents.get(known.getKey()));
      List<Integer> lost = expected.getOrDefault(inode, List.of());
      try (var file = new RandomAccessFile(path.toFile(), "r")) {
        for (int chunk = 0; chunk * CHUNK < bytes.length; chunk++) {
          var piece = new byte[Math.min(CHUNK, bytes.length - chunk * CHUNK)];
          file.seek((long) chunk * CHUNK);
          if (lost.contains(chunk)) {
            assertThatThrownBy(() -> file.readFully(piece))
                .as("seed %d: chunk %d of %s", SEED, chunk, path)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("Input/output error");
          } else {
            file.readFully(piece);
            assertThat(piece)
                .as("seed %d: chunk %d of %s", SEED, chunk, path)
                .isEqualTo(
                    java.util.Arrays.copyOfRange(
                        bytes, chunk * CHUNK, chunk * CHUNK + piece.length));
          }
        }
      }
    }
    assertThat(seen).as("seed %d: files that are left", SEED).isPositive();
  }

  private static void expectWork(Path mount) throws IOException {
    for (int i = 0; i < 20; i++) {
      Path directory = Files.createDirectories(mount.resolve("after").resolve("d" + i));
      byte[] bytes = (i + " after").repeat(i * 10_000 + 1).getBytes(StandardCharsets.UTF_8);
      Files.write(directory.resolve("f"), bytes);
      assertThat(Files.readAllBytes(directory.resolve("f"))).isEqualTo(bytes);
    }
    try (Stream<Path> list = Files.list(mount.resolve("after"))) {
      assertThat(list).hasSize(20);
    }
  }

  private void goesOnWithout(TestInstance instance, int node) throws Exception {
    String name = "n" + node;
    Path before = instance.mount();
    fill(before);
    expectLossOf(instance, node);
    assertThat(instance.adhocfs("shrink", "--remove", name, "--lost").output())
        .contains("it is not lost");
    Path kept = instance.scratch().resolve("kept");
    loseDisk(instance, node, kept);

    Commands.Result refused = instance.adhocfs("shrink", "--remove", name);
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.output())
        .contains("node " + name, "does not answer", "adhocfs start " + name, "--lost");
    expectReport(instance.adhocfs("shrink", "--remove", name, "--lost", "--json"));
    assertThat(instances(instance, name)).exists();

    expectWork(before);
    Path after = instance.mount();
    Commands.Result wrong = instance.adhocfs("verify");
    assertThat(wrong.exitCode()).as(wrong.output()).isEqualTo(1);
    assertThat(wrong.output()).contains("--repair would ");
    instance.adhocfs("verify", "--repair").expectSuccess();
    instance.verify();
    expectContents(after);
    // What comes back is told that nobody reckons with it, and keeps what it has.
    Files.move(kept, instance.dataDirectory(node));
    Commands.Result back =
        instance.adhocfs(
            "daemon",
            "--config",
            instance.dataDirectory(node).resolve("bootstrap.json").toString());
    assertThat(back.exitCode()).as(back.output()).isEqualTo(DaemonMain.GIVEN_UP);
    assertThat(back.output()).contains("given up as lost");
    assertThat(instance.dataDirectory(node).resolve("metadata")).isNotEmptyDirectory();
    Files.move(instance.dataDirectory(node), kept);
    instance.verify();
  }

  private static Path instances(TestInstance instance, String name) {
    return instance.home().resolve(instance.name()).resolve("lost-" + name + ".json");
  }

  @Test
  void twoGoOnByForceWhereMostOfThoseThatVoteAreLost() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES)) {
      Path mount = instance.mount();
      fill(mount);
      assertThat(instance.adhocfs("shrink", "--remove", "n0", "--lost", "--force").output())
          .contains("it is not lost");
      Path kept = Files.createDirectories(instance.scratch().resolve("kept"));
      for (int node = 0; node < 2; node++) {
        loseDisk(instance, node, kept.resolve("n" + node));
      }
      Commands.Result refused = instance.adhocfs("shrink", "--remove", "n0", "n1", "--lost");
      assertThat(refused.exitCode()).isEqualTo(1);
      assertThat(refused.output()).contains("2 of the 3 voters", "node n0", "--force");

      Commands.Result lost =
          instance.adhocfs("shrink", "--remove", "n0", "n1", "--lost", "--force");
      assertThat(lost.exitCode()).as(lost.output()).isEqualTo(3);
      // Who is told to give the command again gives the same one.
      Commands.Result again =
          instance.adhocfs("shrink", "--remove", "n0", "n1", "--lost", "--force");
      assertThat(again.exitCode()).as(again.output()).isEqualTo(3);
      expectWork(mount);
      instance.adhocfs("verify", "--repair").expectSuccess();
      instance.verify();
      // Those that voted come back: they were most of the voters, and must follow still.
      for (int node = 0; node < 2; node++) {
        Files.move(kept.resolve("n" + node), instance.dataDirectory(node));
      }
      for (int node = 0; node < 2; node++) {
        Commands.Result back =
            instance.adhocfs(
                "daemon",
                "--config",
                instance.dataDirectory(node).resolve("bootstrap.json").toString());
        assertThat(back.exitCode()).as(back.output()).isEqualTo(DaemonMain.GIVEN_UP);
        Files.move(instance.dataDirectory(node), kept.resolve("n" + node));
      }
      // Those that are left agree on changes as ever.
      instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
      instance.verify();
    }
  }

  @Test
  void threeGoOnWithoutTheFourth() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES)) {
      goesOnWithout(instance, 3);
      // And what comes now moves as ever.
      instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
      instance.verify();
    }
  }

  @Test
  void threeGoOnWithoutTheOneThatHadTheRoot() throws Exception {
    try (TestInstance instance = TestInstance.up(NODES)) {
      goesOnWithout(instance, 0);
      Path mount = instance.mount();
      try (Stream<Path> list = Files.list(mount.resolve("lost+found"))) {
        assertThat(list).as("what was in the root").isNotEmpty();
      }
    }
  }
}
