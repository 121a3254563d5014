package io.adhocfs.it.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Changes one bit in some file of a stopped daemon's data, starts the daemon and reads everything:
 * the start is refused, or each file is as it was written or its reading fails, with an error that
 * says so.
 */
class FlippedBitsIT {
  private static final int CHUNK = 128 << 10;

  /** What programs are told, or a start ends with, when stored bytes are damaged. */
  private static final Set<FsError> NAMED =
      Set.of(FsError.CORRUPT, FsError.STORAGE_FAILED, FsError.NOT_SUPPORTED, FsError.REFUSED);

  @TempDir private Path directory;
  private final Map<String, byte[]> written = new TreeMap<>();
  private final Map<String, Integer> outcomes = new TreeMap<>();

  @Test
  void noFlippedBitIsEverReadInSilence() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    int flips = Boolean.getBoolean("adhocfs.full") ? 500 : 30;
    System.out.println("replay with -Dtest.jvm.extra=-Dadhocfs.seed=" + seed);
    var random = new Random(seed);
    Path data = directory.resolve("node-0");
    Path saved = directory.resolve("saved");
    try (var cluster =
        new InProcessCluster(
            directory, 1, Map.of("chunk.size", "128KiB", "client.deadline", "10s"))) {
      // What the first daemon wrote is in tables when the second has started, the rest in a log.
      write(cluster, "first", random);
      cluster.restart(0);
      write(cluster, "second", random);
      cluster.stop(0);
      copy(data, saved);
      List<List<Path>> kinds = kinds(saved);
      for (int flip = 0; flip < flips; flip++) {
        List<Path> kind = kinds.get(flip % kinds.size());
        Path file = kind.get(random.nextInt(kind.size()));
        delete(data);
        copy(saved, data);
        long position = flip(data.resolve(saved.relativize(file)), random);
        String what = saved.relativize(file) + " byte " + position;
        String outcome = startAndRead(cluster, what);
        outcomes.merge(kindOf(saved.relativize(file)) + ": " + outcome, 1, Integer::sum);
      }
      delete(data);
      copy(saved, data);
      cluster.startAgain(0);
      assertThat(read(cluster, "nothing changed")).isNull();
    } finally {
      outcomes.forEach((outcome, count) -> System.out.println(outcome + " " + count));
    }
  }

  private void write(InProcessCluster cluster, String part, Random random) throws Exception {
    try (AdhocFileSystem client = cluster.client()) {
      client.createDirectory(AdhocPath.ofText("/" + part), 0755);
      for (int i = 0; i < 40; i++) {
        int length = i < 30 ? random.nextInt(4000) : random.nextInt(6 * CHUNK);
        var bytes = new byte[length];
        random.nextBytes(bytes);
        String name = "/" + part + "/f" + i;
        try (OpenFile file = client.open(AdhocPath.ofText(name), OpenOptions.CREATE)) {
          file.write(0, ByteBuffer.wrap(bytes));
          if (i % 4 == 0 && length > 1000) {
            // Once more in the middle, then shorter: of chunks that may be sealed by then.
            file.write(length / 2, ByteBuffer.wrap(bytes, 0, length / 4));
            System.arraycopy(bytes, 0, bytes, length / 2, length / 4);
            bytes = Arrays.copyOf(bytes, length * 3 / 4);
            file.truncate(bytes.length);
          }
        }
        written.put(name, bytes);
      }
    }
  }

  /** What came of a start and of reading everything; fails where something wrong was read. */
  private String startAndRead(InProcessCluster cluster, String what) throws Exception {
    try {
      cluster.startAgain(0);
    } catch (FsException e) {
      assertThat(NAMED).as("%s: %s", what, e.getMessage()).contains(e.error());
      assertThat(e.getMessage()).as(what).contains(directory.toString());
      return "refused at start";
    }
    try {
      String failed = read(cluster, what);
      return failed == null ? "everything is right" : failed;
    } finally {
      cluster.stop(0);
    }
  }

  /** Reads all that was written; answers which errors there were, null for none. */
  private @Nullable String read(InProcessCluster cluster, String what) throws Exception {
    var errors = new TreeMap<String, Integer>();
    try (AdhocFileSystem client = cluster.client()) {
      for (String part : List.of("/first", "/second")) {
        try {
          DirectoryListing listing = client.list(AdhocPath.ofText(part), true);
          int names = 0;
          while (listing.next() != null) {
            names++;
          }
          assertThat(names).as("%s: names in %s", what, part).isEqualTo(40);
        } catch (FsException e) {
          note(errors, e, what);
        }
      }
      for (Map.Entry<String, byte[]> one : written.entrySet()) {
        byte[] bytes = one.getValue();
        try (OpenFile file = client.open(AdhocPath.ofText(one.getKey()), OpenOptions.READ)) {
          assertThat(file.size()).as("%s: size of %s", what, one.getKey()).isEqualTo(bytes.length);
          var found = ByteBuffer.allocate(bytes.length + 1);
          int count = file.read(0, found);
          assertThat(count).as("%s: %s", what, one.getKey()).isEqualTo(bytes.length);
          assertThat(Arrays.mismatch(bytes, 0, count, found.array(), 0, count))
              .as("%s: first wrong byte of %s", what, one.getKey())
              .isNegative();
        } catch (FsException e) {
          note(errors, e, what);
        }
      }
    } catch (FsException e) {
      note(errors, e, what);
    }
    return errors.isEmpty() ? null : "reading fails with " + errors.keySet();
  }

  private static void note(Map<String, Integer> errors, FsException e, String what) {
    assertThat(NAMED).as("%s: %s", what, e.getMessage()).contains(e.error());
    errors.merge(e.error().toString(), 1, Integer::sum);
  }

  /** Changes a bit anywhere in a file, holes left out; answers in which byte. */
  private static long flip(Path path, Random random) throws IOException {
    try (var file = new RandomAccessFile(path.toFile(), "rw")) {
      long position = (long) (random.nextDouble() * file.length());
      file.seek(position);
      int was = file.read();
      file.seek(position);
      file.write(was ^ (1 << random.nextInt(8)));
      return position;
    }
  }

  private static String kindOf(Path relative) {
    String path = relative.toString();
    if (path.startsWith("chunks")) {
      return "chunks";
    }
    if (path.startsWith("control")) {
      return "control/" + relative.getFileName();
    }
    String name = String.valueOf(relative.getFileName());
    return path.replace(name, "") + name.replaceAll("[0-9]+", "N");
  }

  /** The files that are not empty, by what they are for. */
  private static List<List<Path>> kinds(Path root) throws IOException {
    Map<String, List<Path>> kinds = new HashMap<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        if (Files.size(file) > 0) {
          kinds.computeIfAbsent(kindOf(root.relativize(file)), _ -> new ArrayList<>()).add(file);
        }
      }
    }
    System.out.println(kinds.keySet());
    return new TreeMap<>(kinds).values().stream().toList();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file));
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (Files.isRegularFile(file)) {
          Files.copy(file, target);
        }
      }
    }
  }

  private static void delete(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
