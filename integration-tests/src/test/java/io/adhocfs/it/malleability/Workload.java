package io.adhocfs.it.malleability;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Programs that make, change, move, remove and read files through one client, each below a
 * directory of its own, and know what was acknowledged; with files that stay open, one of them
 * without a name, and locks that stay held. Any error is a failure.
 */
final class Workload implements AutoCloseable {
  private static final int WRITERS = 2;
  private static final int FILES_MAX = 120;
  private static final int DIRECTORIES = 4;
  private static final int SMALL_BYTES = 6 << 10;
  private static final int LARGE_BYTES = 1600 << 10;
  private static final int OPEN_BYTES = 2500 << 10;
  private static final int DEEDS_MAX = 20;
  private static final int LOCKED_BYTES = 10;
  private static final long LOCK_OWNER = 7;

  /** Daemons are to have time for other things on small machines. */
  private static final long PAUSE_NANOS = 3_000_000;

  private final ChangingInstance instance;
  private final AdhocFileSystem client;
  private final List<Writer> writers = new ArrayList<>();
  private final OpenFile locked;

  Workload(ChangingInstance instance, long seed) throws Exception {
    this.instance = instance;
    client = instance.newClient();
    locked = client.open(path("/locked"), OpenOptions.CREATE);
    for (int mode = 1; mode <= LOCKED_BYTES; mode += 2) {
      Object _ = locked.setLockAsync(LOCK_OWNER, range(mode, LockMode.EXCLUSIVE)).get();
    }
    for (int i = 0; i < WRITERS; i++) {
      var writer = new Writer("/w" + i, new SplittableRandom(seed + i));
      writers.add(writer);
      writer.prepare();
    }
    writers.forEach(writer -> new Thread(writer::run, "writer" + writer.root).start());
  }

  private static FileLock range(long at, LockMode mode) {
    return new FileLock(LockKind.POSIX, mode, at, at, 0);
  }

  private static AdhocPath path(String text) throws FsException {
    return AdhocPath.ofText(text);
  }

  /** How many operations have been acknowledged. */
  long operations() {
    return writers.stream().mapToLong(writer -> writer.operations.get()).sum();
  }

  /** Fails if a program has been told an error or read what it had not written. */
  void requireNoFailure() {
    for (Writer writer : writers) {
      Throwable failed = writer.failure.get();
      if (failed != null) {
        throw new AssertionError("in " + writer.root, failed);
      }
    }
  }

  /** Waits until each program has done something more. */
  void awaitProgress() throws InterruptedException {
    for (Writer writer : writers) {
      long before = writer.operations.get();
      ChangingInstance.await(
          "operations in " + writer.root,
          () -> {
            requireNoFailure();
            return writer.operations.get() > before + 5;
          });
    }
  }

  /** Looks at everything with a client that knows nothing yet, while the programs stand still. */
  void requireAllRight() throws Exception {
    writers.forEach(writer -> writer.paused = true);
    try (AdhocFileSystem other = instance.newClient()) {
      for (Writer writer : writers) {
        ChangingInstance.await(
            writer.root + " to stand still",
            () -> {
              requireNoFailure();
              return writer.standsStill;
            });
        writer.requireAllRight(other);
      }
      try (OpenFile file = other.open(path("/locked"), OpenOptions.READ_WRITE)) {
        for (int at = 0; at <= LOCKED_BYTES; at++) {
          FileLock inTheWay = file.testLockAsync(1, range(at, LockMode.EXCLUSIVE)).get();
          assertThat(inTheWay.mode())
              .as("lock of byte " + at)
              .isEqualTo(at % 2 == 1 ? LockMode.EXCLUSIVE : LockMode.NONE);
        }
      }
    } finally {
      writers.forEach(writer -> writer.paused = false);
    }
  }

  /** Ends without a look at what comes of it. */
  void abandon() {
    for (Writer writer : writers) {
      writer.ended = true;
    }
    client.close();
  }

