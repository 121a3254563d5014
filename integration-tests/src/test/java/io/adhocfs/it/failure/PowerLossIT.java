package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.it.failure.PromisedFile.Place;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Power that goes at some or all nodes while programs work, with {@code fsync=disk}. Each node has
 * a disk of its own, of which everything or only what was synced has reached the device.
 */
class PowerLossIT {
  private static final int NODES = 2;
  private static final int LOSSES = Boolean.getBoolean("adhocfs.full") ? 200 : 5;
  private static final int DIRECTORIES = 6;
  private static final int OPERATIONS_MIN = 60;
  private static final int OPERATIONS_MAX = 400;
  private static final int SPARSE_FILES = 4;
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final long LOOK_NANOS = 1_000_000;
  private static final Owner OWNER = new Owner(0, 0);

  private static final Pattern PROCESS = Pattern.compile("\"pid\"\\s*:\\s*(\\d+)");

  private static final Pattern CHUNK_OF_NOBODY =
      Pattern.compile(
          "INCONSISTENT: node n\\d+ stores chunk \\d+ of inode (\\d+), which does not exist");

  /** When what a node has written reaches its device. */
  private enum WriteBack {
    ONLY_SYNCED,
    WHAT_WAS_WRITTEN_EARLIER,
    ALL
  }

  private static final List<WriteBack> WRITE_BACKS = List.of(WriteBack.values());

  @Test
  void whatFsyncHasReturnedForOutlivesTheLossOfPowerOfSomeOrAllNodes() throws Exception {
    long seed = Long.getLong("adhocfs.seed", ThreadLocalRandom.current().nextLong());
    System.out.println("PowerLossIT: -Dadhocfs.seed=" + seed);
    Path place = Files.createTempDirectory("adhocfs-power-");
    List<LossyDisk> disks = new ArrayList<>();
    try {
      for (int node = 0; node < NODES; node++) {
        disks.add(LossyDisk.make(place.resolve("disk" + node), place.resolve("node-" + node)));
      }
      try (TestInstance instance =
          TestInstance.up(
              NODES,
              "--data",
              place.toString(),
              "--set",
              "fsync=disk",
              "--set",
              "chunk.size=16KiB")) {
        var losses = new Losses(instance, disks, new SplittableRandom(seed));
        List<String> problems = losses.run();
        assertThat(problems).as("with -Dadhocfs.seed=%d", seed).isEmpty();
      }
    } finally {
      for (LossyDisk disk : disks) {
        disk.close();
      }
      Files.delete(place);
    }
  }

  /** One instance, which loses power again and again. */
  private static final class Losses {
    private final TestInstance instance;
    private final List<LossyDisk> disks;
    private final SplittableRandom random;
    private final AtomicInteger numbers = new AtomicInteger();
    private final List<String> problems = new ArrayList<>();
    private final List<InodeId> directories = new ArrayList<>();

    /** Of files of which nothing was ever promised. */
    private final Set<String> losable = new HashSet<>();

    Losses(TestInstance instance, List<LossyDisk> disks, SplittableRandom random) {
      this.instance = instance;
      this.disks = disks;
      this.random = random;
    }

    List<String> run() throws Exception {
      try (AdhocFileSystem client = client()) {
        for (int i = 0; i < DIRECTORIES; i++) {
          directories.add(
              client
                  .inodes()
                  .makeDirectory(InodeId.ROOT, EntryName.ofText("d" + i), 0755, OWNER)
                  .get()
                  .id());
        }
        Object _ = client.inodes().sync(InodeId.ROOT).get();
      }
      for (int loss = 0; loss < LOSSES; loss++) {
        int before = problems.size();
        String how = loseAndCheck();
        for (int i = before; i < problems.size(); i++) {
          problems.set(i, "loss %d (%s): %s".formatted(loss, how, problems.get(i)));
          System.out.println(problems.get(i));
        }
      }
      return problems;
    }

