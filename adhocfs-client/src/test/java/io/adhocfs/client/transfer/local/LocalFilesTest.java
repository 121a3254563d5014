package io.adhocfs.client.transfer.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalFilesTest {
  @TempDir Path directoryPath;

  private LocalDirectory directory;
  private final Arena arena = Arena.ofConfined();

  @BeforeEach
  void open() throws IOException {
    directory = LocalFiles.openDirectory(bytes(directoryPath.toString()));
  }

  @AfterEach
  void close() {
    directory.close();
    arena.close();
  }

  @Test
  void keepsNamesOfEveryByteButSlashAndNul() throws IOException {
    EveryByteInNames.check(directory);
  }

  /** Where the JVM itself cannot even say such a name. */
  @Test
  void keepsNamesOfEveryByteInThePosixLocale() throws Exception {
    var builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xmx64m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            EveryByteInNames.class.getName(),
            directoryPath.toString());
    builder.environment().put("LC_ALL", "C");
    builder.redirectErrorStream(true);
    File output = directoryPath.resolveSibling(directoryPath.getFileName() + ".out").toFile();
    builder.redirectOutput(output);
    Process process = builder.start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(output.toPath())).isZero();
    assertThat(Files.readString(output.toPath())).contains("sun.jnu.encoding=ANSI_X3.4-1968");
    Files.delete(output.toPath());
  }

  @Test
  void takesNamesOf255BytesAndRefusesLongerOnes() throws IOException {
    byte[] longest = new byte[255];
    Arrays.fill(longest, (byte) 0xfe);
    directory.createFile(longest, 0600).close();
    assertThat(directory.status(longest).type()).isEqualTo(FileType.REGULAR);
    byte[] tooLong = new byte[256];
    Arrays.fill(tooLong, (byte) 'a');
    fails(FsError.NAME_TOO_LONG, () -> directory.createFile(tooLong, 0600));
    byte[] tooLongPath = new byte[4096];
    Arrays.fill(tooLongPath, (byte) '/');
    fails(FsError.NAME_TOO_LONG, () -> directory.status(tooLongPath));
  }

  @Test
  void refusesNulInNames() {
    fails(FsError.INVALID, () -> directory.status(new byte[] {'a', 0, 'b'}));
  }

  @Test
  void tellsWhatTheJdkTells() throws IOException {
    Path path = Files.writeString(directoryPath.resolve("file"), "twelve bytes");
    Files.setLastModifiedTime(path, FileTime.from(Instant.ofEpochSecond(1234567890, 123456789)));
    Files.createLink(directoryPath.resolve("other"), path);
    LocalStatus status = directory.status(bytes("file"));
    assertThat(status.type()).isEqualTo(FileType.REGULAR);
    assertThat(status.sizeBytes()).isEqualTo(12);
    assertThat(status.mtimeNanos()).isEqualTo(1234567890_123456789L);
    assertThat(status.linkCount()).isEqualTo(2);
    assertThat(status.mode()).isEqualTo((int) Files.getAttribute(path, "unix:mode") & 07777);
    assertThat(status.uid()).isEqualTo(Files.getAttribute(path, "unix:uid"));
    assertThat(status.gid()).isEqualTo(Files.getAttribute(path, "unix:gid"));
    assertThat(status.inode()).isEqualTo(Files.getAttribute(path, "unix:ino"));
    assertThat(status.device()).isEqualTo(Files.getAttribute(path, "unix:dev"));
    assertThat(status).isEqualTo(directory.status(bytes("other")));
    assertThat(directory.status().isDirectory()).isTrue();
    assertThat(directory.statusIfExists(bytes("nothing"))).isNull();
    fails(FsError.NOT_FOUND, () -> directory.status(bytes("nothing")));
  }

  @Test
  void setsModesAndTimesToTheNanosecond() throws IOException {
    try (LocalFile file = directory.createFile(bytes("file"), 0600)) {
      file.setMode(04751);
      file.setTimes(987654321_000000001L, -1L);
      LocalStatus status = file.status();
      assertThat(status.mode()).isEqualTo(04751);
      assertThat(status.atimeNanos()).isEqualTo(987654321_000000001L);
      assertThat(status.mtimeNanos()).isEqualTo(-1);
    }
    directory.symlink(bytes("nowhere"), bytes("link"));
    directory.setTimes(bytes("link"), 1_000000002L, 3_000000004L);
    LocalStatus link = directory.status(bytes("link"));
    assertThat(link.mtimeNanos()).isEqualTo(3_000000004L);
    directory.makeDirectory(bytes("inner"), 0700);
    try (LocalDirectory inner = directory.openDirectory(bytes("inner"))) {
      inner.setTimes(5_000000006L, 7_000000008L);
      inner.setMode(01555);
      assertThat(inner.status().mtimeNanos()).isEqualTo(7_000000008L);
      assertThat(inner.status().mode()).isEqualTo(01555);
    }
  }

  @Test
  void symbolicLinksKeepTheirTargetsBytesAndAreNotFollowed() throws IOException {
    byte[] target = new byte[4095];
    for (int i = 0; i < target.length; i++) {
      target[i] = (byte) (1 + i % 255);
    }
    directory.symlink(target, bytes("link"));
    assertThat(directory.readLink(bytes("link"))).isEqualTo(target);
    assertThat(directory.status(bytes("link")).type()).isEqualTo(FileType.SYMLINK);
    Files.writeString(directoryPath.resolve("file"), "x");
    directory.symlink(bytes("file"), bytes("toFile"));
    fails(FsError.TOO_MANY_SYMLINKS, () -> directory.openToRead(bytes("toFile")));
    fails(FsError.TOO_MANY_SYMLINKS, () -> directory.openToWrite(bytes("toFile")));
    directory.symlink(bytes("."), bytes("toDirectory"));
    fails(FsError.NOT_DIRECTORY, () -> directory.openDirectory(bytes("toDirectory")));
    byte[] outside = LocalFiles.join(directory.path(), bytes("toDirectory"));
    assertThat(LocalFiles.status(outside, true).isDirectory()).isTrue();
    assertThat(LocalFiles.status(outside, false).type()).isEqualTo(FileType.SYMLINK);
  }

  @Test
  void listsADirectoryLargerThanItsBuffer() throws IOException {
    var made = new TreeSet<String>();
    for (int i = 0; i < 3000; i++) {
      String name = "a-name-of-some-length-" + i;
      directory.createFile(bytes(name), 0600).close();
      made.add(name);
    }
    directory.makeDirectory(bytes("directory"), 0700);
    directory.makeNode(bytes("fifo"), FileType.FIFO, 0600, 0);
    var listed = new TreeSet<String>();
    var calls = 0;
    for (List<LocalEntry> batch = directory.nextEntries();
        !batch.isEmpty();
        batch = directory.nextEntries()) {
      calls++;
      for (LocalEntry entry : batch) {
        String name = new String(entry.name(), StandardCharsets.UTF_8);
        FileType expected =
            switch (name) {
              case "directory" -> FileType.DIRECTORY;
              case "fifo" -> FileType.FIFO;
              default -> FileType.REGULAR;
            };
        assertThat(entry.type()).isIn(expected, null);
        assertThat(listed.add(name)).as(name).isTrue();
      }
    }
    made.add("directory");
    made.add("fifo");
    assertThat(listed).isEqualTo(made);
    assertThat(calls).isGreaterThan(1);
  }

  @Test
  void readsAndWritesAtPositionsAndFindsHoles() throws IOException {
    MemorySegment data = arena.allocate(8192);
    data.fill((byte) 7);
    long dataAt = 1 << 20;
    try (LocalFile file = directory.createFile(bytes("sparse"), 0600)) {
      file.write(data, dataAt);
      file.setSize(4 << 20);
      assertThat(file.nextData(0)).isEqualTo(dataAt);
      assertThat(file.nextHole(dataAt)).isEqualTo(dataAt + 8192);
      assertThat(file.nextData(dataAt + 8192)).isEqualTo(-1);
      assertThat(file.status().sizeBytes()).isEqualTo(4 << 20);
      assertThat(file.status().allocatedBytes()).isLessThan(1 << 20);
      MemorySegment read = arena.allocate(16384);
      assertThat(file.read(read, dataAt - 4096)).isEqualTo(16384);
      assertThat(read.get(ValueLayout.JAVA_BYTE, 4095)).isZero();
      assertThat(read.get(ValueLayout.JAVA_BYTE, 4096)).isEqualTo((byte) 7);
      assertThat(file.read(read, (4 << 20) - 100)).isEqualTo(100);
      file.advise(LocalFile.Advice.DONT_NEED);
      file.sync();
    }
  }

  @Test
  void makesFilesOnlyWhereNothingIs() throws IOException {
    Files.writeString(directoryPath.resolve("file"), "content");
    fails(FsError.EXISTS, () -> directory.createFile(bytes("file"), 0600));
    try (LocalFile file = directory.openToWrite(bytes("file"))) {
      assertThat(file.status().sizeBytes()).isEqualTo(7);
    }
  }

  @Test
  void renamesReplacingOrNotAsAsked() throws IOException {
    Files.writeString(directoryPath.resolve("old"), "old");
    Files.writeString(directoryPath.resolve("new"), "new");
    fails(FsError.EXISTS, () -> directory.renameToNew(bytes("new"), bytes("old")));
    assertThat(directoryPath.resolve("old")).hasContent("old");
    directory.rename(bytes("new"), bytes("old"));
    assertThat(directoryPath.resolve("old")).hasContent("new");
    assertThat(directory.statusIfExists(bytes("new"))).isNull();
    directory.renameToNew(bytes("old"), bytes("another"));
    assertThat(directoryPath.resolve("another")).hasContent("new");
    fails(FsError.NOT_FOUND, () -> directory.rename(bytes("old"), bytes("other")));
  }

  @Test
  void linksUnlinksAndRemovesDirectories() throws IOException {
    directory.createFile(bytes("file"), 0600).close();
    directory.makeDirectory(bytes("inner"), 0700);
    try (LocalDirectory inner = directory.openDirectory(bytes("inner"))) {
      inner.link(directory, bytes("file"), bytes("second"));
      assertThat(inner.status(bytes("second"))).isEqualTo(directory.status(bytes("file")));
      fails(FsError.NOT_EMPTY, () -> directory.removeDirectory(bytes("inner")));
      inner.unlink(bytes("second"));
    }
    fails(FsError.IS_DIRECTORY, () -> directory.unlink(bytes("inner")));
    fails(FsError.NOT_FOUND, () -> directory.unlink(bytes("nothing")));
    directory.unlinkIfExists(bytes("nothing"));
    fails(FsError.IS_DIRECTORY, () -> directory.unlinkIfExists(bytes("inner")));
    directory.removeDirectory(bytes("inner"));
    assertThat(directory.statusIfExists(bytes("inner"))).isNull();
  }

  @Test
  void aFifoDoesNotHoldUpWhoOpensIt() throws IOException {
    directory.makeNode(bytes("fifo"), FileType.FIFO, 0600, 0);
    try (LocalFile fifo = directory.openToRead(bytes("fifo"))) {
      assertThat(fifo.status().type()).isEqualTo(FileType.FIFO);
    }
  }

  @Test
  void messagesNameThePathAndTheCall() {
    assertThatThrownBy(() -> directory.openToRead(new byte[] {'a', (byte) 0xff}))
        .hasMessage(directoryPath + "/a\\xff: open: no such file or directory");
  }

  @Test
  void closingADirectoryFreesItsDescriptor() throws IOException {
    long before = openDescriptors();
    var opened = new ArrayList<LocalDirectory>();
    for (int i = 0; i < 50; i++) {
      opened.add(LocalFiles.openDirectory(directory.path()));
    }
    assertThat(openDescriptors()).isGreaterThanOrEqualTo(before + 50);
    opened.forEach(LocalDirectory::close);
    assertThat(openDescriptors()).isLessThan(before + 50);
  }

  private static long openDescriptors() throws IOException {
    try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.count();
    }
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void fails(FsError error, Action action) {
    assertThatThrownBy(action::run)
        .isInstanceOfSatisfying(
            FsException.class, failure -> assertThat(failure.error()).isEqualTo(error));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Runs in the test's own JVM and, as a program, in one of another locale. */
  static final class EveryByteInNames {
    private EveryByteInNames() {}

    public static void main(String[] arguments) throws IOException {
      System.out.println("sun.jnu.encoding=" + System.getProperty("sun.jnu.encoding"));
      try (LocalDirectory directory = LocalFiles.openDirectory(bytes(arguments[0]))) {
        check(directory);
      }
    }

    static void check(LocalDirectory directory) throws IOException {
      var expected = new TreeSet<String>();
      for (int value = 1; value < 256; value++) {
        if (value == '/') {
          continue;
        }
        byte[] name = {(byte) value, 'x', (byte) value};
        directory.createFile(name, 0600).close();
        expected.add(HexFormat.of().formatHex(name));
      }
      var listed = new TreeSet<String>();
      for (List<LocalEntry> batch = directory.nextEntries();
          !batch.isEmpty();
          batch = directory.nextEntries()) {
        for (LocalEntry entry : batch) {
          listed.add(HexFormat.of().formatHex(entry.name()));
          if (directory.status(entry.name()).type() != FileType.REGULAR) {
            throw new AssertionError(HexFormat.of().formatHex(entry.name()));
          }
          directory.unlink(entry.name());
        }
      }
      if (!listed.equals(expected)) {
        throw new AssertionError("made " + expected + ", listed " + listed);
      }
    }
  }
}
