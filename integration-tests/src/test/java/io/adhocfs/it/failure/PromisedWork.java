package io.adhocfs.it.failure;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.RenameMode;
import io.adhocfs.it.failure.PromisedFile.Place;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Threads that make, write, cut, move, link, sync and remove files of their own in common
 * directories, and note what they ask before they ask it, and what was promised.
 */
final class PromisedWork {
  private static final int WORKERS = 3;
  private static final int FILES_OF_A_WORKER = 8;
  private static final Owner OWNER = new Owner(0, 0);

  private final AdhocFileSystem client;
  private final List<InodeId> directories;
  private final AtomicInteger numbers;
  private final AtomicLong acknowledged = new AtomicLong();
  private final List<Worker> workers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean ending;

  /** Begins, with a client that it closes at the end. */
  PromisedWork(
      AdhocFileSystem client,
      List<InodeId> directories,
      AtomicInteger numbers,
      SplittableRandom random) {
    this.client = client;
    this.directories = directories;
    this.numbers = numbers;
    for (int i = 0; i < WORKERS; i++) {
      var worker = new Worker(random.split());
      workers.add(worker);
      threads.add(Thread.ofPlatform().name("worker-" + i).start(worker));
    }
  }

  /** How many operations have succeeded. */
  long acknowledged() {
    return acknowledged.get();
  }

  /** Whether a worker has ended by itself: an operation failed. */
  boolean failed() {
    return workers.stream().anyMatch(worker -> !worker.failures.isEmpty());
  }

  /** From now on, operations may fail. */
  void mayFail() {
    ending = true;
  }

  /** Ends all, and returns what there was. What is under way may have happened or not. */
  List<PromisedFile> end(List<String> problems) throws InterruptedException {
    ending = true;
    client.close();
    List<PromisedFile> files = new ArrayList<>();
    for (Thread thread : threads) {
      thread.join();
    }
    for (Worker worker : workers) {
      problems.addAll(worker.failures);
      files.addAll(worker.all);
    }
    return files;
  }

  private final class Worker implements Runnable {
    private final SplittableRandom random;
    private final InodeOperations inodes = client.inodes();
    private final List<PromisedFile> alive = new ArrayList<>();
    private final List<PromisedFile> all = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();

    Worker(SplittableRandom random) {
      this.random = random;
    }

    @Override
    public void run() {
      try {
        while (!ending) {
          step();
          acknowledged.incrementAndGet();
        }
      } catch (Exception e) {
        if (!ending) {
          failures.add("an operation failed: " + e);
        }
      }
    }

    private static <T> T done(CompletableFuture<T> operation)
        throws InterruptedException, ExecutionException {
      return operation.get();
    }

    private InodeId anyDirectory() {
      return directories.get(random.nextInt(directories.size()));
    }

    private void step() throws Exception {
      if (alive.isEmpty() || (alive.size() < FILES_OF_A_WORKER && random.nextInt(4) == 0)) {
        make();
        return;
      }
      PromisedFile file = alive.get(random.nextInt(alive.size()));
      int what = random.nextInt(file.isDirectory() ? 4 : 10);
      switch (what) {
        case 0 -> rename(file);
        case 1 -> syncNames(file);
        case 2 -> {
          if (random.nextInt(3) == 0) {
            unlink(file);
          } else {
            rename(file);
          }
        }
        case 3 -> rename(file);
        case 4 -> link(file);
        case 5, 6 -> write(file);
        case 7 -> truncate(file);
        case 8, 9 -> {
          syncBytes(file);
          if (random.nextBoolean()) {
            syncNames(file);
          }
        }
        default -> throw new IllegalStateException("no deed " + what);
      }
    }

    private void make() throws Exception {
      var file = new PromisedFile(numbers.incrementAndGet(), random.nextInt(5) == 0);
      var place = new Place(anyDirectory(), file.newName());
      file.willHave(Set.of(place));
      all.add(file);
      EntryName name = EntryName.ofText(place.name());
      file.made(
          file.isDirectory()
              ? done(inodes.makeDirectory(place.directory(), name, 0755, OWNER)).id()
              : done(inodes.create(place.directory(), name, NewInode.regularFile(0644, OWNER)))
                  .id());
      alive.add(file);
      if (!file.isDirectory()) {
        write(file);
      }
    }

    private Place anyName(PromisedFile file) {
      List<Place> names = new ArrayList<>(file.names());
      names.sort((a, b) -> a.name().compareTo(b.name()));
      return names.get(random.nextInt(names.size()));
    }

    private void rename(PromisedFile file) throws Exception {
      Place from = anyName(file);
      var to = new Place(anyDirectory(), file.newName());
      Set<Place> names = new HashSet<>(file.names());
      names.remove(from);
      names.add(to);
      file.willHave(names);
      Object _ =
          done(
              inodes.rename(
                  from.directory(),
                  EntryName.ofText(from.name()),
                  to.directory(),
                  EntryName.ofText(to.name()),
                  RenameMode.REPLACE));
    }

    private void link(PromisedFile file) throws Exception {
      var to = new Place(anyDirectory(), file.newName());
      Set<Place> names = new HashSet<>(file.names());
      names.add(to);
      file.willHave(names);
      Object _ = done(inodes.link(file.inode(), to.directory(), EntryName.ofText(to.name())));
    }

    private void unlink(PromisedFile file) throws Exception {
      Place place = anyName(file);
      Set<Place> names = new HashSet<>(file.names());
      names.remove(place);
      file.willHave(names);
      EntryName name = EntryName.ofText(place.name());
      Object _ =
          done(
              file.isDirectory()
                  ? inodes.removeDirectory(place.directory(), name)
                  : inodes.unlink(place.directory(), name));
      if (names.isEmpty()) {
        alive.remove(file);
        if (random.nextBoolean()) {
          syncNames(file);
        }
      }
    }

    private void write(PromisedFile file) throws Exception {
      int first = random.nextInt(PromisedFile.CELLS_MAX);
      if (random.nextInt(3) == 0) {
        first = 0;
      }
      int cells = 1 + random.nextInt(Math.min(40, PromisedFile.CELLS_MAX - first));
      try (OpenFile open = done(inodes.open(file.inode()))) {
        open.write((long) first * PromisedFile.CELL_BYTES, file.willWrite(first, cells));
      }
    }

    private void truncate(PromisedFile file) throws Exception {
      int cells = random.nextInt(PromisedFile.CELLS_MAX);
      file.willBeCut(cells);
      Object _ = done(inodes.truncate(file.inode(), (long) cells * PromisedFile.CELL_BYTES));
    }

    private void syncBytes(PromisedFile file) throws Exception {
      try (OpenFile open = done(inodes.open(file.inode()))) {
        open.sync();
      }
      file.bytesPromised();
    }

    private void syncNames(PromisedFile file) throws Exception {
      for (InodeId directory : file.changedDirectories()) {
        Object _ = done(inodes.sync(directory));
      }
      file.namesPromised();
    }
  }
}
