package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Lines that many append to one file, from two mounts: whole, none lost, none twice. */
class ConcurrentAppendIT {
  private static final int WRITERS_OF_A_MOUNT = 4;
  private static final int LINES = Boolean.getBoolean("adhocfs.full") ? 800 : 150;
  private static final int LINE_BYTES_MAX = 200_000;
  private static final Duration PATIENCE = Duration.ofMinutes(20);
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  private static byte[] line(int writer, int number, Random random) {
    String head = writer + ":" + number + ":";
    int most = random.nextInt(4) == 0 ? LINE_BYTES_MAX : random.nextInt(4) == 0 ? 20_000 : 300;
    int length = random.nextInt(most);
    var line = new byte[head.length() + length + 1];
    System.arraycopy(head.getBytes(US_ASCII), 0, line, 0, head.length());
    Arrays.fill(line, head.length(), line.length - 1, (byte) ('a' + number % 26));
    line[line.length - 1] = '\n';
    return line;
  }

  /** Appends the lines of one writer, who opens his descriptor anew now and then. */
  private static void append(Path file, int writer, AtomicInteger written) throws Exception {
    var random = new Random(SEED + writer);
    int flags = SystemCalls.O_WRONLY | SystemCalls.O_APPEND | SystemCalls.O_CREAT;
    int descriptor = SystemCalls.open(file, flags);
    for (int i = 0; i < LINES; i++) {
      SystemCalls.write(descriptor, 0, line(writer, i, random));
      written.incrementAndGet();
      if (random.nextInt(20) == 0) {
        SystemCalls.close(descriptor);
        descriptor = SystemCalls.open(file, flags);
      }
    }
    SystemCalls.close(descriptor);
  }

  private interface Meanwhile {
    void run(AtomicInteger written, List<Future<?>> writers) throws Exception;
  }

  private static void appendAll(List<Path> files, Meanwhile meanwhile) throws Exception {
    System.out.println("-Dadhocfs.seed=" + SEED);
    var written = new AtomicInteger();
    List<Future<?>> writers = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      for (Path file : files) {
        for (int i = 0; i < WRITERS_OF_A_MOUNT; i++) {
          int writer = writers.size();
          writers.add(
              threads.submit(() -> {
                append(file, writer, written);
                return null;
              }));
        }
      }
      meanwhile.run(written, writers);
      for (Future<?> writer : writers) {
        writer.get();
      }
    }
    for (Path file : files) {
      check(file, writers.size());
    }
  }

  private static byte[] content(Path file) throws Exception {
    int descriptor = SystemCalls.open(file, 0);
    try {
      int size = (int) SystemCalls.seek(descriptor, 0, SystemCalls.SEEK_END);
      return SystemCalls.read(descriptor, 0, size);
    } finally {
      SystemCalls.close(descriptor);
    }
  }

  private static void check(Path file, int writers) throws Exception {
    byte[] content = content(file);
    Map<Integer, Integer> next = new HashMap<>();
    List<Random> randoms = new ArrayList<>();
    for (int i = 0; i < writers; i++) {
      randoms.add(new Random(SEED + i));
    }
    int from = 0;
    while (from < content.length) {
      int end = from;
      while (end < content.length && content[end] != '\n') {
        end++;
      }
      assertThat(end).as("the end of the line at %d", from).isLessThan(content.length);
      String head = new String(content, from, Math.min(20, end - from), US_ASCII);
      String[] parts = head.split(":", 3);
      assertThat(parts).as("line at %d: '%s'", from, head).hasSize(3);
      int writer = Integer.parseInt(parts[0]);
      int number = Integer.parseInt(parts[1]);
      assertThat(number)
          .as("lines of writer %d come in order, none lost, none twice", writer)
          .isEqualTo(next.merge(writer, 1, Integer::sum) - 1);
      byte[] expected = line(writer, number, randoms.get(writer));
      assertThat(Arrays.mismatch(content, from, end + 1, expected, 0, expected.length))
          .as("line %d of writer %d at %d", number, writer, from)
          .isEqualTo(-1);
      // The writers draw once more after each line.
      int _ = randoms.get(writer).nextInt(20);
      from = end + 1;
    }
    assertThat(next).hasSize(writers);
    assertThat(next.values()).allMatch(count -> count == LINES);
  }

  @Test
  void linesOfTwoMountsAreWholeAndReadersSeeNoGap() throws Exception {
    try (TestInstance instance = TestInstance.up(3)) {
      Path first = instance.mount().resolve("log");
      Path second = instance.mount().resolve("log");
      appendAll(
          List.of(first, second),
          (written, writers) -> {
            int looks = 0;
            while (writers.stream().anyMatch(writer -> !writer.isDone())) {
              if (written.get() > 0) {
                byte[] now = content(looks++ % 2 == 0 ? first : second);
                for (int i = 0; i < now.length; i++) {
                  assertThat(now[i]).as("byte %d of %d", i, now.length).isNotZero();
                }
              }
            }
            assertThat(looks).isPositive();
          });
      instance.verify();
    }
  }

  @Test
  void linesAreWholeThoughEveryDaemonIsKilledMeanwhile() throws Exception {
    try (TestInstance instance = TestInstance.up(3, "--set", "chunk.size=64KiB")) {
      Path first = instance.mount().resolve("log");
      Path second = instance.mount().resolve("log");
      appendAll(
          List.of(first, second),
          (written, writers) -> {
            int all = writers.size() * LINES;
            for (int node = 0; node < 3; node++) {
              int reached = all * (node + 1) / 5;
              Waiting.until(
                  reached + " lines",
                  PATIENCE,
                  1_000_000,
                  () -> written.get() >= reached || writers.stream().allMatch(Future::isDone));
              assertThat(written.get()).as("lines before the kill of %d", node).isLessThan(all);
              instance.killDaemon(node);
              instance.adhocfs("start").expectSuccess();
            }
          });
      instance.verify();
    }
  }
}
