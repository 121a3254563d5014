package io.adhocfs.it.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * Makes trees of all that a file system can hold, from a seed: names of any byte, files around the
 * sizes at which storage changes its ways, holes, links of both kinds, odd modes and times.
 */
final class RandomTree {
  private static final int[] EDGES = {0, 1, 4095, 4096, 4097, 65536, 524287, 524288, 524289};
  private static final int LARGE_BYTES = 3 << 20;

  private record Linkable(LocalDirectory directory, byte[] name) {}

  private final SplittableRandom random;
  private final List<LocalDirectory> opened = new ArrayList<>();
  private final List<Linkable> files = new ArrayList<>();
  private final MemorySegment content;
  private int entriesLeft;

  private RandomTree(long seed, int entries, Arena arena) {
    random = new SplittableRandom(seed);
    entriesLeft = entries;
    content = arena.allocate(LARGE_BYTES);
    for (long i = 0; i < LARGE_BYTES; i += Long.BYTES) {
      content.set(ValueLayout.JAVA_LONG, i, random.nextLong());
    }
  }

  /** Fills an empty directory with about so many entries. */
  static void fill(LocalDirectory directory, long seed, int entries) throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      var tree = new RandomTree(seed, entries, arena);
      tree.fillDirectory(directory, 0);
      tree.opened.forEach(LocalDirectory::close);
    }
  }

  private void fillDirectory(LocalDirectory directory, int depth) throws FsException {
    Set<String> taken = new TreeSet<>();
    int count = depth == 0 ? entriesLeft : random.nextInt(12);
    for (int i = 0; i < count && entriesLeft > 0; i++) {
      byte[] name = newName(taken);
      entriesLeft--;
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> makeDirectory(directory, name, depth);
        case 3 -> makeSymlink(directory, name);
        case 4 -> makeLink(directory, name);
        case 5 -> makeSparse(directory, name);
        case 6 -> makeFifo(directory, name);
        default -> makeFile(directory, name);
      }
    }
  }

  private byte[] newName(Set<String> taken) {
    while (true) {
      byte[] name = new byte[random.nextInt(20) == 0 ? 255 : 1 + random.nextInt(12)];
      for (int i = 0; i < name.length; i++) {
        byte b;
        do {
          b = (byte) random.nextInt(256);
        } while (b == 0 || b == '/');
        name[i] = b;
      }
      boolean dots = name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
      if (!dots && taken.add(HexFormat.of().formatHex(name))) {
        return name;
      }
    }
  }

  private void makeDirectory(LocalDirectory directory, byte[] name, int depth) throws FsException {
    directory.makeDirectory(name, 0700);
    LocalDirectory inner = directory.openDirectory(name);
    opened.add(inner);
    if (depth < 6) {
      fillDirectory(inner, depth + 1);
    }
    // Always searchable: who is not root has to be able to link and to clean up.
    if (random.nextInt(3) == 0) {
      inner.setAttribute(attribute());
    }
    inner.setMode(0500 | (random.nextInt(01000) & 0277) | (random.nextBoolean() ? 01000 : 0));
    inner.setTimes(time(), time());
  }

  private void makeSymlink(LocalDirectory directory, byte[] name) throws FsException {
    byte[] target = new byte[1 + random.nextInt(random.nextInt(10) == 0 ? 4000 : 30)];
    for (int i = 0; i < target.length; i++) {
      target[i] = (byte) (1 + random.nextInt(255));
    }
    directory.symlink(target, name);
    directory.setTimes(name, time(), time());
  }

  private void makeLink(LocalDirectory directory, byte[] name) throws FsException {
    if (files.isEmpty()) {
      makeFile(directory, name);
      return;
    }
    Linkable first = files.get(random.nextInt(files.size()));
    directory.link(first.directory, first.name, name);
  }

  private void makeSparse(LocalDirectory directory, byte[] name) throws FsException {
    try (LocalFile file = directory.createFile(name, 0600)) {
      long end = 0;
      for (int i = random.nextInt(4); i > 0; i--) {
        long start = end + random.nextInt(2 << 20);
        int length = 1 + random.nextInt(200_000);
        file.write(content.asSlice(random.nextInt(LARGE_BYTES - length), length), start);
        end = start + length;
      }
      file.setSize(end + random.nextInt(2 << 20));
      finish(file);
    }
  }

  private void makeFifo(LocalDirectory directory, byte[] name) throws FsException {
    directory.makeNode(name, FileType.FIFO, 0600, 0);
    directory.setMode(name, random.nextInt(01000));
    directory.setTimes(name, time(), time());
  }

  private void makeFile(LocalDirectory directory, byte[] name) throws FsException {
    int size =
        switch (random.nextInt(10)) {
          case 0 -> random.nextInt(LARGE_BYTES);
          case 1, 2, 3 -> EDGES[random.nextInt(EDGES.length)];
          default -> random.nextInt(6000);
        };
    try (LocalFile file = directory.createFile(name, 0600)) {
      file.write(content.asSlice(random.nextInt(LARGE_BYTES - size + 1), size), 0);
      finish(file);
    }
    files.add(new Linkable(directory, name));
  }

  private ExtendedAttribute attribute() {
    byte[] name = "user.\u00a7 a".getBytes(ISO_8859_1);
    name[name.length - 1] = (byte) ('a' + random.nextInt(26));
    byte[] value = new byte[random.nextInt(200)];
    random.nextBytes(value);
    return new ExtendedAttribute(name, value);
  }

  private void finish(LocalFile file) throws FsException {
    if (random.nextInt(5) == 0) {
      file.setAttribute(attribute());
    }
    file.setMode(0400 | (random.nextInt(010000) & 07377));
    file.setTimes(time(), time());
  }

  private long time() {
    return random.nextLong(-1_000_000_000_000_000_000L, 4_000_000_000_000_000_000L);
  }
}