  @Override
  public void close() throws IOException {
    for (Writer writer : writers) {
      writer.ended = true;
    }
    for (Writer writer : writers) {
      writer.end.join();
      writer.close();
    }
    locked.close();
    client.close();
  }

  /** One program. What is not volatile: its thread's, or anybody's while it stands still. */
  private final class Writer {
    final String root;
    final SplittableRandom random;
    final CompletableFuture<Void> end = new CompletableFuture<>();
    final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    final AtomicLong operations = new AtomicLong();
    volatile boolean paused;
    volatile boolean standsStill;
    volatile boolean ended;

    /** Contents of files by path; names of one file share the array's holder. */
    private final TreeMap<String, Content> files = new TreeMap<>();

    private final TreeMap<String, String> symlinks = new TreeMap<>();
    private final List<String> directories = new ArrayList<>();
    private final Content openContent = new Content();
    private final Content namelessContent = new Content();
    private @Nullable OpenFile open;
    private @Nullable OpenFile nameless;
    private int names;

    Writer(String root, SplittableRandom random) {
      this.root = root;
      this.random = random;
    }

    /** What a file holds. */
    private static final class Content {
      byte[] bytes = new byte[0];

      /** What has been done to it last, for whoever has to explain what became of it. */
      private final ArrayDeque<String> deeds = new ArrayDeque<>();

      void note(String deed) {
        deeds.add(Instant.now() + " " + deed);
        if (deeds.size() > DEEDS_MAX) {
          deeds.remove();
        }
      }

      /** Null if that is what was written, else how it differs. */
      @Nullable String difference(byte[] found) {
        int from = Arrays.mismatch(found, bytes);
        if (from < 0) {
          return null;
        }
        int to = Math.min(found.length, bytes.length);
        while (to > from && found[to - 1] == bytes[to - 1]) {
          to--;
        }
        boolean zeros = true;
        for (int i = from; i < to; i++) {
          zeros &= found[i] == 0;
        }
        return "%d bytes of %d, wrong from %d to %d%s, after %s"
            .formatted(
                found.length,
                bytes.length,
                from,
                to,
                zeros ? ", where there are zeros" : "",
                String.join("; ", deeds));
      }

      void write(int offset, byte[] written) {
        if (bytes.length < offset + written.length) {
          bytes = Arrays.copyOf(bytes, offset + written.length);
        }
        System.arraycopy(written, 0, bytes, offset, written.length);
        note("written from " + offset + " to " + (offset + written.length));
      }
    }

    void prepare() throws Exception {
      client.createDirectory(path(root), 0755);
      for (int i = 0; i < DIRECTORIES; i++) {
        String directory = root + "/d" + i;
        client.createDirectory(path(directory), 0755);
        directories.add(directory);
      }
      open = client.open(path(root + "/open"), OpenOptions.CREATE_NEW);
      files.put(root + "/open", openContent);
      change(open, openContent, 0, OPEN_BYTES);
      nameless = client.open(path(root + "/nameless"), OpenOptions.CREATE_NEW);
      change(nameless, namelessContent, 0, OPEN_BYTES);
      client.remove(path(root + "/nameless"));
      while (files.size() < FILES_MAX) {
        create(random.nextInt(12) == 0 ? LARGE_BYTES : SMALL_BYTES);
      }
    }

    private void run() {
      try {
        while (!ended) {
          if (paused) {
            standsStill = true;
          } else {
            standsStill = false;
            step();
            operations.incrementAndGet();
          }
          LockSupport.parkNanos(PAUSE_NANOS);
        }
      } catch (Throwable e) {
        failure.set(e);
      } finally {
        end.complete(null);
      }
    }

