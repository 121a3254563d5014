package io.adhocfs.it.posix;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The exerciser over tmpfs, which proves the exerciser, and over mounts: one and two, small chunks
 * and ordinary ones. {@code -Dadhocfs.full=true} for much longer, {@code -Dadhocfs.seed=N} to do a
 * run again.
 */
class FileExerciserIT {
  private static final int OPERATIONS = Boolean.getBoolean("adhocfs.full") ? 25_000 : 2_000;
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  private static final int SMALL_SIZE_MAX = 200_000;
  private static final int SMALL_LENGTH_MAX = 50_000;
  private static final int LARGE_SIZE_MAX = 3_000_000;
  private static final int LARGE_LENGTH_MAX = 700_000;

  private static void exercise(List<Path> views, long seed, int sizeMax, int lengthMax) {
    System.out.println("-Dadhocfs.seed=" + SEED + " over " + views);
    new FileExerciser(views, seed, sizeMax, lengthMax, true).run(OPERATIONS);
  }

  @Test
  void theExerciserAgreesWithTmpfs() throws Exception {
    Path file = Files.createTempFile(Path.of("/dev/shm"), "adhocfs-exerciser", "");
    try {
      System.out.println("-Dadhocfs.seed=" + SEED + " over " + file);
      new FileExerciser(List.of(file), SEED, SMALL_SIZE_MAX, SMALL_LENGTH_MAX, false)
          .run(OPERATIONS);
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void filesOfSmallChunksAreWhatWasWritten() throws Exception {
    try (TestInstance instance = TestInstance.up(3, "--set", "chunk.size=4KiB")) {
      Path first = instance.mount();
      Path second = instance.mount();
      exercise(List.of(first.resolve("one")), SEED, SMALL_SIZE_MAX, SMALL_LENGTH_MAX);
      exercise(
          List.of(first.resolve("two"), second.resolve("two")),
          SEED + 1,
          SMALL_SIZE_MAX,
          SMALL_LENGTH_MAX);
      // Within the limit of inline files, and out of it now and then.
      exercise(List.of(first.resolve("tiny"), second.resolve("tiny")), SEED + 2, 6_000, 2_000);
      instance.verify();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"size-updates=at-close", "writes=behind", "access=write-only"})
  void filesThatDaemonsHearOfLaterAreWhatWasWritten(String later) throws Exception {
    try (TestInstance instance = TestInstance.up(3, "--set", "chunk.size=4KiB", "--set", later)) {
      Path mount = instance.mount();
      exercise(List.of(mount.resolve("one")), SEED + 3, SMALL_SIZE_MAX, SMALL_LENGTH_MAX);
      exercise(List.of(mount.resolve("tiny")), SEED + 4, 6_000, 2_000);
      instance.verify();
    }
  }

  @Test
  void filesOfOrdinaryChunksAreWhatWasWritten() throws Exception {
    try (TestInstance instance = TestInstance.up(3)) {
      Path first = instance.mount();
      Path second = instance.mount();
      exercise(List.of(first.resolve("one")), SEED, LARGE_SIZE_MAX, LARGE_LENGTH_MAX);
      exercise(
          List.of(first.resolve("two"), second.resolve("two")),
          SEED + 1,
          LARGE_SIZE_MAX,
          LARGE_LENGTH_MAX);
      instance.verify();
    }
  }
}
