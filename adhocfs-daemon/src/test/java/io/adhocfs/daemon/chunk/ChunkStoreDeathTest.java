package io.adhocfs.daemon.chunk;

import static io.adhocfs.daemon.chunk.ChunkWriterMain.CHUNK;
import static io.adhocfs.daemon.chunk.ChunkWriterMain.CHUNKS;
import static io.adhocfs.daemon.chunk.ChunkWriterMain.FILES;
import static io.adhocfs.daemon.chunk.ChunkWriterMain.LAYOUT;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.chunk.ChunkStore.ChunkBytes;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.protocol.placement.ChunkSpan;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills a process that writes and cuts, and looks at what it left. */
class ChunkStoreDeathTest {
  @TempDir Path directory;

  /** What a file must hold: the number of each chunk's last write, 0 = zeros. */
  private static final class Expected {
    private final long[] chunks = new long[CHUNKS];
    private long incarnation = 1;
    private long generation = 1;
  }

  @Test
  void keepsWhatWasAcknowledgedWhenKilled() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("replay with -Dtest.jvm.extra=-Dadhocfs.seed=" + seed);
    var random = new Random(seed);
    int rounds = Boolean.getBoolean("adhocfs.full") ? 30 : 4;
    for (int round = 0; round < rounds; round++) {
      Path home = directory.resolve("round" + round);
      runAndKill(home, random.nextLong(), 200 + random.nextInt(2000), "round " + round);
    }
  }

  private static void runAndKill(Path home, long seed, int linesBeforeDeath, String round)
      throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                ChunkWriterMain.class.getName(),
                home.toString(),
                String.valueOf(seed))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    var files = new Expected[FILES];
    Arrays.setAll(files, i -> new Expected());
    String begun = null;
    int lines = 0;
    try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        lines++;
        if (lines == linesBeforeDeath) {
          // Not through the process, which would close its output unread.
          assertThat(process.toHandle().destroyForcibly()).isTrue();
        }
        if (line.startsWith(">")) {
          begun = line;
        } else if (begun != null && line.equals(begun.replace('>', '='))) {
          apply(files, line);
          begun = null;
        }
        // A line cut short by death has neither form: its step counts as begun.
      }
    }
    process.waitFor();
    assertThat(lines).as(round + ": the process ended by itself").isGreaterThanOrEqualTo(200);

    try (var database = new RocksSlotStore(home.resolve("metadata"), 1 << 28);
        FileChunkStore store = ChunkWriterMain.open(home, database)) {
      String unsure = begun;
      assertThat(store.findings()).as(round).isEmpty();
      check(store, files, unsure, round);
      if (unsure != null) {
        repeat(store, unsure);
      }
      assertThat(store.findings()).as(round).isEmpty();
      check(store, files, unsure, round);
    }
  }

  /** Does again what the process had begun when it died, if that is something that is repeated. */
  private static void repeat(ChunkStore store, String step) throws Exception {
    String[] words = step.split(" ", -1);
    var inode = ChunkWriterMain.inode(Integer.parseInt(words[2]), Long.parseLong(words[3]));
    if (words[1].equals("cut")) {
      long from = Long.parseLong(words[4]) * CHUNK;
      store.discard(inode, LAYOUT, Long.parseLong(words[5]), from, Long.MAX_VALUE, slot -> true);
    } else if (words[1].equals("forget")) {
      store.discard(inode, LAYOUT, ChunkStore.FORGET, 0, Long.MAX_VALUE, slot -> true);
    }
  }

  private static void apply(Expected[] files, String line) {
    String[] words = line.split(" ", -1);
    Expected file = files[Integer.parseInt(words[2])];
    int chunk = Integer.parseInt(words[4]);
    switch (words[1]) {
      case "write" -> file.chunks[chunk] = Long.parseLong(words[5]);
      case "cut" -> {
        Arrays.fill(file.chunks, chunk, CHUNKS, 0);
        file.generation = Long.parseLong(words[5]);
      }
      default -> {
        Arrays.fill(file.chunks, 0);
        file.incarnation++;
        file.generation = 1;
      }
    }
  }

  private static void check(
      ChunkStore store, Expected[] files, @Nullable String unsure, String round) {
    for (int i = 0; i < FILES; i++) {
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        if (unsure != null && concerns(unsure, i, chunk)) {
          continue;
        }
        ChunkBytes answer =
            store.read(
                ChunkWriterMain.inode(i, files[i].incarnation),
                LAYOUT,
                files[i].generation + 1,
                List.of(new ChunkSpan(chunk, 0, CHUNK)));
        for (int position = 0; position < CHUNK; position += 8) {
          assertThat(answer.payload().getLong(position))
              .as("%s: file %d chunk %d position %d", round, i, chunk, position)
              .isEqualTo(files[i].chunks[chunk]);
        }
        answer.payload().release();
      }
    }
  }

  /** Whether a step that was begun may have changed a chunk. */
  private static boolean concerns(String step, int file, int chunk) {
    String[] words = step.split(" ", -1);
    if (Integer.parseInt(words[2]) != file) {
      return false;
    }
    int from = Integer.parseInt(words[4]);
    return words[1].equals("write") ? chunk == from : chunk >= from;
  }
}
