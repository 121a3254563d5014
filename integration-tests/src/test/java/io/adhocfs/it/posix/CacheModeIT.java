package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The setting {@code cache}: what a second mount sees, and when. */
class CacheModeIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(4);
  private static final long LOOK_NANOS = 50_000_000;

  private static void awaitSeen(String what, long sinceNanos, Waiting.Condition seen)
      throws Exception {
    Waiting.until(what, TIMEOUT.plusSeconds(10), LOOK_NANOS, seen);
    System.out.printf("%s: seen after %d ms%n", what, (System.nanoTime() - sinceNanos) / 1_000_000);
  }

  @Test
  void strictShowsEveryChangeAtOnce() throws Exception {
    try (TestInstance instance = TestInstance.up(2)) {
      Path here = instance.mount().resolve("f");
      Path there = instance.mount().resolve("f");
      for (int i = 1; i <= 50; i++) {
        Files.writeString(here, "x".repeat(i));
        assertThat(Files.size(there)).isEqualTo(i);
        assertThat(Files.readString(there)).hasSize(i);
      }
      Files.delete(here);
      assertThat(there).doesNotExist();
    }
  }

  @Test
  void cachedShowsChangesOfOtherMountsAfterItsTimeoutAndOwnOnesAtOnce() throws Exception {
    try (TestInstance instance =
        TestInstance.up(
            2, "--set", "cache=cached", "--set", "cache.timeout=" + TIMEOUT.toSeconds() + "s")) {
      Path here = instance.mount().resolve("f");
      Path there = instance.mount().resolve("f");
      Files.writeString(here, "one");
      assertThat(Files.size(there)).isEqualTo(3);
      long changedNanos = System.nanoTime();
      Files.writeString(here, "two, longer");
      assertThat(Files.size(here)).isEqualTo(11);
      assertThat(Files.size(there)).isEqualTo(3);
      awaitSeen("the size", changedNanos, () -> Files.size(there) == 11);

      // A read asks for attributes that are older, and a new open for the data version.
      int reader = SystemCalls.open(there, 0);
      assertThat(SystemCalls.read(reader, 0, 20)).asString(US_ASCII).isEqualTo("two, longer");
      long rewrittenNanos = System.nanoTime();
      Files.writeString(here, "three, long");
      assertThat(Files.readString(there)).isEqualTo("three, long");
      awaitSeen(
          "the bytes, by an open descriptor",
          rewrittenNanos,
          () -> new String(SystemCalls.read(reader, 0, 20), US_ASCII).equals("three, long"));
      SystemCalls.close(reader);

      for (int i = 1; i <= 50; i++) {
        Files.writeString(there, "x".repeat(i));
        assertThat(Files.size(there)).isEqualTo(i);
        assertThat(Files.readString(there)).hasSize(i);
      }
      awaitSeen("the last size", System.nanoTime(), () -> Files.size(here) == 50);

      assertThat(there).exists();
      long deletedNanos = System.nanoTime();
      Files.delete(here);
      assertThat(here).doesNotExist();
      assertThat(there).exists();
      awaitSeen("the end of the file", deletedNanos, () -> !Files.exists(there));
      instance.verify();
    }
  }
}
