package io.adhocfs.it.posix;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.adhocfs.it.posix.SystemCalls.Errno;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * Random operations on one file, through one path or several that are views of the same file, one
 * after the other: after each, the file must be what an array in memory is. The seed and the last
 * operations are in the message of what fails.
 */
final class FileExerciser {
  private static final int REMEMBERED = 40;
  private static final int WHOLE_CHECK_EVERY = 40;

  private final List<Path> views;
  private final long seed;
  private final Random random;
  private final int sizeMax;
  private final int lengthMax;
  private final boolean allocates;
  private final byte[] model;
  private int size;
  private int view;
  private int file = -1;
  private final Deque<String> log = new ArrayDeque<>();

  /**
   * @param allocates whether the file system clears and allocates ranges
   */
  FileExerciser(List<Path> views, long seed, int sizeMax, int lengthMax, boolean allocates) {
    this.views = views;
    this.seed = seed;
    this.random = new Random(seed);
    this.sizeMax = sizeMax;
    this.lengthMax = lengthMax;
    this.allocates = allocates;
    this.model = new byte[sizeMax];
  }

  void run(int operations) {
    int done = 0;
    try {
      file =
          SystemCalls.open(
              views.get(0), SystemCalls.O_RDWR | SystemCalls.O_CREAT | SystemCalls.O_TRUNC);
      for (; done < operations; done++) {
        operate();
        checkSize();
        if (done % WHOLE_CHECK_EVERY == 0) {
          readAndCompare(0, sizeMax);
        }
      }
      for (int i = 0; i < views.size(); i++) {
        reopen(i);
        checkSize();
        readAndCompare(0, sizeMax);
      }
      SystemCalls.close(file);
    } catch (Errno | AssertionError | InternalError e) {
      throw new AssertionError(
          "seed "
              + seed
              + ", operation "
              + done
              + ": "
              + e.getMessage()
              + "\n"
              + String.join("\n", log),
          e);
    }
  }

  private void note(String what) {
    log.add(view + ": " + what + "; size " + size);
    if (log.size() > REMEMBERED) {
      log.remove();
    }
  }

  /** Often near the borders of pages and chunks, where most can go wrong. */
  private int offset(int max) {
    int offset = random.nextInt(max + 1);
    return switch (random.nextInt(4)) {
      case 0 -> offset & ~4095;
      case 1 -> Math.min(max, (offset & ~4095) + random.nextInt(3));
      default -> offset;
    };
  }

  private int length(int from, int max) {
    int most = Math.min(lengthMax, max - from);
    if (most <= 0) {
      return 0;
    }
    int length = 1 + random.nextInt(random.nextBoolean() ? most : Math.min(most, 600));
    return random.nextInt(3) == 0 ? Math.min(most, (length + 4095) & ~4095) : length;
  }

  private void operate() throws Errno {
    switch (random.nextInt(allocates ? 28 : 20)) {
      case 0, 1, 2, 3 -> write();
      case 4, 5, 6, 7 -> read();
      case 8, 9 -> truncate();
      case 10, 11 -> writeMapped();
      case 12, 13 -> readMapped();
      case 14 -> append();
      case 15, 16 -> reopen(random.nextInt(views.size()));
      case 17 -> {
        note("fsync");
        SystemCalls.sync(file);
      }
      case 18, 19 -> copy();
      case 20, 21 -> punch();
      case 22, 23 -> zero();
      case 24 -> allocate();
      default -> seek();
    }
  }

