package io.adhocfs.protocol.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The calls on a file of this host, and what comes of their failures. */
final class FileCallsTest {
  private static final int ENOENT = 2;
  private static final int EBADF = 9;
  private static final int EEXIST = 17;
  private static final int CREATE = FileCalls.O_RDWR | FileCalls.O_CREAT | FileCalls.O_EXCL;

  @TempDir Path directory;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void free() {
    arena.close();
  }

  private int open(String name, int flags) {
    MemorySegment path = FileCalls.cString(arena, directory.resolve(name));
    return FileCalls.openat(FileCalls.AT_FDCWD, path, flags | FileCalls.O_CLOEXEC, 0600);
  }

  @Test
  void failuresAreTheNegativeErrno() {
    assertThat(open("none", FileCalls.O_RDONLY)).isEqualTo(-ENOENT);
    int descriptor = open("f", CREATE);
    assertThat(open("f", CREATE)).isEqualTo(-EEXIST);
    assertThat(FileCalls.close(descriptor)).isZero();
    assertThat(FileCalls.close(descriptor)).isEqualTo(-EBADF);
    assertThat(FileCalls.pread(descriptor, arena.allocate(8), 8, 0)).isEqualTo(-EBADF);
    assertThat(FileCalls.fsync(descriptor)).isEqualTo(-EBADF);
  }

  @Test
  void bytesComeBackFromWhereTheyWereWritten() {
    int descriptor = open("f", CREATE);
    MemorySegment text = arena.allocateFrom("some bytes", StandardCharsets.US_ASCII);
    assertThat(FileCalls.pwrite(descriptor, text, 10, 1 << 20)).isEqualTo(10);
    assertThat(FileCalls.fsync(descriptor)).isZero();
    MemorySegment read = arena.allocate(100);
    assertThat(FileCalls.pread(descriptor, read, 100, (1 << 20) + 5)).isEqualTo(5);
    assertThat(read.asSlice(0, 5).toArray(JAVA_BYTE))
        .isEqualTo("bytes".getBytes(StandardCharsets.US_ASCII));
    assertThat(FileCalls.lseek(descriptor, 1 << 20, FileCalls.SEEK_HOLE)).isEqualTo((1 << 20) + 10);

    assertThat(FileCalls.ftruncate(descriptor, 3 << 20)).isZero();
    MemorySegment status = arena.allocate(FileCalls.STATX_BYTES, 8);
    int mask = FileCalls.STATX_SIZE | FileCalls.STATX_BLOCKS;
    MemorySegment nothing = arena.allocateFrom("");
    assertThat(FileCalls.statx(descriptor, nothing, FileCalls.AT_EMPTY_PATH, mask, status))
        .isZero();
    assertThat(status.get(JAVA_LONG, FileCalls.STATX_SIZE_OFFSET)).isEqualTo(3 << 20);
    assertThat(status.get(JAVA_LONG, FileCalls.STATX_BLOCKS_OFFSET) * 512)
        .isBetween(1L, (3L << 20) - 1);
    assertThat(FileCalls.close(descriptor)).isZero();
  }

  @Test
  void tellsWhoRunsIt() throws Exception {
    assertThat(FileCalls.effectiveUserId())
        .isEqualTo(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
  }
}
