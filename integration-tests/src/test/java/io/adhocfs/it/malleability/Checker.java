package io.adhocfs.it.malleability;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Works in a directory of its own, and compares all that it sees with a model: names, bytes, links,
 * a file held open, and a counter that all checkers share under a lock. Its first failure ends it.
 */
final class Checker {
  /** A file below a directory outside of the checkers' own, for {@code addOneLocked}. */
  static final String COUNTER = "counter";

  /** Pause after each step, in ms: 0 = as much as the machine can do. */
  private static final long PACE_NANOS = Long.getLong("adhocfs.pace", 0) * 1_000_000;

  private static final int FILES_MAX = 60;
  private static final int FILE_BYTES_MAX = 4 << 20;
  private static final int[] LENGTHS = {0, 10, 3000, 5000, 70_000, 600_000, 1_500_000};

  /** Bytes of a file, which all of its names share. */
  private static final class Content {
    byte[] bytes = {};
  }

  private record Timed(String operation, long startNanos, long nanos) {}

  private final String name;
  private final CheckedFiles files;
  private final Random random;
  private final Map<String, Content> model = new TreeMap<>();
  private final Content held = new Content();
  private final List<Timed> times = new ArrayList<>();
  private final Thread thread;
  private volatile boolean ending;
  private volatile @Nullable Throwable failure;
  private volatile long done;
  private int counted;
  private int made;