  private byte[] bytes(int length) {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private void written(int offset, byte[] bytes) {
    System.arraycopy(bytes, 0, model, offset, bytes.length);
    size = Math.max(size, offset + bytes.length);
  }

  private void write() throws Errno {
    int offset = offset(random.nextInt(4) == 0 ? sizeMax - 1 : Math.min(size, sizeMax - 1));
    byte[] bytes = bytes(length(offset, sizeMax));
    note("write " + bytes.length + " at " + offset);
    SystemCalls.write(file, offset, bytes);
    written(offset, bytes);
  }

  private void append() throws Errno {
    byte[] bytes = bytes(length(size, sizeMax));
    note("append " + bytes.length);
    if (bytes.length == 0) {
      return;
    }
    int appending = SystemCalls.open(views.get(view), SystemCalls.O_WRONLY | SystemCalls.O_APPEND);
    try {
      SystemCalls.write(appending, 0, bytes);
    } finally {
      SystemCalls.close(appending);
    }
    written(size, bytes);
  }

  private void read() throws Errno {
    int offset = offset(sizeMax);
    readAndCompare(offset, length(offset, sizeMax));
  }

  private void readAndCompare(int offset, int length) throws Errno {
    note("read " + length + " at " + offset);
    compare(offset, length, SystemCalls.read(file, offset, length));
  }

  private void compare(int offset, int length, byte[] found) {
    int expected = Math.max(0, Math.min(length, size - offset));
    if (found.length != expected) {
      throw new AssertionError(found.length + " bytes read at " + offset + ", not " + expected);
    }
    int differs = Arrays.mismatch(found, 0, expected, model, offset, offset + expected);
    if (differs >= 0) {
      int last = expected - 1;
      while (found[last] == model[offset + last]) {
        last--;
      }
      throw new AssertionError(
          "bytes "
              + (offset + differs)
              + " to "
              + (offset + last)
              + " differ: first "
              + found[differs]
              + ", not "
              + model[offset + differs]);
    }
  }

  private void truncate() throws Errno {
    int to = offset(sizeMax);
    note("truncate to " + to);
    SystemCalls.truncate(file, to);
    if (to < size) {
      Arrays.fill(model, to, size, (byte) 0);
    }
    size = to;
  }

  private void writeMapped() throws Errno {
    if (size == 0) {
      return;
    }
    int offset = offset(size - 1);
    byte[] bytes = bytes(length(offset, size));
    boolean sync = random.nextBoolean();
    note("mapped write " + bytes.length + " at " + offset + (sync ? ", msync" : ""));
    SystemCalls.mapped(
        file,
        size,
        sync,
        memory -> MemorySegment.copy(bytes, 0, memory, JAVA_BYTE, offset, bytes.length));
    written(offset, bytes);
  }

  private void readMapped() throws Errno {
    if (size == 0) {
      return;
    }
    int offset = offset(size - 1);
    int length = length(offset, size);
    note("mapped read " + length + " at " + offset);
    SystemCalls.mapped(
        file,
        size,
        false,
        memory -> compare(offset, length, memory.asSlice(offset, length).toArray(JAVA_BYTE)));
  }

  private void reopen(int next) throws Errno {
    boolean direct = allocates && random.nextInt(4) == 0;
    note("reopen " + next + (direct ? " O_DIRECT" : ""));
    SystemCalls.close(file);
    view = next;
    file =
        SystemCalls.open(views.get(view), SystemCalls.O_RDWR | (direct ? SystemCalls.O_DIRECT : 0));
  }

  private void copy() throws Errno {
    if (size == 0) {
      return;
    }
    int from = offset(size - 1);
    int to = offset(sizeMax - 1);
    int length = Math.min(length(from, sizeMax), sizeMax - to);
    if (length == 0 || (from < to + length && to < from + length)) {
      return;
    }
    note("copy " + length + " from " + from + " to " + to);
    int left = Math.min(length, size - from);
    int copied = 0;
    while (copied < left) {
      long count = SystemCalls.copy(file, from + copied, file, to + copied, length - copied);
      if (count <= 0 || count > left - copied) {
        throw new AssertionError(count + " bytes copied of " + (left - copied));
      }
      copied += (int) count;
    }
    written(to, Arrays.copyOfRange(model, from, from + left));
  }

  private void punch() throws Errno {
    int offset = offset(sizeMax - 1);
    int length = length(offset, sizeMax);
    note("punch " + length + " at " + offset);
    SystemCalls.allocate(file, SystemCalls.PUNCH_HOLE | SystemCalls.KEEP_SIZE, offset, length);
    clear(offset, offset + length);
  }

  private void clear(int from, int to) {
    if (from < Math.min(to, size)) {
      Arrays.fill(model, from, Math.min(to, size), (byte) 0);
    }
  }

  private void zero() throws Errno {
    int offset = offset(sizeMax - 1);
    int length = length(offset, sizeMax);
    boolean keep = random.nextBoolean();
    note("zero " + length + " at " + offset + (keep ? ", keeping the size" : ""));
    SystemCalls.allocate(
        file, SystemCalls.ZERO_RANGE | (keep ? SystemCalls.KEEP_SIZE : 0), offset, length);
    if (!keep) {
      size = Math.max(size, offset + length);
    }
    clear(offset, offset + length);
  }

  private void allocate() throws Errno {
    int offset = offset(sizeMax - 1);
    int length = length(offset, sizeMax);
    boolean keep = random.nextBoolean();
    note("allocate " + length + " at " + offset + (keep ? ", keeping the size" : ""));
    SystemCalls.allocate(file, keep ? SystemCalls.KEEP_SIZE : 0, offset, length);
    if (!keep) {
      size = Math.max(size, offset + length);
    }
  }

  private void seek() throws Errno {
    int offset = offset(sizeMax - 1);
    boolean hole = random.nextBoolean();
    note("seek " + (hole ? "hole" : "data") + " from " + offset);
    long found;
    try {
      found = SystemCalls.seek(file, offset, hole ? SystemCalls.SEEK_HOLE : SystemCalls.SEEK_DATA);
    } catch (Errno e) {
      if (e.number != SystemCalls.ENXIO) {
        throw e;
      }
      if (offset < size) {
        if (hole) {
          throw new AssertionError("no hole from " + offset);
        }
        requireZeros(offset, size);
      }
      return;
    }
    if (found < offset || found > size || (found == size && !hole) || offset >= size) {
      throw new AssertionError("found at " + found);
    }
    if (!hole) {
      requireZeros(offset, (int) found);
    }
  }

  private void requireZeros(int from, int to) {
    for (int i = from; i < to; i++) {
      if (model[i] != 0) {
        throw new AssertionError("data at " + i + " was not found");
      }
    }
  }

  private void checkSize() throws Errno {
    long now = SystemCalls.seek(file, 0, SystemCalls.SEEK_END);
    if (now != size) {
      throw new AssertionError("size " + now + ", not " + size);
    }
  }
}
