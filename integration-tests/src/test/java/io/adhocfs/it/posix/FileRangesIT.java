package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.it.instance.TestInstance;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Ranges of files: holes and their space, the largest offsets, copies, mappings beside appends. */
class FileRangesIT {
  private static final int CHUNK = 512 << 10;

  /** Size of a file that the kernel keeps in its page cache. */
  private static final int PAGED = 16 << 20;

  private static final int ROUNDS = Boolean.getBoolean("adhocfs.full") ? 300 : 40;
  private static TestInstance instance;
  private static Path first;
  private static Path second;

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(3);
    first = instance.mount();
    second = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  private static int create(Path path) throws Exception {
    return SystemCalls.open(path, SystemCalls.O_RDWR | SystemCalls.O_CREAT | SystemCalls.O_TRUNC);
  }

  private static byte[] random(int length) {
    var bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  /** Reads where this file ends, by a descriptor that stays open, in a thread of its own. */
  private static long lastBytes(int file) throws Exception {
    return ByteBuffer.wrap(SystemCalls.read(file, PAGED - 8L, 8)).getLong();
  }

  private static byte[] bytes(long number) {
    return ByteBuffer.allocate(8).putLong(number).array();
  }

  @Test
  void programsOfOneMountThatHaveAFileOpenReadWhatAnotherMountHasWritten() throws Exception {
    int writer = create(first.resolve("shared"));
    SystemCalls.write(writer, 0, random(PAGED));
    SystemCalls.sync(writer);
    int[] readers = new int[3];
    for (int i = 0; i < readers.length; i++) {
      readers[i] = SystemCalls.open(second.resolve("shared"), 0);
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(readers.length)) {
      for (long round = 0; round < ROUNDS; round++) {
        // The kernel has all of it in its cache by now, and needs a while to drop it.
        for (int offset = 0; offset < PAGED; offset += 1 << 20) {
          SystemCalls.read(readers[0], offset, 1 << 20);
        }
        SystemCalls.write(writer, PAGED - 8L, bytes(round));
        SystemCalls.sync(writer);
        List<Future<Long>> read = new ArrayList<>();
        for (int reader : readers) {
          read.add(threads.submit(() -> lastBytes(reader)));
        }
        for (Future<Long> bytes : read) {
          assertThat(bytes.get()).as("round %d", round).isEqualTo(round);
        }
      }
    }
    for (int reader : readers) {
      SystemCalls.close(reader);
    }
    SystemCalls.close(writer);
  }

  /** How often daemons have been asked for data. */
  private static long reads() throws Exception {
    String statistics = instance.adhocfs("stats", "--json").expectSuccess().output();
    Matcher reads =
        Pattern.compile("\"type\"\\s*:\\s*\"read\",\\s*\"ops\"\\s*:\\s*\"(\\d+)\"")
            .matcher(statistics);
    long sum = 0;
    int found = 0;
    while (reads.find()) {
      sum += Long.parseLong(reads.group(1));
      found++;
    }
    assertThat(found).as(statistics).isPositive();
    return sum;
  }

  private static byte[] wholeOf(Path path) throws Exception {
    int file = SystemCalls.open(path, 0);
    byte[] bytes = SystemCalls.read(file, 0, PAGED);
    SystemCalls.close(file);
    return bytes;
  }

  @Test
  void whatThisMountHasWrittenIsReadFromItsCacheUntilAnotherOneWrites() throws Exception {
    // The kernel keeps what was written in whole pages.
    for (int length : new int[] {4096, 50 * 4096, 4 << 20}) {
      Path here = first.resolve("own-" + length);
      Path there = second.resolve("own-" + length);
      byte[] bytes = random(length);
      long before = reads();
      int file = create(here);
      SystemCalls.write(file, 0, bytes);
      SystemCalls.close(file);
      assertThat(wholeOf(here)).isEqualTo(bytes);
      // Programs are told the true time all the same.
      assertThat(Files.getLastModifiedTime(here)).isEqualTo(Files.getLastModifiedTime(there));
      assertThat(wholeOf(here)).isEqualTo(bytes);
      file = SystemCalls.open(here, SystemCalls.O_RDWR);
      for (int i = 0; i < 5; i++) {
        bytes[i * 7] = (byte) i;
        SystemCalls.write(file, i * 7L, new byte[] {(byte) i});
        assertThat(SystemCalls.read(file, 0, length)).isEqualTo(bytes);
      }
      SystemCalls.close(file);
      assertThat(wholeOf(here)).isEqualTo(bytes);
      assertThat(reads()).isEqualTo(before);

      int other = SystemCalls.open(there, SystemCalls.O_RDWR);
      SystemCalls.write(other, 100, new byte[] {77});
      SystemCalls.close(other);
      bytes[100] = 77;
      assertThat(wholeOf(here)).isEqualTo(bytes);
      assertThat(reads()).isGreaterThan(before);
      assertThat(Files.getLastModifiedTime(here)).isEqualTo(Files.getLastModifiedTime(there));
    }
  }

  @Test
  void aChangeOfModeByDescriptorHidesNothingThatAnotherMountHasWritten() throws Exception {
    int writer = create(first.resolve("hidden"));
    SystemCalls.write(writer, 0, random(PAGED));
    SystemCalls.sync(writer);
    int reader = SystemCalls.open(second.resolve("hidden"), 0);
    for (long round = 0; round < 5; round++) {
      assertThat(lastBytes(reader)).isEqualTo(lastBytes(writer));
      SystemCalls.write(writer, PAGED - 8L, bytes(round));
      SystemCalls.sync(writer);
      // Past the name, which would be looked up.
      Files.setPosixFilePermissions(
          Path.of("/proc/self/fd/" + reader), PosixFilePermissions.fromString("rw-------"));
      assertThat(lastBytes(reader)).isEqualTo(round);
    }
    SystemCalls.close(reader);
    SystemCalls.close(writer);
  }

  private static long blocks(Path path) throws Exception {
    return Long.parseLong(instance.bash(first, "stat -c %b '" + path + "'").trim());
  }

  @Test
  void holesAreFoundAndTakeNoSpaceOnAnyMount() throws Exception {
    Path path = first.resolve("sparse");
    int file = create(path);
    SystemCalls.write(file, 3L * CHUNK, random(CHUNK));
    SystemCalls.write(file, 10L * CHUNK + 8192, random(4096));
    SystemCalls.truncate(file, 1L << 40);
    for (Path view : new Path[] {path, second.resolve("sparse")}) {
      int reader = SystemCalls.open(view, 0);
      assertThat(SystemCalls.seek(reader, 0, SystemCalls.SEEK_DATA)).isEqualTo(3L * CHUNK);
      assertThat(SystemCalls.seek(reader, 0, SystemCalls.SEEK_HOLE)).isZero();
      assertThat(SystemCalls.seek(reader, 3L * CHUNK, SystemCalls.SEEK_HOLE)).isEqualTo(4L * CHUNK);
      assertThat(SystemCalls.seek(reader, 4L * CHUNK, SystemCalls.SEEK_DATA))
          .isEqualTo(10L * CHUNK + 8192);
      assertThatThrownBy(() -> SystemCalls.seek(reader, 11L * CHUNK, SystemCalls.SEEK_DATA))
          .hasMessageContaining("errno " + SystemCalls.ENXIO);
      assertThatThrownBy(() -> SystemCalls.seek(reader, 1L << 40, SystemCalls.SEEK_HOLE))
          .hasMessageContaining("errno " + SystemCalls.ENXIO);
      assertThat(blocks(view)).isEqualTo((CHUNK + 4096) / 512);
      SystemCalls.close(reader);
    }
    SystemCalls.allocate(
        file, SystemCalls.PUNCH_HOLE | SystemCalls.KEEP_SIZE, 3L * CHUNK, CHUNK / 2);
    assertThat(blocks(second.resolve("sparse"))).isEqualTo((CHUNK / 2 + 4096) / 512);
    SystemCalls.close(file);
  }

  @Test
  void sparseCopiesByCpStaySparseAndEqual() throws Exception {
    String said =
        instance.bash(
            first,
            "head -c 3000000 /dev/urandom > c; truncate -s 100000000 c;"
                + " head -c 1000 /dev/urandom >> c; cp --sparse=auto c d; cmp c d;"
                + " cp --reflink=never --sparse=never c e; cmp c e; stat -c %b d");
    assertThat(Long.parseLong(said.trim())).isLessThan(20_000);
  }

  @Test
  void filesAreAsLongAsNumbersAllow() throws Exception {
    Path path = first.resolve("huge");
    int file = create(path);
    long limit = Long.MAX_VALUE;
    byte[] bytes = random(5000);
    SystemCalls.write(file, limit - bytes.length, bytes);
    assertThat(Files.size(second.resolve("huge"))).isEqualTo(limit);
    int other = SystemCalls.open(second.resolve("huge"), 0);
    assertThat(SystemCalls.read(other, limit - bytes.length, bytes.length)).isEqualTo(bytes);
    assertThat(SystemCalls.read(other, 1L << 50, 5)).containsOnly(0);
    long start = SystemCalls.seek(other, 0, SystemCalls.SEEK_DATA);
    assertThat(start).isBetween(limit - bytes.length - 4096, limit - bytes.length);
    assertThat(SystemCalls.seek(other, start, SystemCalls.SEEK_HOLE)).isEqualTo(limit);
    assertThat(blocks(second.resolve("huge"))).isBetween(8L, 32L);
    SystemCalls.close(other);
    assertThatThrownBy(() -> SystemCalls.allocate(file, 0, limit, 10))
        .hasMessageContaining("errno " + SystemCalls.EFBIG);
    // The kernel refuses what would end behind the limit; an append does not say where it ends.
    instance.bash(
        first, "! echo more 2> /dev/null >> huge; [ $(stat -c %s huge) = " + limit + " ]");

    byte[] last = random(1);
    SystemCalls.truncate(file, limit - 1);
    assertThat(Files.size(second.resolve("huge"))).isEqualTo(limit - 1);
    SystemCalls.write(file, limit - 1, last);
    assertThat(SystemCalls.read(file, limit - 2, 2))
        .isEqualTo(new byte[] {bytes[bytes.length - 2], last[0]});
    SystemCalls.allocate(file, SystemCalls.PUNCH_HOLE | SystemCalls.KEEP_SIZE, limit - 5000, 4999);
    assertThat(SystemCalls.read(file, limit - 2, 2)).isEqualTo(new byte[] {0, last[0]});
    SystemCalls.truncate(file, 10);
    SystemCalls.truncate(file, limit);
    assertThat(SystemCalls.read(file, limit - 5000, 5000)).containsOnly(0);
    assertThatThrownBy(() -> SystemCalls.seek(file, 0, SystemCalls.SEEK_DATA))
        .hasMessageContaining("errno " + SystemCalls.ENXIO);
    SystemCalls.truncate(file, 10);
    assertThat(SystemCalls.read(file, 0, 100)).isEqualTo(new byte[10]);
    SystemCalls.close(file);
    Files.delete(path);
    instance.verify();
  }

  @Test
  void collapsingAndInsertingAreRefused() throws Exception {
    int file = create(first.resolve("refused"));
    SystemCalls.write(file, 0, new byte[2 * CHUNK]);
    for (int mode : new int[] {SystemCalls.COLLAPSE_RANGE, SystemCalls.INSERT_RANGE}) {
      assertThatThrownBy(() -> SystemCalls.allocate(file, mode, 0, CHUNK))
          .hasMessageContaining("errno " + SystemCalls.EOPNOTSUPP);
    }
    SystemCalls.close(file);
  }

  @Test
  void allocatingMoreThanThereIsFailsAndLessGrowsTheFile() throws Exception {
    Path path = first.resolve("allocated");
    int file = create(path);
    SystemCalls.allocate(file, 0, 100, 1 << 20);
    assertThat(Files.size(second.resolve("allocated"))).isEqualTo(100 + (1 << 20));
    SystemCalls.allocate(file, SystemCalls.KEEP_SIZE, 0, 4 << 20);
    assertThat(Files.size(path)).isEqualTo(100 + (1 << 20));
    assertThatThrownBy(() -> SystemCalls.allocate(file, 0, 0, 1L << 55))
        .hasMessageContaining("errno 28");
    SystemCalls.close(file);
  }

  /** The kernel writes pages of its cache through any open file, one that appends included. */
  @Test
  void mappedPagesGoWhereTheyBelongBesideADescriptorThatAppends() throws Exception {
    Path path = first.resolve("mapped");
    int appending =
        SystemCalls.open(path, SystemCalls.O_RDWR | SystemCalls.O_CREAT | SystemCalls.O_APPEND);
    byte[] base = random(20_000);
    SystemCalls.write(appending, 0, base);
    int file = SystemCalls.open(path, SystemCalls.O_RDWR);
    byte[] change = random(300);
    SystemCalls.mapped(
        file,
        base.length,
        true,
        memory ->
            java.lang.foreign.MemorySegment.copy(
                change, 0, memory, ValueLayout.JAVA_BYTE, 5000, change.length));
    SystemCalls.close(file);
    SystemCalls.write(appending, 0, change);
    SystemCalls.close(appending);
    byte[] expected = Arrays.copyOf(base, base.length + change.length);
    System.arraycopy(change, 0, expected, 5000, change.length);
    System.arraycopy(change, 0, expected, base.length, change.length);
    assertThat(Files.readAllBytes(second.resolve("mapped"))).isEqualTo(expected);
    assertThat(Files.readAllBytes(path)).isEqualTo(expected);
  }

  @Test
  void rangesAreCopiedBetweenFilesUpToTheEndOfTheSource() throws Exception {
    int source = create(first.resolve("source"));
    int target = create(first.resolve("target"));
    byte[] bytes = random(3 * CHUNK + 1000);
    SystemCalls.write(source, 0, bytes);
    assertThat(SystemCalls.copy(source, 100, target, 50, 1L << 30)).isEqualTo(bytes.length - 100);
    assertThat(SystemCalls.copy(source, bytes.length, target, 0, 10)).isZero();
    var expected = new byte[bytes.length - 50];
    System.arraycopy(bytes, 100, expected, 50, bytes.length - 100);
    assertThat(Files.readAllBytes(second.resolve("target"))).isEqualTo(expected);
    SystemCalls.close(source);
    SystemCalls.close(target);
  }

  @Test
  void clearedRangesAreClearThoughDaemonsDieMeanwhile() throws Exception {
    Path path = first.resolve("cleared");
    int file = create(path);
    byte[] model = random(12 * CHUNK);
    SystemCalls.write(file, 0, model);
    for (int node = 0; node < 3; node++) {
      int from = node * 4 * CHUNK + 1000;
      int length = 3 * CHUNK;
      instance.killDaemon(node);
      var punching =
          new Thread(() -> {
            try {
              SystemCalls.allocate(
                  file, SystemCalls.PUNCH_HOLE | SystemCalls.KEEP_SIZE, from, length);
            } catch (java.io.IOException e) {
              throw new java.io.UncheckedIOException(e);
            }
          });
      punching.start();
      instance.adhocfs("start").expectSuccess();
      punching.join();
      Arrays.fill(model, from, from + length, (byte) 0);
      assertThat(Arrays.mismatch(Files.readAllBytes(second.resolve("cleared")), model))
          .isEqualTo(-1);
    }
    SystemCalls.close(file);
  }
}
