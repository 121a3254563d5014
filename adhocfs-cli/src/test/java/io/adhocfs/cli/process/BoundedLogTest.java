package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BoundedLogTest {
  private static final int BOUND = 64 << 10;

  @TempDir Path directory;

  private void write(BoundedLog bounded, Path log, int lines) throws Exception {
    // As the process has it: opened once, to append.
    try (var out = new FileOutputStream(log.toFile(), true)) {
      for (int i = 0; i < lines; i++) {
        byte[] line = ("line " + i + " " + "x".repeat(80) + "\n").getBytes(StandardCharsets.UTF_8);
        out.write(line);
        bounded.written(line.length);
        assertThat(Files.size(log)).isLessThan(BOUND / 2 + 10_000);
      }
    }
  }

  @Test
  void staysWithinItsBoundAndKeepsTheNewestLinesInOrder() throws Exception {
    Path log = directory.resolve("daemon.log");
    write(new BoundedLog(log, BOUND), log, 5000);
    assertThat(Files.size(log) + Files.size(BoundedLog.earlier(log))).isLessThan(BOUND + 10_000);
    var last = BoundedLog.tail(log, 400);
    assertThat(last).hasSize(400);
    for (int i = 0; i < 400; i++) {
      assertThat(last.get(i)).startsWith("line " + (4600 + i) + " ");
    }
  }

  @Test
  void whatOthersWriteToTheFileIsBoundedToo() throws Exception {
    Path log = directory.resolve("daemon.log");
    Files.writeString(log, "of the JVM\n".repeat(100_000));
    var bounded = new BoundedLog(log, BOUND);
    write(bounded, log, 1);
    assertThat(Files.size(log)).isZero();
    assertThat(Files.size(BoundedLog.earlier(log))).isLessThanOrEqualTo(BOUND / 2);
    assertThat(BoundedLog.tail(log, 1)).allMatch(line -> line.startsWith("line 0 "));
  }

  @Test
  void theBoundHoldsWhereTheEarlierLogCannotBeWritten() throws Exception {
    Path log = directory.resolve("daemon.log");
    Files.createDirectory(BoundedLog.earlier(log));
    write(new BoundedLog(log, BOUND), log, 2000);
    assertThat(Files.size(log)).isLessThan(BOUND);
  }

  @Test
  void withoutABoundAllStays() throws Exception {
    Path log = directory.resolve("mount.log");
    Files.writeString(log, "x".repeat(1 << 20));
    new BoundedLog(log, 0).written(1 << 20);
    assertThat(Files.size(log)).isEqualTo(1 << 20);
    assertThat(BoundedLog.earlier(log)).doesNotExist();
  }
}
