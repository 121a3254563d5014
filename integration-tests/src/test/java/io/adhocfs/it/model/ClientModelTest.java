package io.adhocfs.it.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.IoPiece;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the client promises, on real daemons. */
class ClientModelTest {
  private static final int CHUNK = 16 << 10;
  private static final int SIZE_MAX = 20 * CHUNK;

  @TempDir private Path directory;
  private InProcessCluster cluster;
  private AdhocFileSystem fs;
  private AdhocFileSystem other;

  @BeforeEach
  void start() throws Exception {
    cluster =
        new InProcessCluster(
            directory,
            3,
            Map.of("chunk.size", "16KiB", "inline.max", "4KiB", "client.deadline", "30s"));
    fs = cluster.client();
    other = cluster.client();
  }

  @AfterEach
  void stop() {
    fs.close();
    other.close();
    cluster.close();
  }

  private static AdhocPath path(String text) throws FsException {
    return AdhocPath.ofText(text);
  }

  private static FsError error(CompletableFuture<?> future) {
    try {
      Object value = future.get();
      throw new AssertionError("it succeeded with " + value);
    } catch (java.util.concurrent.ExecutionException e) {
      return ((FsException) Objects.requireNonNull(e.getCause())).error();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void bytesAreWhatTheyShouldBeThroughTwoClientsAndRestarts() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("-Dadhocfs.seed=" + seed);
    var random = new Random(seed);
    for (int round = 0; round < 3; round++) {
      AdhocPath path = path("/file" + round);
      List<OpenFile> files =
          List.of(
              fs.open(path, OpenOptions.CREATE),
              other.open(path, OpenOptions.CREATE),
              other.open(path, OpenOptions.READ_WRITE));
      var model = new byte[2 * SIZE_MAX];
      int size = 0;
      for (int step = 0; step < 150; step++) {
        OpenFile file = files.get(random.nextInt(files.size()));
        int offset = random.nextInt(random.nextBoolean() ? 6000 : SIZE_MAX);
        int length = random.nextInt(random.nextBoolean() ? 3000 : 4 * CHUNK);
        switch (random.nextInt(7)) {
          case 0, 1 -> {
            byte[] data = new byte[length];
            random.nextBytes(data);
            file.write(offset, ByteBuffer.wrap(data));
            System.arraycopy(data, 0, model, offset, length);
            size = length == 0 ? size : Math.max(size, offset + length);
          }
          case 2 -> {
            List<IoPiece> pieces = new ArrayList<>();
            int at = random.nextInt(CHUNK);
            for (int i = 0; i < 20; i++) {
              byte[] data = new byte[1 + random.nextInt(500)];
              random.nextBytes(data);
              pieces.add(new IoPiece(at, ByteBuffer.wrap(data)));
              System.arraycopy(data, 0, model, at, data.length);
              size = Math.max(size, at + data.length);
              at += data.length + random.nextInt(2 * CHUNK / 3);
            }
            file.writeVectored(pieces);
          }
          case 3 -> {
            int newSize = random.nextInt(random.nextBoolean() ? 5000 : SIZE_MAX);
            file.truncate(newSize);
            if (newSize < size) {
              Arrays.fill(model, newSize, size, (byte) 0);
            }
            size = newSize;
          }
          case 4 -> {
            byte[] data = new byte[1 + random.nextInt(1000)];
            random.nextBytes(data);
            if (size < SIZE_MAX) {
              assertThat(file.append(ByteBuffer.wrap(data))).isEqualTo(size);
              System.arraycopy(data, 0, model, size, data.length);
              size += data.length;
            }
          }
          default -> {
            ByteBuffer target = ByteBuffer.allocate(length);
            int count = file.read(offset, target);
            int expected = Math.max(0, Math.min(length, size - offset));
            assertThat(count).isEqualTo(expected);
            assertThat(Arrays.copyOf(target.array(), count))
                .isEqualTo(Arrays.copyOfRange(model, offset, offset + expected));
          }
        }
        assertThat(file.size()).isEqualTo(size);
        if (random.nextInt(60) == 0) {
          cluster.restart(random.nextInt(cluster.size()));
        }
      }
      ByteBuffer whole = ByteBuffer.allocate(size);
      assertThat(files.get(0).read(0, whole)).isEqualTo(size);
      assertThat(whole.array()).isEqualTo(Arrays.copyOf(model, size));
      for (OpenFile file : files) {
        file.close();
      }
      assertThat(other.stat(path).sizeBytes()).isEqualTo(size);
    }
  }

  @Test
  void writesAtOnceOfTwoClientsLoseNothingWhileTheFileIsCutBeyondThem() throws Exception {
    AdhocPath path = path("/shared");
    OpenFile mine = fs.open(path, OpenOptions.CREATE);
    OpenFile theirs = other.open(path, OpenOptions.CREATE);
    int pieces = 200;
    int pieceBytes = 1777;
    int end = pieces * pieceBytes;
    var model = new byte[end];
    new Random(1).nextBytes(model);
    mine.truncate(end + 100_000);
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (int i = 0; i < pieces; i++) {
      ByteBuffer piece = ByteBuffer.wrap(model, i * pieceBytes, pieceBytes).slice();
      all.add((i % 2 == 0 ? mine : theirs).writeAsync((long) i * pieceBytes, piece));
      if (i % 20 == 0) {
        all.add(fs.inodes().truncate(mine.inode(), end + 90_000L - i));
      }
    }
    CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get();
    ByteBuffer got = ByteBuffer.allocate(end);
    assertThat(other.open(path, OpenOptions.READ).read(0, got)).isEqualTo(end);
    assertThat(got.array()).isEqualTo(model);
    mine.close();
    theirs.close();
  }

  @Test
  void namesOfArbitraryBytesAreListedOnce() throws Exception {
    fs.createDirectory(path("/d"), 0755);
    var random = new Random(5);
    Set<String> made = new TreeSet<>();
    for (int i = 0; i < 500; i++) {
      byte[] bytes = new byte[1 + random.nextInt(40)];
      for (int j = 0; j < bytes.length; j++) {
        bytes[j] = (byte) (random.nextInt(255) + 1);
        if (bytes[j] == '/') {
          bytes[j] = (byte) 0xff;
        }
      }
      EntryName name = EntryName.of(bytes);
      fs.open(path("/d").resolve(name), OpenOptions.CREATE).close();
      made.add(new String(bytes, StandardCharsets.ISO_8859_1));
    }
    Set<String> listed = new TreeSet<>();
    DirectoryListing listing = other.list(path("/d"), true);
    for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
      assertThat(listed.add(new String(item.name().bytes(), StandardCharsets.ISO_8859_1))).isTrue();
      FileAttributes attributes = item.attributes();
      assertThat(attributes).isNotNull();
    }
    assertThat(listed).isEqualTo(made);
    other.removeRecursively(path("/d"));
    assertThatThrownBy(() -> fs.stat(path("/d"))).isInstanceOf(FsException.class);
  }

