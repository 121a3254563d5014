package io.adhocfs.daemon.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a log that was cut short, and one in which bits have changed, are taken for. */
class LogCheckTest {
  private static final int RECORDS = 300;
  private static final long DISK_BYTES = 1 << 30;

  @TempDir Path directory;
  private final Random random = new Random(seed());
  private final List<Integer> ends = new ArrayList<>();
  private Path log;
  private byte[] whole;

  private static long seed() {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("replay with -Dtest.jvm.extra=-Dadhocfs.seed=" + seed);
    return seed;
  }

  private static byte[] key(int record) {
    return ByteBuffer.allocate(4).putInt(record).array();
  }

  /** Writes records, of which some go over several blocks, and notes where each ends. */
  @BeforeEach
  void writeRecords() throws Exception {
    try (var database = new RocksSlotStore(database(), DISK_BYTES)) {
      log = onlyFile(".log");
      for (int record = 0; record < RECORDS; record++) {
        var value = new byte[record % 50 == 7 ? 80_000 : random.nextInt(2000)];
        random.nextBytes(value);
        var batch = new SlotBatch();
        batch.put(key(record), value);
        database.commit(batch);
        ends.add((int) Files.size(log));
      }
    }
    whole = Files.readAllBytes(log);
  }

  private Path database() {
    return directory.resolve("metadata");
  }

  private Path onlyFile(String part) throws IOException {
    try (Stream<Path> files = Files.list(database())) {
      return files.filter(file -> file.toString().contains(part)).findAny().orElseThrow();
    }
  }

  private boolean check(byte[] bytes) throws Exception {
    Files.write(log, bytes);
    return LogCheck.check(database());
  }

  private void assertNamed(byte[] bytes, String what) throws Exception {
    Files.write(log, bytes);
    assertThatThrownBy(() -> LogCheck.check(database()), what)
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.CORRUPT))
        .hasMessageContaining(log.toString());
  }

  private byte[] flipped(int position) {
    byte[] bytes = whole.clone();
    bytes[position] ^= (byte) (1 << random.nextInt(8));
    return bytes;
  }

  @Test
  void takesAWholeLogForWhole() throws Exception {
    assertThat(check(whole)).isFalse();
    assertThat(log).hasBinaryContent(whole);
  }

  @Test
  void namesALogInWhichAnyBitHasChanged() throws Exception {
    for (int round = 0; round < 1000; round++) {
      int position = random.nextInt(whole.length);
      assertNamed(flipped(position), "bit in byte " + position);
    }
  }

  @Test
  void namesALogInWhoseLastRecordAnyBitHasChanged() throws Exception {
    int last = ends.get(RECORDS - 2);
    for (int bit = 0; bit < 8 * 7; bit++) {
      byte[] bytes = whole.clone();
      bytes[last + bit / 8] ^= (byte) (1 << bit % 8);
      assertNamed(bytes, "bit " + bit + " of the last record");
    }
    for (int position = last; position < whole.length; position++) {
      assertNamed(flipped(position), "bit in byte " + position + " of the last record");
    }
  }

  @Test
  void refusesToOpenADatabaseWithADamagedLog() throws Exception {
    Files.write(log, flipped(ends.get(RECORDS / 2) + 20));
    assertThatThrownBy(() -> new RocksSlotStore(database(), DISK_BYTES))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.CORRUPT))
        .hasMessageContaining(log.toString());
  }

  @Test
  void refusesToOpenADatabaseWithADamagedManifest() throws Exception {
    Path manifest = onlyFile("MANIFEST");
    byte[] was = Files.readAllBytes(manifest);
    for (int bit = 0; bit < 8 * was.length; bit++) {
      byte[] bytes = was.clone();
      bytes[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(manifest, bytes);
      String what = "bit %d of byte %d of %d".formatted(bit % 8, bit / 8, was.length);
      assertThatThrownBy(() -> LogCheck.check(database()), what)
          .hasMessageContaining(manifest.toString());
    }
  }

  @Test
  void refusesToBeginAnewWhereThereAreRecords() throws Exception {
    Files.delete(database().resolve("CURRENT"));
    assertThatThrownBy(() -> new RocksSlotStore(database(), DISK_BYTES))
        .hasMessageContaining("no file CURRENT");
  }

  /** Opens the database and counts the records from the first on. */
  private int openAndCount() throws Exception {
    try (var database = new RocksSlotStore(database(), DISK_BYTES)) {
      int count = 0;
      while (count < RECORDS && database.get(key(count)) != null) {
        count++;
      }
      for (int record = count; record < RECORDS; record++) {
        assertThat(database.get(key(record))).as("record %d of %d", record, count).isNull();
      }
      return count;
    }
  }

  private int recordsBefore(int length) {
    return (int) ends.stream().filter(end -> end <= length).count();
  }

  @Test
  void opensWhatADeadProcessHasLeftWithAllRecordsBeforeTheLast() throws Exception {
    save();
    for (int round = 0; round < 20; round++) {
      int length =
          switch (round) {
            case 0 -> whole.length - 1;
            // Between two blocks of a record.
            case 1 -> (ends.get(7) / (32 << 10)) * (32 << 10);
            default -> random.nextInt(whole.length);
          };
      byte[] left = Arrays.copyOf(whole, length);
      restore();
      check(left);
      assertThat(openAndCount()).as("%d bytes", length).isEqualTo(recordsBefore(length));
      // Pages that never reached the disk.
      int pages = Math.min(whole.length, (length / 4096 + 1 + random.nextInt(3)) * 4096);
      byte[] unwritten = Arrays.copyOf(Arrays.copyOf(whole, length / 4096 * 4096), pages);
      restore();
      check(unwritten);
      assertThat(openAndCount())
          .as("zeros from %d to %d", length / 4096 * 4096, pages)
          .isEqualTo(recordsBefore(length / 4096 * 4096));
    }
  }

  private void save() throws IOException {
    Path saved = Files.createDirectories(directory.resolve("saved"));
    try (Stream<Path> files = Files.list(database())) {
      for (Path file : files.toList()) {
        Files.copy(file, saved.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void opensWhatADeadMachineHasLeftWhosePagesReachedTheDiskInAnyOrder() throws Exception {
    save();
    for (int round = 0; round < 30; round++) {
      int page = random.nextInt(whole.length / 4096) * 4096;
      byte[] left = whole.clone();
      // What was written later in the same page is zeros still.
      int from = ends.stream().filter(end -> end > page).findFirst().orElseThrow();
      boolean older = round % 2 == 0 && from + 100 < page + 4096;
      int lost = older ? from : page;
      Arrays.fill(left, lost, page + 4096, (byte) 0);
      restore();
      check(left);
      assertThat(openAndCount())
          .as("zeros from %d to %d", lost, page + 4096)
          .isEqualTo(recordsBefore(lost));
    }
  }

  private void restore() throws IOException {
    try (Stream<Path> files = Files.list(database())) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    try (Stream<Path> files = Files.list(directory.resolve("saved"))) {
      for (Path file : files.toList()) {
        Files.copy(file, database().resolve(file.getFileName()));
      }
    }
  }

  @Test
  void namesADamagedRecordBeforeOneThatWasCutShort() throws Exception {
    for (int round = 0; round < 50; round++) {
      int position = random.nextInt(whole.length / 2);
      byte[] bytes = Arrays.copyOf(flipped(position), whole.length - 1);
      assertNamed(bytes, "bit in byte " + position);
    }
  }
}