  Checker(String name, CheckedFiles files, long seed) {
    this.name = name;
    this.files = files;
    this.random = new Random(seed);
    this.thread = Thread.ofPlatform().name(name).start(this::run);
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
  private void run() {
    try (CheckedFiles closing = files) {
      closing.hold("held");
      while (!ending) {
        step();
        done++;
        LockSupport.parkNanos(PACE_NANOS);
      }
      checkAll();
    } catch (Throwable e) {
      failure = e;
    }
  }

  /** One operation that is timed. */
  private interface Operation {
    void run() throws Exception;
  }

  private void timed(String operation, Operation call) throws Exception {
    long began = System.nanoTime();
    try {
      call.run();
    } catch (Exception e) {
      throw new AssertionError(name + " after " + done + " steps: " + operation, e);
    }
    times.add(new Timed(operation, began, System.nanoTime() - began));
  }

  private String any() {
    List<String> names = List.copyOf(model.keySet());
    return names.get(random.nextInt(names.size()));
  }

  private Content of(String file) {
    Content content = model.get(file);
    if (content == null) {
      throw new IllegalStateException(file);
    }
    return content;
  }

  private byte[] bytes(int length) {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private void step() throws Exception {
    int kind = random.nextInt(100);
    if (model.isEmpty() || (kind < 25 && model.size() < FILES_MAX)) {
      String file = "f" + made++;
      timed("create", () -> files.create(file));
      model.put(file, new Content());
      write(file, 0, bytes(LENGTHS[random.nextInt(LENGTHS.length)]));
    } else if (kind < 45) {
      check(any());
    } else if (kind < 53) {
      String from = any();
      String to = random.nextInt(4) == 0 ? any() : "r" + made++;
      timed("rename", () -> files.rename(from, to));
      // Two names of one file both stay.
      if (of(from) != model.get(to)) {
        model.put(to, of(from));
        model.remove(from);
      }
    } else if (kind < 58) {
      String existing = any();
      String file = "l" + made++;
      timed("link", () -> files.link(existing, file));
      model.put(file, of(existing));
    } else if (kind < 66) {
      String file = any();
      timed("unlink", () -> files.remove(file));
      model.remove(file);
    } else if (kind < 70) {
      checkNames();
    } else if (kind < 74) {
      String directory = "d" + made++;
      timed("mkdir", () -> files.makeDirectory(directory));
      timed("rmdir", () -> files.removeDirectory(directory));
    } else if (kind < 82) {
      String file = any();
      byte[] more = bytes(new int[] {5, 1000, 100_000}[random.nextInt(3)]);
      if (of(file).bytes.length + more.length <= FILE_BYTES_MAX) {
        timed("append", () -> files.append(file, more));
        put(of(file), of(file).bytes.length, more);
      }
    } else if (kind < 88) {
      String file = any();
      write(file, random.nextInt(of(file).bytes.length + 1), bytes(1 + random.nextInt(200_000)));
    } else if (kind < 92) {
      String file = any();
      int size = random.nextInt(of(file).bytes.length + 1);
      timed("truncate", () -> files.truncate(file, size));
      of(file).bytes = Arrays.copyOf(of(file).bytes, size);
    } else if (kind < 97) {
      byte[] more = bytes(5000);
      int offset =
          held.bytes.length < FILE_BYTES_MAX && random.nextBoolean()
              ? held.bytes.length
              : random.nextInt(Math.max(1, held.bytes.length - more.length));
      timed("write held", () -> files.writeHeld(offset, more));
      put(held, offset, more);
      checkHeld();
    } else {
      timed("lock", () -> files.addOneLocked(COUNTER));
      counted++;
    }
  }

  private void write(String file, int offset, byte[] bytes) throws Exception {
    if (offset + bytes.length <= FILE_BYTES_MAX) {
      timed("write", () -> files.write(file, offset, bytes));
      put(of(file), offset, bytes);
    }
  }

  private static void put(Content content, int offset, byte[] bytes) {
    if (offset + bytes.length > content.bytes.length) {
      content.bytes = Arrays.copyOf(content.bytes, offset + bytes.length);
    }
    System.arraycopy(bytes, 0, content.bytes, offset, bytes.length);
  }

  private void compare(String what, byte[] wanted, byte[] got) {
    int difference = Arrays.mismatch(wanted, got);
    if (difference >= 0) {
      throw new AssertionError(
          "%s after %d steps: %s has %d bytes and should have %d, and differs at %d"
              .formatted(name, done, what, got.length, wanted.length, difference));
    }
  }

  private void check(String file) throws Exception {
    var got = new byte[1][];
    timed("read", () -> got[0] = files.read(file));
    compare(file, of(file).bytes, got[0]);
  }

  private void checkHeld() throws Exception {
    var got = new byte[1][];
    timed("read held", () -> got[0] = files.readHeld());
    compare("the file held open", held.bytes, got[0]);
  }

  private void checkNames() throws Exception {
    Set<String> got = new HashSet<>();
    timed("list", () -> got.addAll(files.list()));
    Set<String> wanted = new HashSet<>(model.keySet());
    wanted.add("held");
    if (!got.equals(wanted)) {
      Set<String> missing = new HashSet<>(wanted);
      missing.removeAll(got);
      got.removeAll(wanted);
      throw new AssertionError(
          "%s after %d steps: missing %s, not expected %s".formatted(name, done, missing, got));
    }
  }

  private void checkAll() throws Exception {
    checkNames();
    for (String file : model.keySet()) {
      check(file);
    }
    checkHeld();
  }

  /** How many steps it has done. Any thread. */
  long steps() {
    return done;
  }

  /** Throws what has ended it, if anything has. Any thread. */
  void expectGoingOn() {
    Throwable failed = failure;
    if (failed != null) {
      throw new AssertionError(name, failed);
    }
  }

  /** Ends it, after it has compared everything once more. */
  void end() throws InterruptedException {
    ending = true;
    thread.join();
    expectGoingOn();
  }

  /** How often it has added one to the counter. After {@link #end}. */
  int counted() {
    return counted;
  }

  /** When something began and ended, of {@link System#nanoTime}. */
  record Span(long startNanos, long endNanos) {}

  /** How long operations took in all, and those that overlapped with these spans; after the end. */
  static String waits(List<Checker> checkers, List<Span> spans) {
    List<Timed> all = new ArrayList<>();
    checkers.forEach(checker -> all.addAll(checker.times));
    List<Timed> inside =
        all.stream()
            .filter(timed ->
                spans.stream()
                    .anyMatch(span ->
                        timed.startNanos < span.endNanos
                            && span.startNanos < timed.startNanos + timed.nanos))
            .toList();
    return "in all "
        + waits(all)
        + (inside.isEmpty() ? "" : "; while nodes changed " + waits(inside));
  }

  private static String waits(Collection<Timed> some) {
    List<Timed> sorted = new ArrayList<>(some);
    sorted.sort((one, other) -> Long.compare(one.nanos, other.nanos));
    Timed longest = sorted.getLast();
    return "%d operations; ms: median %.1f, 99%% %.1f, 99.9%% %.1f, longest %.0f (%s)"
        .formatted(
            sorted.size(),
            sorted.get(sorted.size() / 2).nanos / 1e6,
            sorted.get((int) (sorted.size() * 0.99)).nanos / 1e6,
            sorted.get((int) (sorted.size() * 0.999)).nanos / 1e6,
            longest.nanos / 1e6,
            longest.operation);
  }
}