    private AdhocFileSystem client() throws Exception {
      return AdhocFileSystem.open(
          () -> instance.described(), ClientOptions.DEFAULT.withDeadline(DEADLINE));
    }

    private String loseAndCheck() throws Exception {
      List<Integer> dark = new ArrayList<>();
      Map<Integer, WriteBack> writeBacks = new HashMap<>();
      int mask = random.nextBoolean() ? -1 : random.nextInt(1, 1 << NODES);
      for (int node = 0; node < NODES; node++) {
        if ((mask >> node & 1) != 0) {
          dark.add(node);
          writeBacks.put(node, WRITE_BACKS.get(random.nextInt(WRITE_BACKS.size())));
        }
      }
      long operations = random.nextLong(OPERATIONS_MIN, OPERATIONS_MAX);
      var work = new PromisedWork(client(), directories, numbers, random.split());
      List<PromisedFile> files;
      try {
        for (int node : dark) {
          if (writeBacks.get(node) == WriteBack.WHAT_WAS_WRITTEN_EARLIER) {
            await(work, random.nextLong(operations));
            disks.get(node).writeBack();
          }
        }
        await(work, operations);
        work.mayFail();
        losePower(dark, writeBacks);
      } finally {
        files = work.end(problems);
      }
      for (int node : dark) {
        disks.get(node).regainPower();
      }
      start();
      try (AdhocFileSystem client = client()) {
        check(client.inodes(), files);
        checkNewFilesAreEmpty(client.inodes());
        verify(files);
        clear(client.inodes());
      }
      return writeBacks + " of " + operations + " operations";
    }

    private static void await(PromisedWork work, long operations) throws InterruptedException {
      Waiting.until(
          operations + " operations",
          PATIENCE,
          LOOK_NANOS,
          () -> work.acknowledged() >= operations || work.failed());
    }

    private ProcessHandle daemon(int node) throws IOException {
      String ready = Files.readString(disks.get(node).directory().resolve("daemon.json"));
      Matcher matcher = PROCESS.matcher(ready);
      if (!matcher.find()) {
        throw new AssertionError("no pid in " + ready);
      }
      return ProcessHandle.of(Long.parseLong(matcher.group(1))).orElseThrow();
    }

    private void losePower(List<Integer> dark, Map<Integer, WriteBack> writeBacks)
        throws IOException, InterruptedException {
      List<ProcessHandle> daemons = new ArrayList<>();
      for (int node : dark) {
        ProcessHandle daemon = daemon(node);
        // What it would answer now could not be told from what it answered before.
        Processes.signal(daemon, "STOP");
        daemons.add(daemon);
      }
      for (int node : dark) {
        if (writeBacks.get(node) == WriteBack.ALL) {
          disks.get(node).writeBack();
        }
        disks.get(node).losePower();
      }
      for (ProcessHandle daemon : daemons) {
        Processes.kill(daemon);
      }
    }

    private void start() throws IOException, InterruptedException {
      Map<String, String> environment = instance.environmentForQuickStarts();
      var _ =
          Commands.run(
                  instance.scratch(),
                  environment,
                  PATIENCE,
                  List.of(
                      environment.getOrDefault("adhocfs", ""), "start", "--name", instance.name()))
              .expectSuccess();
    }