    private void step() throws Exception {
      switch (random.nextInt(16)) {
        case 0, 1 -> create(SMALL_BYTES);
        case 2 -> create(LARGE_BYTES);
        case 3, 4 -> {
          Map.Entry<String, Content> entry = anyFile();
          Content content = entry.getValue();
          try (OpenFile file = client.open(path(entry.getKey()), OpenOptions.READ_WRITE)) {
            change(file, content, anyOffset(content), 1 + random.nextInt(SMALL_BYTES));
          }
        }
        case 5 -> append();
        case 6 -> truncate();
        case 7, 8 -> rename();
        case 9, 10 -> remove();
        case 11 -> link();
        case 12 -> {
          String name = newName();
          String target = "t" + random.nextInt();
          client.symlink(path(name), target.getBytes(UTF_8));
          symlinks.put(name, target);
        }
        case 13 -> directory();
        case 14 -> {
          OpenFile file = open;
          OpenFile other = nameless;
          if (file != null && other != null) {
            change(file, openContent, anyOffset(openContent), 1 + random.nextInt(SMALL_BYTES));
            change(
                other,
                namelessContent,
                anyOffset(namelessContent),
                1 + random.nextInt(SMALL_BYTES));
            requireSame("the open file", file, openContent);
            requireSame("the file without a name", other, namelessContent);
          }
        }
        default -> {
          Map.Entry<String, Content> file = anyFile();
          requireSame(client, file.getKey(), file.getValue());
        }
      }
    }

    private String newName() {
      return directories.get(random.nextInt(directories.size())) + "/f" + names++;
    }

    private Map.Entry<String, Content> anyFile() {
      String from = root + "/d" + random.nextInt(DIRECTORIES) + "/f" + random.nextInt(10);
      Map.Entry<String, Content> found = files.ceilingEntry(from);
      return found == null ? files.firstEntry() : found;
    }

    private int anyOffset(Content content) {
      return random.nextInt(content.bytes.length + 1);
    }

    private byte[] anyBytes(int length) {
      var bytes = new byte[length];
      random.nextBytes(bytes);
      return bytes;
    }

    private void change(OpenFile file, Content content, int offset, int length) throws FsException {
      byte[] bytes = anyBytes(length);
      file.write(offset, ByteBuffer.wrap(bytes));
      content.write(offset, bytes);
    }

    private void create(int bytesMax) throws FsException {
      if (files.size() > FILES_MAX) {
        remove();
        return;
      }
      String name = newName();
      var content = new Content();
      try (OpenFile file = client.open(path(name), OpenOptions.CREATE_NEW)) {
        change(file, content, 0, 1 + random.nextInt(bytesMax));
      }
      files.put(name, content);
    }

    private void append() throws FsException {
      Map.Entry<String, Content> entry = anyFile();
      byte[] bytes = anyBytes(1 + random.nextInt(SMALL_BYTES));
      try (OpenFile file = client.open(path(entry.getKey()), OpenOptions.READ_WRITE)) {
        long at = file.append(ByteBuffer.wrap(bytes));
        assertThat(at).as("appended to " + entry.getKey()).isEqualTo(entry.getValue().bytes.length);
      }
      entry.getValue().write(entry.getValue().bytes.length, bytes);
    }

    private void truncate() throws FsException {
      Map.Entry<String, Content> entry = anyFile();
      int size = anyOffset(entry.getValue());
      client.truncate(path(entry.getKey()), size);
      entry.getValue().bytes = Arrays.copyOf(entry.getValue().bytes, size);
      entry.getValue().note("cut to " + size);
    }

    private void rename() throws FsException {
      String from = anyFile().getKey();
      // Onto another name now and then.
      String to = random.nextInt(4) == 0 ? anyFile().getKey() : newName();
      if (from.endsWith("/open") || to.endsWith("/open") || files.get(from) == files.get(to)) {
        return;
      }
      client.rename(path(from), path(to), RenameMode.REPLACE);
      Content content = files.remove(from);
      if (content != null) {
        files.put(to, content);
      }
    }