  @Test
  void namesAndLinksAndTimesBehaveThroughTwoClients() throws Exception {
    fs.createDirectories(path("/a/b/c"), 0755);
    fs.open(path("/a/file"), OpenOptions.CREATE_NEW).close();
    assertThat(error(other.openAsync(path("/a/file"), OpenOptions.CREATE_NEW)))
        .isEqualTo(FsError.EXISTS);
    other.rename(path("/a/file"), path("/a/b/moved"), RenameMode.REPLACE);
    assertThat(error(fs.statAsync(path("/a/file")))).isEqualTo(FsError.NOT_FOUND);
    assertThat(fs.link(path("/a/b/moved"), path("/linked")).linkCount()).isEqualTo(2);
    fs.symlink(path("/link"), "a/b/../b/moved".getBytes(StandardCharsets.UTF_8));
    assertThat(other.stat(path("/link")).id()).isEqualTo(fs.stat(path("/linked")).id());
    fs.setAttributes(path("/link"), AttributeChange.NONE.withMtimeNanos(77).withMode(0640));
    FileAttributes seen = other.stat(path("/linked"));
    assertThat(seen.mtimeNanos()).isEqualTo(77);
    assertThat(seen.mode()).isEqualTo(0640);
    fs.rename(path("/a/b"), path("/b"), RenameMode.NO_REPLACE);
    assertThat(error(other.renameAsync(path("/b"), path("/b/c/x"), RenameMode.REPLACE)))
        .isEqualTo(FsError.INVALID);
    assertThat(error(other.removeAsync(path("/b")))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(other.stat(path("/b/c/..")).id()).isEqualTo(other.stat(path("/b")).id());
    assertThat(other.statistics().totalBytes()).isPositive();
  }

  @Test
  void anUnlinkedFileStaysReadableThroughOpenHandles() throws Exception {
    OpenFile file = fs.open(path("/file"), OpenOptions.CREATE);
    file.write(0, ByteBuffer.wrap(new byte[3 * CHUNK]));
    other.remove(path("/file"));
    ByteBuffer got = ByteBuffer.allocate(4 * CHUNK);
    assertThat(file.read(0, got)).isEqualTo(3 * CHUNK);
    cluster.restart(0);
    got.clear();
    assertThat(file.read(0, got)).isEqualTo(3 * CHUNK);
    file.close();
  }
}