    private void check(InodeOperations inodes, List<PromisedFile> files) throws Exception {
      Map<Integer, Set<Place>> names = new HashMap<>();
      Map<Integer, Set<InodeId>> found = new HashMap<>();
      for (InodeId directory : directories) {
        for (DirectoryItem item : list(inodes, directory)) {
          int number = PromisedFile.numberOf(item.name().toString());
          names
              .computeIfAbsent(number, n -> new HashSet<>())
              .add(new Place(directory, item.name().toString()));
          found.computeIfAbsent(number, n -> new HashSet<>()).add(item.inode());
        }
      }
      for (PromisedFile file : files) {
        Set<Place> ofFile = names.getOrDefault(file.number(), Set.of());
        file.checkNames(ofFile, problems);
        Set<InodeId> ofNames = found.getOrDefault(file.number(), Set.of());
        if (ofNames.size() > 1) {
          problems.add("%s: its names are those of %s".formatted(file, ofNames));
        }
        if (!file.isDirectory() && !ofNames.isEmpty()) {
          try {
            file.checkBytes(read(inodes, ofNames.iterator().next()), problems);
          } catch (Exception e) {
            problems.add(file + " can't be read: " + e);
          }
        }
        names.remove(file.number());
      }
      names.forEach((number, places) -> problems.add(number + " was removed, and is " + places));
    }

    private static List<DirectoryItem> list(InodeOperations inodes, InodeId directory)
        throws Exception {
      List<DirectoryItem> items = new ArrayList<>();
      long cookie = 0;
      while (true) {
        DirectoryPage page = inodes.readDirectory(directory, cookie, 1 << 16, false).get();
        items.addAll(page.items());
        if (page.last()) {
          return items;
        }
        cookie = page.nextCookie();
      }
    }

    private static ByteBuffer read(InodeOperations inodes, InodeId inode) throws Exception {
      try (OpenFile file = inodes.open(inode).get()) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(file.size()));
        while (bytes.hasRemaining()) {
          if (file.read(bytes.position(), bytes) <= 0) {
            throw new AssertionError("a read before the end of inode " + inode + " finds nothing");
          }
        }
        return bytes.flip();
      }
    }

    /** A number of an inode that was lost must not be given again: its chunks may be there. */
    private void checkNewFilesAreEmpty(InodeOperations inodes) throws Exception {
      for (InodeId directory : directories) {
        for (int i = 0; i < SPARSE_FILES; i++) {
          var name = EntryName.ofText("f" + numbers.incrementAndGet() + ".sparse");
          InodeId inode =
              inodes.create(directory, name, NewInode.regularFile(0644, OWNER)).get().id();
          Object _ =
              inodes.truncate(inode, (long) PromisedFile.CELLS_MAX * PromisedFile.CELL_BYTES).get();
          ByteBuffer bytes = read(inodes, inode);
          while (bytes.hasRemaining()) {
            if (bytes.get() != 0) {
              problems.add("new sparse file of inode %s has foreign bytes".formatted(inode));
              break;
            }
          }
        }
      }
    }

    /**
     * Where a file was lost of which nothing was promised, another node may have its chunks on the
     * disk. Nothing else may be wrong.
     */
    private void verify(List<PromisedFile> files) throws IOException, InterruptedException {
      files.stream()
          .filter(PromisedFile::mayBeLost)
          .forEach(file -> losable.add(file.inode().toString()));
      Commands.Result result = instance.adhocfs("verify");
      boolean named = false;
      for (String line : result.output().lines().toList()) {
        if (line.startsWith("INCONSISTENT")) {
          named = true;
          Matcher chunk = CHUNK_OF_NOBODY.matcher(line);
          if (!chunk.matches() || !losable.contains(chunk.group(1))) {
            problems.add("verify says: " + line);
          }
        }
      }
      if (result.exitCode() != 0 && !named) {
        problems.add("verify says:\n" + result.output());
      }
    }

    /** The next loss finds some of this removed and some not. */
    private void clear(InodeOperations inodes) throws Exception {
      for (InodeId directory : directories) {
        for (DirectoryItem item : list(inodes, directory)) {
          try {
            Object _ =
                item.type() == FileType.DIRECTORY
                    ? inodes.removeDirectory(directory, item.name()).get()
                    : inodes.unlink(directory, item.name()).get();
          } catch (ExecutionException e) {
            problems.add("%s can't be removed: %s".formatted(item.name(), e.getCause()));
          }
        }
        Object _ = inodes.sync(directory).get();
      }
    }
  }
}
