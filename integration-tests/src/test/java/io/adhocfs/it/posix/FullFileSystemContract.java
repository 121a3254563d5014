package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the direct driver keeps beyond the basic contract. */
abstract class FullFileSystemContract extends FileSystemContract {
  @Test
  void namesAreBytes() throws Exception {
    run(
        "n=$'\\xff\\xfe\\x01 \\n'; printf hello > \"$n\"; [ \"$(cat \"$n\")\" = hello ];"
            + " ls -b | grep -F '\\377\\376\\001'; rm \"$n\"; [ -z \"$(ls -A)\" ]");
  }

  @Test
  void everyByteCanBeAName() throws Exception {
    run(
        "for i in $(seq 1 255); do [ $i = 47 ] && continue; [ $i = 46 ] && continue;"
            + " n=$(printf \"\\\\x%02x_\" $i); printf -v n \"$n\"; : > \"$n\"; done;"
            + " [ $(find . -type f -printf x | wc -c) = 253 ]");
  }

  @Test
  void mappingReadsAndWrites() throws IOException {
    Path file = dir.resolve("f");
    Files.write(file, new byte[3 * 4096]);
    try (FileChannel channel = FileChannel.open(file, READ, WRITE)) {
      // Unmapped at once: a mapping that waits for the garbage collector keeps the mount busy.
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 3 * 4096, arena);
        map.set(ValueLayout.JAVA_BYTE, 5000, (byte) 77);
        map.force();
      }
    }
    assertThat(Files.readAllBytes(file)[5000]).isEqualTo((byte) 77);
  }

  @Test
  void inodeNumberIsStableAcrossRename() throws IOException {
    Path file = write("f", "x");
    Object before = Files.getAttribute(file, "unix:ino");
    Path renamed = Files.move(file, dir.resolve("g"));
    assertThat(Files.getAttribute(renamed, "unix:ino")).isEqualTo(before);
  }

  @Test
  void unlinkedFileStaysUsableUntilClosed() throws IOException {
    for (int size : new int[] {100, 3 * CHUNK}) {
      Path file = dir.resolve("f" + size);
      var content = new byte[size];
      new Random(3).nextBytes(content);
      Files.write(file, content);
      try (FileChannel channel = FileChannel.open(file, READ, WRITE)) {
        Files.delete(file);
        assertThat(Files.exists(file)).isFalse();
        ByteBuffer got = ByteBuffer.allocate(size);
        while (got.hasRemaining() && channel.read(got, got.position()) > 0) {
          // Until all is read.
        }
        assertThat(got.array()).isEqualTo(content);
        channel.write(ByteBuffer.wrap(new byte[] {42}), size);
        assertThat(channel.size()).isEqualTo(size + 1);
      }
      assertThat(list(dir)).isEmpty();
    }
  }

  @Test
  void replacedFileStaysReadableForWhoHasItOpen() throws IOException {
    Path file = write("f", "old content");
    try (FileChannel channel = FileChannel.open(file, READ)) {
      Files.move(write("g", "new"), file, StandardCopyOption.ATOMIC_MOVE);
      ByteBuffer got = ByteBuffer.allocate(11);
      channel.read(got, 0);
      assertThat(new String(got.array(), UTF_8)).isEqualTo("old content");
    }
    assertThat(Files.readString(file)).isEqualTo("new");
  }

  @Test
  void ordinaryUserIsRefusedWhatModesForbid() throws Exception {
    run("chmod 755 .; echo secret > f; chmod 600 f; mkdir d; chmod 755 d");
    run(
        "u() { setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \"$1\"; };"
            + " u 'ls d'; no u 'cat f'; no u ': > d/x'; chmod 777 d;"
            + " u ': > d/x'; [ $(stat -c %u:%g d/x) = 65534:65534 ]");
  }

  @Test
  void readersSeeTheOldOrTheNewFileDuringRenames() throws Exception {
    Path target = write("target", "version-0");
    inParallel(
        2,
        index -> {
          if (index == 0) {
            for (int i = 1; i <= 100; i++) {
              Path next = write("next", "version-" + i);
              Files.move(next, target, StandardCopyOption.ATOMIC_MOVE);
            }
          } else {
            for (int i = 0; i < 200; i++) {
              assertThat(Files.readString(target)).startsWith("version-");
            }
          }
          return 0;
        });
    assertThat(Files.readString(target)).isEqualTo("version-100");
  }
}
