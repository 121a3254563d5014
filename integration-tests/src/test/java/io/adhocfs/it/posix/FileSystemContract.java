package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/**
 * Small behaviours of a file system. This is the basic contract, which the fallback driver keeps
 * too; {@link FullFileSystemContract} adds the rest.
 *
 * <p>Long, since each file system under test takes one list: a class that keeps it extends this
 * one.
 */
abstract class FileSystemContract {
  static final int CHUNK = 512 << 10;

  Path dir = Path.of("/");

  /** An existing directory on the file system under test. */
  abstract Path root();

  @BeforeEach
  void makeOwnDirectory(TestInfo test) throws IOException {
    String name = test.getTestMethod().orElseThrow().getName();
    dir = Files.createTempDirectory(root(), name + "-");
  }

  // Creation and lookup

  @Test
  void createdFileIsEmptyAndRegular() throws IOException {
    Path file = Files.createFile(dir.resolve("f"));
    assertThat(Files.size(file)).isZero();
    assertThat(Files.isRegularFile(file)).isTrue();
    assertThat(number(file, "nlink")).isEqualTo(1);
  }

  @Test
  void missingNameIsNotFound() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> Files.size(dir.resolve("missing")));
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> FileChannel.open(dir.resolve("missing"), READ).close());
  }

  @Test
  void exclusiveCreateRefusesAnExistingName() throws IOException {
    Files.createFile(dir.resolve("f"));
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> Files.createFile(dir.resolve("f")));
  }

  @Test
  void exclusiveCreateHasOneWinner() throws Exception {
    for (int round = 0; round < 20; round++) {
      Path file = dir.resolve("f" + round);
      int winners =
          inParallel(
                  4,
                  () -> {
                    try {
                      Files.createFile(file);
                      return 1;
                    } catch (FileAlreadyExistsException e) {
                      return 0;
                    }
                  })
              .stream()
              .mapToInt(Integer::intValue)
              .sum();
      assertThat(winners).isEqualTo(1);
    }
  }

  @Test
  void openWithoutExclusiveTakesTheExistingFile() throws IOException {
    Path file = write("f", "content");
    try (FileChannel channel = FileChannel.open(file, CREATE, READ)) {
      assertThat(channel.size()).isEqualTo(7);
    } catch (IllegalArgumentException e) {
      throw new AssertionError(e);
    }
    assertThat(Files.readString(file)).isEqualTo("content");
  }

  @Test
  void nameOf255BytesWorksAnd256IsTooLong() throws IOException {
    Path longest = Files.createFile(dir.resolve("n".repeat(255)));
    assertThat(Files.exists(longest)).isTrue();
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.createFile(dir.resolve("n".repeat(256))))
        .withMessageContaining("too long");
  }

  @Test
  void pathOf4097BytesIsTooLong() {
    Path path = dir;
    while (path.toString().length() < 4097) {
      path = path.resolve("d".repeat(200));
    }
    Path tooLong = path;
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.createFile(tooLong))
        .withMessageContaining("too long");
  }

  @Test
  void fileAsDirectoryIsRefused() throws IOException {
    Path file = write("f", "x");
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.createFile(file.resolve("below")))
        .withMessageContaining("Not a directory");
  }

  @Test
  void modeOfNewFileObeysUmask() throws Exception {
    run("umask 027; : > f; mkdir d");
    assertThat(permissions(dir.resolve("f"))).isEqualTo("rw-r-----");
    assertThat(permissions(dir.resolve("d"))).isEqualTo("rwxr-x---");
  }

  // Reading and writing

  @Test
  void smallFileReadsBack() throws IOException {
    Path file = write("f", "hello");
    assertThat(Files.readString(file)).isEqualTo("hello");
    assertThat(Files.size(file)).isEqualTo(5);
  }

  @Test
  void filesOfAllKindsOfSizesReadBack() throws IOException {
    var random = new Random(7);
    for (int size :
        new int[] {
          0, 1, 511, 4095, 4096, 4097, 8192, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17, 5 << 20
        }) {
      var content = new byte[size];
      random.nextBytes(content);
      Path file = Files.write(dir.resolve("s" + size), content);
      assertThat(Files.size(file)).isEqualTo(size);
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void fileGrowsFromInlineToChunksInSmallSteps() throws IOException {
    Path file = dir.resolve("f");
    var expected = new java.io.ByteArrayOutputStream();
    try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
      for (int i = 0; i < 300; i++) {
        byte[] piece = ("line " + i + " of a growing file\n").getBytes(UTF_8);
        expected.write(piece);
        channel.write(ByteBuffer.wrap(piece));
      }
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(expected.toByteArray());
  }

  @Test
  void overwriteInTheMiddleKeepsTheRest() throws IOException {
    Path file = dir.resolve("f");
    var content = new byte[2 * CHUNK];
    new Random(1).nextBytes(content);
    Files.write(file, content);
    byte[] patch = "patched across the border".getBytes(UTF_8);
    try (FileChannel channel = FileChannel.open(file, WRITE)) {
      channel.write(ByteBuffer.wrap(patch), CHUNK - 10);
    }
    System.arraycopy(patch, 0, content, CHUNK - 10, patch.length);
    assertThat(Files.readAllBytes(file)).isEqualTo(content);
  }

  @Test
  void holesReadAsZeros() throws IOException {
    Path file = dir.resolve("f");
    try (FileChannel channel = FileChannel.open(file, CREATE, WRITE, READ)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}), 3L * CHUNK + 5);
      assertThat(channel.size()).isEqualTo(3L * CHUNK + 6);
    }
    byte[] content = Files.readAllBytes(file);
    assertThat(content[content.length - 1]).isEqualTo((byte) 1);
    for (int i = 0; i < content.length - 1; i++) {
      if (content[i] != 0) {
        throw new AssertionError("byte " + i + " of the hole is " + content[i]);
      }
    }
  }

  @Test
  void holeBehindInlineDataReadsAsZeros() throws IOException {
    Path file = write("f", "start");
    try (FileChannel channel = FileChannel.open(file, WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {9}), 2L * CHUNK);
    }
    byte[] content = Files.readAllBytes(file);
    assertThat(new String(content, 0, 5, UTF_8)).isEqualTo("start");
    assertThat(content[5]).isZero();
    assertThat(content[CHUNK + 3]).isZero();
    assertThat(content[2 * CHUNK]).isEqualTo((byte) 9);
  }

  @Test
  void readPastTheEndIsEmpty() throws IOException {
    Path file = write("f", "abc");
    try (FileChannel channel = FileChannel.open(file, READ)) {
      assertThat(channel.read(ByteBuffer.allocate(10), 3)).isEqualTo(-1);
      assertThat(channel.read(ByteBuffer.allocate(10), 1L << 40)).isEqualTo(-1);
      assertThat(channel.read(ByteBuffer.allocate(10), 1)).isEqualTo(2);
    }
  }

  @Test
  void appendWritesAtTheEnd() throws IOException {
    Path file = write("f", "one");
    try (FileChannel first = FileChannel.open(file, APPEND);
        FileChannel second = FileChannel.open(file, APPEND)) {
      first.write(ByteBuffer.wrap(" two".getBytes(UTF_8)));
      second.write(ByteBuffer.wrap(" three".getBytes(UTF_8)));
      first.write(ByteBuffer.wrap(" four".getBytes(UTF_8)));
    }
    assertThat(Files.readString(file)).isEqualTo("one two three four");
  }

  @Test
  void farOffsetsWork() throws IOException {
    Path file = dir.resolve("f");
    long far = (1L << 40) + 12345;
    try (FileChannel channel = FileChannel.open(file, CREATE, WRITE, READ)) {
      channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), far);
      assertThat(channel.size()).isEqualTo(far + 3);
      ByteBuffer back = ByteBuffer.allocate(5);
      channel.read(back, far - 2);
      assertThat(back.array()).isEqualTo(new byte[] {0, 0, 1, 2, 3});
    }
  }

  @Test
  void randomWritesReadsAndTruncatesMatchAnArray() throws IOException {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    var random = new Random(seed);
    Path file = dir.resolve("f");
    var model = new byte[6 * CHUNK];
    int size = 0;
    try (FileChannel channel = FileChannel.open(file, CREATE, READ, WRITE)) {
      for (int step = 0; step < 400; step++) {
        int kind = random.nextInt(10);
        int at = random.nextInt(random.nextBoolean() ? 8192 : model.length);
        int length = Math.min(1 + random.nextInt(kind < 5 ? 5000 : CHUNK), model.length - at);
        if (kind < 5) {
          var bytes = new byte[length];
          random.nextBytes(bytes);
          channel.write(ByteBuffer.wrap(bytes), at);
          System.arraycopy(bytes, 0, model, at, length);
          size = Math.max(size, at + length);
        } else if (kind < 9) {
          ByteBuffer got = ByteBuffer.allocate(length);
          int count = channel.read(got, at);
          int expected = at >= size ? -1 : Math.min(length, size - at);
          assertThat(count).as("seed %d step %d", seed, step).isEqualTo(expected);
          for (int i = 0; i < count; i++) {
            if (got.get(i) != model[at + i]) {
              throw new AssertionError(
                  "byte " + (at + i) + " differs; -Dadhocfs.seed=" + seed + " step " + step);
            }
          }
        } else {
          try (var access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(at);
          }
          if (at < size) {
            java.util.Arrays.fill(model, at, size, (byte) 0);
          }
          size = at;
        }
        assertThat(channel.size()).as("seed %d step %d", seed, step).isEqualTo(size);
      }
    }
  }

  @Test
  void concurrentWritersOfOneFileKeepToTheirParts() throws Exception {
    Path file = Files.createFile(dir.resolve("f"));
    int piece = 47_008;
    inParallel(
        4,
        index -> {
          try (FileChannel channel = FileChannel.open(file, WRITE)) {
            for (int i = index; i < 64; i += 4) {
              var bytes = new byte[piece];
              java.util.Arrays.fill(bytes, (byte) (i + 1));
              channel.write(ByteBuffer.wrap(bytes), (long) i * piece);
            }
          }
          return 0;
        });
    byte[] content = Files.readAllBytes(file);
    assertThat(content).hasSize(64 * piece);
    for (int i = 0; i < content.length; i++) {
      if (content[i] != (byte) (i / piece + 1)) {
        throw new AssertionError("byte " + i + " is " + content[i]);
      }
    }
  }

  @Test
  void syncSucceeds() throws IOException {
    try (FileChannel channel = FileChannel.open(dir.resolve("f"), CREATE, WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[100_000]));
      channel.force(true);
      channel.force(false);
    }
  }

  // Truncation

  @Test
  void openWithTruncateEmptiesTheFile() throws IOException {
    Path file = Files.write(dir.resolve("f"), new byte[CHUNK * 2]);
    FileChannel.open(file, WRITE, TRUNCATE_EXISTING).close();
    assertThat(Files.size(file)).isZero();
    assertThat(Files.readAllBytes(file)).isEmpty();
  }

  @Test
  void truncatedPartReadsAsZerosWhenTheFileGrowsAgain() throws IOException {
    for (int size : new int[] {100, 4096, CHUNK, 3 * CHUNK}) {
      Path file = dir.resolve("f" + size);
      var content = new byte[size];
      java.util.Arrays.fill(content, (byte) 5);
      Files.write(file, content);
      try (var access = new RandomAccessFile(file.toFile(), "rw")) {
        access.setLength(size / 3);
        access.setLength(size);
      }
      byte[] got = Files.readAllBytes(file);
      for (int i = 0; i < size; i++) {
        if (got[i] != (i < size / 3 ? 5 : 0)) {
          throw new AssertionError("byte " + i + " of " + size + " is " + got[i]);
        }
      }
    }
  }

  @Test
  void growingASmallFileByTruncateReadsZeros() throws IOException {
    Path file = write("f", "abc");
    try (var access = new RandomAccessFile(file.toFile(), "rw")) {
      access.setLength(2L * CHUNK + 1);
    }
    byte[] got = Files.readAllBytes(file);
    assertThat(got).hasSize(2 * CHUNK + 1);
    assertThat(new String(got, 0, 3, UTF_8)).isEqualTo("abc");
    assertThat(got[CHUNK]).isZero();
  }

  // Attributes

  @Test
  void modeChanges() throws IOException {
    Path file = write("f", "x");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx-w---x"));
    assertThat(permissions(file)).isEqualTo("rwx-w---x");
  }

  @Test
  void specialModeBitsAreKept() throws Exception {
    run("mkdir d; chmod 1777 d; [ $(stat -c %a d) = 1777 ]; : > f; chmod 4755 f; stat -c %a f");
    assertThat(number(dir.resolve("d"), "mode") & 07777).isEqualTo(01777);
    assertThat(number(dir.resolve("f"), "mode") & 07777).isEqualTo(04755);
  }

  @Test
  void ownerChanges() throws Exception {
    run(": > f; chown 1234:4321 f; [ $(stat -c %u:%g f) = 1234:4321 ]");
    run("chown 7 f; [ $(stat -c %u:%g f) = 7:4321 ]");
  }

  @Test
  void timesAreKeptToTheNanosecond() throws IOException {
    Path file = write("f", "x");
    Instant time = Instant.ofEpochSecond(1_234_567_890L, 123_456_789);
    Files.setLastModifiedTime(file, FileTime.from(time));
    assertThat(Files.getLastModifiedTime(file).toInstant()).isEqualTo(time);
  }

  @Test
  void timesBefore1970AreKept() throws Exception {
    run(
        ": > f; touch -d '1960-05-05 01:02:03 UTC' f;"
            + " [ $(stat -c %Y f) = $(date -d '1960-05-05 01:02:03 UTC' +%s) ]");
  }

  @Test
  void writingMovesModificationTime() throws Exception {
    Path file = write("f", "x");
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(1000)));
    try (FileChannel channel = FileChannel.open(file, WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}));
    }
    assertThat(Files.getLastModifiedTime(file).toInstant()).isAfter(Instant.ofEpochSecond(2000));
  }

  @Test
  void overwritingInsideALargeFileMovesModificationTime() throws Exception {
    Path file = Files.write(dir.resolve("f"), new byte[2 * CHUNK]);
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(1000)));
    try (FileChannel channel = FileChannel.open(file, WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {1}), CHUNK + 1);
    }
    assertThat(Files.getLastModifiedTime(file).toInstant()).isAfter(Instant.ofEpochSecond(2000));
  }

  @Test
  void changesInADirectoryMoveItsModificationTime() throws IOException {
    List<Callable<Object>> changes =
        List.of(
            () -> Files.createFile(dir.resolve("a")),
            () -> Files.createDirectory(dir.resolve("d")),
            () -> Files.move(dir.resolve("a"), dir.resolve("b")),
            () -> Files.createLink(dir.resolve("c"), dir.resolve("b")),
            () -> Files.deleteIfExists(dir.resolve("b")),
            () -> Files.deleteIfExists(dir.resolve("d")));
    for (int i = 0; i < changes.size(); i++) {
      Files.setLastModifiedTime(dir, FileTime.from(Instant.ofEpochSecond(1000)));
      try {
        changes.get(i).call();
      } catch (Exception e) {
        throw new AssertionError("change " + i, e);
      }
      assertThat(Files.getLastModifiedTime(dir).toInstant())
          .as("change %d", i)
          .isAfter(Instant.ofEpochSecond(2000));
    }
  }

  @Test
  void statisticsAreSane() throws IOException {
    FileStore store = Files.getFileStore(dir);
    assertThat(store.getTotalSpace()).isPositive();
    assertThat(store.getUsableSpace()).isBetween(1L, store.getTotalSpace());
  }

  // Directories

  @Test
  void directoriesNest() throws IOException {
    Path deep = dir;
    for (int i = 0; i < 50; i++) {
      deep = deep.resolve("level" + i);
    }
    Files.createDirectories(deep);
    Files.writeString(deep.resolve("f"), "deep");
    assertThat(Files.readString(deep.resolve("f"))).isEqualTo("deep");
  }

  @Test
  void listingShowsEveryEntryOnce() throws IOException {
    Set<String> expected = new HashSet<>();
    for (int i = 0; i < 1500; i++) {
      Files.createFile(dir.resolve("entry" + i));
      expected.add("entry" + i);
    }
    List<String> listed = list(dir);
    assertThat(listed).hasSize(1500);
    assertThat(new HashSet<>(listed)).isEqualTo(expected);
  }

  @Test
  void entriesThatStayAreListedOnceWhileOthersComeAndGo() throws Exception {
    Set<String> staying = new HashSet<>();
    for (int i = 0; i < 400; i++) {
      Files.createFile(dir.resolve("stay" + i));
      staying.add("stay" + i);
    }
    for (int round = 0; round < 5; round++) {
      int current = round;
      List<List<String>> results =
          inParallel(
              2,
              index -> {
                if (index == 0) {
                  for (int i = 0; i < 100; i++) {
                    Path file = Files.createFile(dir.resolve("go" + current + "-" + i));
                    Files.delete(file);
                  }
                  return List.of();
                }
                return list(dir);
              });
      List<String> stayed =
          results.get(1).stream().filter(name -> name.startsWith("stay")).toList();
      assertThat(stayed).hasSize(400);
      assertThat(new HashSet<>(stayed)).isEqualTo(staying);
    }
  }

  @Test
  void emptyDirectoryIsRemovedAndAFullOneIsNot() throws IOException {
    Path sub = Files.createDirectory(dir.resolve("d"));
    Files.createFile(sub.resolve("f"));
    assertThatExceptionOfType(DirectoryNotEmptyException.class).isThrownBy(() -> Files.delete(sub));
    Files.delete(sub.resolve("f"));
    Files.delete(sub);
    assertThat(Files.exists(sub)).isFalse();
  }

  @Test
  void linkCountOfADirectoryCountsItsSubdirectories() throws IOException {
    assertThat(number(dir, "nlink")).isEqualTo(2);
    Files.createDirectory(dir.resolve("a"));
    Files.createDirectory(dir.resolve("b"));
    Files.createFile(dir.resolve("f"));
    assertThat(number(dir, "nlink")).isEqualTo(4);
    Files.delete(dir.resolve("a"));
    assertThat(number(dir, "nlink")).isEqualTo(3);
  }

  @Test
  void dotDotIsTheParent() throws Exception {
    Files.createDirectories(dir.resolve("a/b"));
    Files.writeString(dir.resolve("a/f"), "in a");
    run(
        "cd a/b; [ \"$(cat ../f)\" = 'in a' ]; [ \"$(stat -c %i ..)\" = \"$(stat -c %i ../../a)\" ]");
  }

  @Test
  void removedWorkingDirectoryTakesNoNewFiles() throws Exception {
    run("mkdir d; cd d; rmdir ../d; no sh -c ': > f'");
  }

  @Test
  void recursiveRemoveLeavesNothing() throws Exception {
    run(
        "for i in $(seq 30); do mkdir -p t/$i/x; for j in $(seq 20); do echo $j > t/$i/x/$j; done;"
            + " done; rm -r t; [ -z \"$(ls -A)\" ]");
  }

  // Rename

  @Test
  void renameKeepsContent() throws IOException {
    Path file = write("f", "content");
    Path sub = Files.createDirectory(dir.resolve("d"));
    Files.move(file, sub.resolve("g"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(Files.exists(file)).isFalse();
    assertThat(Files.readString(sub.resolve("g"))).isEqualTo("content");
  }

  @Test
  void renameReplacesAnExistingFile() throws IOException {
    Path from = write("from", "new");
    Path to = write("to", "old");
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    assertThat(Files.readString(to)).isEqualTo("new");
    assertThat(list(dir)).containsExactly("to");
  }

  @Test
  void renameOfADirectoryKeepsWhatIsInIt() throws IOException {
    Files.createDirectories(dir.resolve("a/b/c"));
    Files.writeString(dir.resolve("a/b/c/f"), "x");
    Files.createDirectory(dir.resolve("other"));
    Files.move(dir.resolve("a/b"), dir.resolve("other/moved"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(Files.readString(dir.resolve("other/moved/c/f"))).isEqualTo("x");
    assertThat(list(dir.resolve("a"))).isEmpty();
    assertThat(number(dir.resolve("a"), "nlink")).isEqualTo(2);
    assertThat(number(dir.resolve("other"), "nlink")).isEqualTo(3);
  }

  @Test
  void renameOverAnEmptyDirectoryWorksAndOverAFullOneDoesNot() throws Exception {
    run("mkdir a b c; : > c/f; mv -T a b; [ ! -e a ]; no mv -T b c; [ -d b ]");
  }

  @Test
  void renameOfADirectoryIntoItselfIsRefused() throws Exception {
    Files.createDirectories(dir.resolve("a/b"));
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() ->
            Files.move(dir.resolve("a"), dir.resolve("a/b/c"), StandardCopyOption.ATOMIC_MOVE));
    assertThat(Files.isDirectory(dir.resolve("a/b"))).isTrue();
  }

  @Test
  void renameBetweenTypesIsRefused() throws IOException {
    Path file = write("f", "x");
    Path sub = Files.createDirectory(dir.resolve("d"));
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.move(file, sub, StandardCopyOption.ATOMIC_MOVE));
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.move(sub, file, StandardCopyOption.ATOMIC_MOVE));
  }

  @Test
  void renameOverAnotherNameOfTheSameFileDoesNothing() throws Exception {
    Path file = write("f", "x");
    Files.createLink(dir.resolve("g"), file);
    Files.move(file, dir.resolve("g"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(new HashSet<>(list(dir))).isEqualTo(Set.of("f", "g"));
  }

  @Test
  void crossingRenamesOfDirectoriesMakeNoCycle() throws Exception {
    Files.createDirectories(dir.resolve("a"));
    Files.createDirectories(dir.resolve("b"));
    for (int round = 0; round < 10; round++) {
      inParallel(
          2,
          index -> {
            String from = index == 0 ? "a" : "b";
            String into = index == 0 ? "b" : "a";
            try {
              Files.move(
                  dir.resolve(from),
                  dir.resolve(into).resolve(from),
                  StandardCopyOption.ATOMIC_MOVE);
            } catch (FileSystemException e) {
              // The other one was faster.
            }
            return 0;
          });
      List<String> top = list(dir);
      assertThat(top).hasSize(1);
      String outer = top.getFirst();
      String inner = outer.equals("a") ? "b" : "a";
      assertThat(list(dir.resolve(outer))).containsExactly(inner);
      Files.move(dir.resolve(outer).resolve(inner), dir.resolve(inner));
    }
  }

  // Links

  @Test
  void hardLinksShareOneInode() throws IOException {
    Path file = write("f", "one");
    Path sub = Files.createDirectory(dir.resolve("d"));
    Path link = Files.createLink(sub.resolve("link"), file);
    assertThat(number(file, "nlink")).isEqualTo(2);
    Files.writeString(link, "two");
    assertThat(Files.readString(file)).isEqualTo("two");
    Files.delete(file);
    assertThat(number(link, "nlink")).isEqualTo(1);
    assertThat(Files.readString(link)).isEqualTo("two");
  }

  @Test
  void hardLinkToADirectoryIsRefused() throws IOException {
    Path sub = Files.createDirectory(dir.resolve("d"));
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> Files.createLink(dir.resolve("l"), sub));
  }

  @Test
  void hardLinkOverAnExistingNameIsRefused() throws IOException {
    Path file = write("f", "x");
    write("g", "y");
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> Files.createLink(dir.resolve("g"), file));
    assertThat(number(file, "nlink")).isEqualTo(1);
  }

  @Test
  void symlinksPointAndDangle() throws IOException {
    write("f", "target");
    Path link = Files.createSymbolicLink(dir.resolve("l"), Path.of("f"));
    assertThat(Files.readString(link)).isEqualTo("target");
    assertThat(Files.readSymbolicLink(link)).isEqualTo(Path.of("f"));
    Path dangling = Files.createSymbolicLink(dir.resolve("dangling"), Path.of("nowhere"));
    assertThat(Files.exists(dangling)).isFalse();
    assertThat(Files.exists(dangling, LinkOption.NOFOLLOW_LINKS)).isTrue();
    Files.delete(link);
    assertThat(Files.exists(dir.resolve("f"))).isTrue();
  }

  @Test
  void symlinkLoopIsRefused() throws IOException {
    Files.createSymbolicLink(dir.resolve("a"), Path.of("b"));
    Files.createSymbolicLink(dir.resolve("b"), Path.of("a"));
    assertThatExceptionOfType(FileSystemException.class)
        .isThrownBy(() -> FileChannel.open(dir.resolve("a"), READ).close())
        .isNotInstanceOf(NoSuchFileException.class)
        .isNotInstanceOf(NotDirectoryException.class)
        .isNotInstanceOf(FileSystemLoopException.class);
  }

  // Unlinked but open

  @Test
  void nameCanBeUsedAgainAtOnce() throws IOException {
    for (int i = 0; i < 50; i++) {
      Path file = Files.createFile(dir.resolve("f"));
      Files.writeString(file, "round " + i);
      assertThat(Files.readString(file)).isEqualTo("round " + i);
      Files.delete(file);
    }
  }

  @Test
  void createNewOptionWritesAtOnce() throws IOException {
    Files.write(dir.resolve("f"), new byte[] {1, 2}, CREATE_NEW);
    assertThat(Files.size(dir.resolve("f"))).isEqualTo(2);
  }

  // Permissions, as the kernel checks them for ordinary users

  // Programs

  @Test
  void tarRoundTrips() throws Exception {
    run(
        "mkdir -p t/a/b; for i in $(seq 50); do head -c $((i * 777)) /dev/urandom > t/a/f$i; done;"
            + " ln -s a/f1 t/link; ln t/a/f2 t/a/b/hard; tar cf t.tar t; mkdir x;"
            + " tar xf t.tar -C x; diff -r t x/t");
  }

  // Tools

  Path write(String name, String content) throws IOException {
    return Files.writeString(dir.resolve(name), content);
  }

  static List<String> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).toList();
    }
  }

  static int number(Path file, String attribute) throws IOException {
    return ((Number) Files.getAttribute(file, "unix:" + attribute, LinkOption.NOFOLLOW_LINKS))
        .intValue();
  }

  static String permissions(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  /** Runs a script in this test's directory and expects it to succeed. */
  void run(String script) throws Exception {
    Process process =
        new ProcessBuilder("bash", "-euc", "no() { if \"$@\"; then exit 1; fi; }; " + script)
            .directory(dir.toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s\n%s", script, output).isZero();
  }

  interface Task<T> {
    T run(int index) throws Exception;
  }

  private static <T> List<T> inParallel(int count, Callable<T> task) throws Exception {
    return inParallel(count, index -> task.call());
  }

  static <T> List<T> inParallel(int count, Task<T> task) throws Exception {
    try (var pool = Executors.newFixedThreadPool(count)) {
      List<Future<T>> futures = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int index = i;
        futures.add(pool.submit(() -> task.run(index)));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get());
      }
      return results;
    }
  }
}
