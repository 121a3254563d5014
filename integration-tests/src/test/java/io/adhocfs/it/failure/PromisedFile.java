package io.adhocfs.it.failure;

import io.adhocfs.protocol.model.InodeId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What was asked and what was promised of one file or directory, and what may be found of it after
 * the loss of power: one of the states since the last promise, of its names as of its bytes. Each
 * cell of its bytes names the file, its place and the write that made it.
 *
 * <p>One thread at a time.
 */
final class PromisedFile {
  static final int CELL_BYTES = 512;
  static final int CELLS_MAX = 400;
  private static final long MARK = 0x5EED_F11E_0000_0000L;
  private static final int CELL_BITS = 20;

  /** A name in a directory. */
  record Place(InodeId directory, String name) {}

  private final int number;
  private final boolean directory;
  private @Nullable InodeId inode;
  private int namesGiven;
  private boolean everPromised;

  /** Since the last promise, the promised one first, the present one last. */
  private final List<Set<Place>> names = new ArrayList<>(List.of(Set.of()));

  private final Set<Integer> sizes = new LinkedHashSet<>(Set.of(0));
  private int size;
  private int writes;

  /** By cell, the number of the write that made it; 0 = a hole. */
  private final int[] promised = new int[CELLS_MAX];

  private final int[] present = new int[CELLS_MAX];
  private int promisedWrites;
  private final BitSet written = new BitSet(CELLS_MAX);
  private final BitSet cut = new BitSet(CELLS_MAX);

  PromisedFile(int number, boolean directory) {
    this.number = number;
    this.directory = directory;
  }

  int number() {
    return number;
  }

  boolean isDirectory() {
    return directory;
  }

  InodeId inode() {
    if (inode == null) {
      throw new IllegalStateException(this + " was not made");
    }
    return inode;
  }

  void made(InodeId made) {
    inode = made;
  }

  /** A name that it never had. */
  String newName() {
    return "f" + number + "." + namesGiven++;
  }

  static int numberOf(String name) {
    return Integer.parseInt(name.substring(1, name.indexOf('.')));
  }

  Set<Place> names() {
    return names.getLast();
  }

  /** Its names become these, or stay. To be called before it is asked for. */
  void willHave(Set<Place> next) {
    names.add(Set.copyOf(next));
  }

  /** Directories in which a name may have come or gone since the last promise. */
  Set<InodeId> changedDirectories() {
    Set<InodeId> changed = new HashSet<>();
    names.forEach(state -> state.forEach(place -> changed.add(place.directory())));
    return changed;
  }

  void namesPromised() {
    Set<Place> now = names();
    names.clear();
    names.add(now);
    everPromised = true;
  }

  /** Whether nothing was promised of it, so that it may be lost wholly. */
  boolean mayBeLost() {
    return inode != null && !everPromised;
  }

  int sizeCells() {
    return size;
  }

  /** The bytes of a write that is to be asked for. */
  ByteBuffer willWrite(int firstCell, int cells) {
    int write = ++writes;
    ByteBuffer bytes = ByteBuffer.allocate(cells * CELL_BYTES);
    for (int cell = firstCell; cell < firstCell + cells; cell++) {
      present[cell] = write;
      written.set(cell);
      for (int i = 0; i < CELL_BYTES; i += 2 * Long.BYTES) {
        bytes.putLong(MARK | number).putLong(((long) write << CELL_BITS) | cell);
      }
    }
    size = Math.max(size, firstCell + cells);
    sizes.add(size);
    return bytes.flip();
  }

  void willBeCut(int toCells) {
    for (int cell = toCells; cell < CELLS_MAX; cell++) {
      present[cell] = 0;
      cut.set(cell);
    }
    size = toCells;
    sizes.add(size);
  }

  void bytesPromised() {
    System.arraycopy(present, 0, promised, 0, CELLS_MAX);
    promisedWrites = writes;
    everPromised = true;
    written.clear();
    cut.clear();
    sizes.clear();
    sizes.add(size);
  }

  /** Names the names that may not be so. */
  void checkNames(Set<Place> found, List<String> problems) {
    if (!names.contains(found)) {
      problems.add(
          "%s has the names %s; promised was the first of %s".formatted(this, found, names));
    }
  }

  void checkBytes(ByteBuffer found, List<String> problems) {
    if (!sizes.contains(found.remaining() / CELL_BYTES) || found.remaining() % CELL_BYTES != 0) {
      problems.add(
          "%s has %d bytes; in cells, promised was the first of %s"
              .formatted(this, found.remaining(), sizes));
    }
    for (int cell = 0; found.remaining() >= CELL_BYTES; cell++) {
      ByteBuffer bytes = found.slice(found.position(), CELL_BYTES);
      found.position(found.position() + CELL_BYTES);
      String problem = problem(cell, bytes);
      if (problem != null) {
        problems.add("%s, cell %d: %s".formatted(this, cell, problem));
        return;
      }
    }
  }

  private @Nullable String problem(int cell, ByteBuffer bytes) {
    long whose = bytes.getLong(0);
    long what = bytes.getLong(Long.BYTES);
    for (int i = 0; i < CELL_BYTES; i += 2 * Long.BYTES) {
      if (bytes.getLong(i) != whose || bytes.getLong(i + Long.BYTES) != what) {
        return "parts of two writes";
      }
    }
    int write = 0;
    if (whose != 0 || what != 0) {
      if (whose != (MARK | number) || (what & ((1 << CELL_BITS) - 1)) != cell) {
        return "foreign bytes: %x %x".formatted(whose, what);
      }
      write = (int) (what >>> CELL_BITS);
    }
    if (write == promised[cell]
        || (write == 0 && cut.get(cell))
        || (write > promisedWrites && write <= writes && written.get(cell))) {
      return null;
    }
    return "of write %d; promised was %d of %d, %d is the last"
        .formatted(write, promised[cell], promisedWrites, writes);
  }

  @Override
  public String toString() {
    return (directory ? "directory " : "file ") + number + " (inode " + inode + ")";
  }
}