    private void remove() throws FsException {
      String name = anyFile().getKey();
      if (!name.endsWith("/open") && files.size() > FILES_MAX / 2) {
        client.remove(path(name));
        files.remove(name);
      } else if (!symlinks.isEmpty()) {
        client.remove(path(symlinks.firstKey()));
        symlinks.pollFirstEntry();
      }
    }

    private void link() throws FsException {
      Map.Entry<String, Content> entry = anyFile();
      String name = newName();
      client.link(path(entry.getKey()), path(name));
      files.put(name, entry.getValue());
    }

    private void directory() throws FsException {
      if (directories.size() < 2 * DIRECTORIES) {
        String name = directories.get(random.nextInt(DIRECTORIES)) + "/d" + names++;
        client.createDirectory(path(name), 0755);
        directories.add(name);
        return;
      }
      String name = directories.getLast();
      if (files.keySet().stream().noneMatch(file -> file.startsWith(name + "/"))
          && symlinks.keySet().stream().noneMatch(link -> link.startsWith(name + "/"))) {
        client.remove(path(name));
        directories.removeLast();
      } else {
        String to = root + "/d" + random.nextInt(DIRECTORIES) + "/d" + names++;
        client.rename(path(name), path(to), RenameMode.NO_REPLACE);
        directories.removeLast();
        directories.add(to);
        moveAll(files, name, to);
        moveAll(symlinks, name, to);
      }
    }

    private static <V> void moveAll(SortedMap<String, V> map, String from, String to) {
      var below = new TreeMap<>(map.subMap(from + "/", from + "0"));
      below.forEach((name, value) -> {
        map.remove(name);
        map.put(to + name.substring(from.length()), value);
      });
    }

    private static void requireSame(AdhocFileSystem reader, String name, Content content)
        throws FsException {
      try (OpenFile file = reader.open(path(name), OpenOptions.READ)) {
        requireSame(name, file, content);
      }
    }

    private static void requireSame(String name, OpenFile file, Content content)
        throws FsException {
      // One more, to see the end.
      ByteBuffer read = ByteBuffer.allocate(content.bytes.length + 1);
      int count = file.read(0, read);
      byte[] found = Arrays.copyOf(read.array(), Math.max(0, count));
      String difference = content.difference(found);
      if (difference != null) {
        throw new AssertionError(name + ": " + difference);
      }
    }

    void requireAllRight(AdhocFileSystem other) throws Exception {
      var found = new TreeMap<String, FileType>();
      list(other, root, found);
      var expected = new TreeMap<String, FileType>();
      directories.forEach(name -> expected.put(name, FileType.DIRECTORY));
      files.keySet().forEach(name -> expected.put(name, FileType.REGULAR));
      symlinks.keySet().forEach(name -> expected.put(name, FileType.SYMLINK));
      assertThat(found).isEqualTo(expected);
      for (Map.Entry<String, Content> entry : files.entrySet()) {
        requireSame(other, entry.getKey(), entry.getValue());
        long links = files.values().stream().filter(content -> content == entry.getValue()).count();
        assertThat((long) other.stat(path(entry.getKey())).linkCount())
            .as("links of " + entry.getKey())
            .isEqualTo(links);
      }
      for (Map.Entry<String, String> entry : symlinks.entrySet()) {
        assertThat(other.readSymlink(path(entry.getKey()))).asString().isEqualTo(entry.getValue());
      }
      OpenFile file = nameless;
      if (file != null) {
        requireSame("the file without a name", file, namelessContent);
      }
    }

    private static void list(AdhocFileSystem reader, String directory, Map<String, FileType> found)
        throws FsException {
      DirectoryListing listing = reader.list(path(directory), false);
      for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
        String name = directory + "/" + item.name();
        assertThat(found.put(name, item.type())).as(name + " is listed once").isNull();
        if (item.type() == FileType.DIRECTORY) {
          list(reader, name, found);
        }
      }
    }

    void close() throws FsException {
      for (OpenFile file : Arrays.asList(open, nameless)) {
        if (file != null) {
          file.close();
        }
      }
    }
  }
}
