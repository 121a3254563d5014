package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ScannedInode;
import java.util.Arrays;

/**
 * All inodes of an instance in primitive arrays, below 100 bytes each, with what the other scans
 * counted for them. Rows are numbered in the order of adding. Not thread-safe.
 */
final class InodeTable {
  /** No row. */
  static final int NONE = -1;

  private static final int FLAG_TRANSACTION = 1;
  private static final int FLAG_PINNED = 2;
  private static final int FLAG_INLINE = 4;
  private static final int CAPACITY_MIN = 1024;

  private int size;
  private long[] ids = new long[CAPACITY_MIN];
  private long[] sizes = new long[CAPACITY_MIN];
  private long[] parents = new long[CAPACITY_MIN];
  private int[] links = new int[CAPACITY_MIN];
  private int[] slots = new int[CAPACITY_MIN]; // first slot of the layout, and its step above
  private byte[] types = new byte[CAPACITY_MIN];
  private byte[] flags = new byte[CAPACITY_MIN];
  private byte[] chunkShifts = new byte[CAPACITY_MIN];
  private byte[] exponents = new byte[CAPACITY_MIN];
  private int[] names = new int[CAPACITY_MIN];
  private int[] children = new int[CAPACITY_MIN];
  private int[] subdirectories = new int[CAPACITY_MIN];
  private long[] namedIn = new long[CAPACITY_MIN];

  // Open addressing over rows + 1; 0 = free. At least twice as many places as rows.
  private int[] index = new int[CAPACITY_MIN * 4];

  int size() {
    return size;
  }

  /** Adds an inode and returns its row; {@link #NONE} if its id has a row already. */
  int add(ScannedInode inode) {
    long id = inode.attributes().id().value();
    int place = place(id);
    if (index[place] != 0) {
      return NONE;
    }
    if (size == ids.length) {
      grow();
      place = place(id);
    }
    int row = size++;
    index[place] = row + 1;
    FileLayout layout = inode.attributes().layout();
    ids[row] = id;
    sizes[row] = inode.attributes().sizeBytes();
    parents[row] = inode.attributes().parent().value();
    links[row] = inode.attributes().linkCount();
    slots[row] = layout.slotStep() << 16 | layout.firstSlot();
    types[row] = (byte) inode.attributes().type().code();
    flags[row] =
        (byte)
            ((inode.inTransaction() ? FLAG_TRANSACTION : 0)
                | (inode.pins() > 0 ? FLAG_PINNED : 0)
                | (layout.inline() ? FLAG_INLINE : 0));
    chunkShifts[row] = (byte) Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
    exponents[row] = (byte) inode.attributes().partitionExponent();
    return row;
  }

  /** The row of an inode, or {@link #NONE}. */
  int row(long id) {
    return index[place(id)] - 1;
  }

  InodeId id(int row) {
    return new InodeId(ids[row]);
  }

  FileType type(int row) {
    return FileType.ofCode(types[row]);
  }

  boolean isDirectory(int row) {
    return types[row] == FileType.DIRECTORY.code();
  }

  long sizeBytes(int row) {
    return sizes[row];
  }

  long parent(int row) {
    return parents[row];
  }

  int linkCount(int row) {
    return links[row];
  }

  int partitionExponent(int row) {
    return exponents[row];
  }

  boolean inTransaction(int row) {
    return (flags[row] & FLAG_TRANSACTION) != 0;
  }

  boolean isPinned(int row) {
    return (flags[row] & FLAG_PINNED) != 0;
  }

  /** The layout of a file: where its chunks lie. */
  FileLayout layout(int row) {
    return new FileLayout(
        1 << chunkShifts[row],
        slots[row] & 0xFFFF,
        slots[row] >>> 16,
        0,
        (flags[row] & FLAG_INLINE) != 0);
  }

  /** Counts a name of this inode in a directory. */
  void countName(int row, long directory) {
    names[row]++;
    namedIn[row] = directory;
  }

  /** Names counted. */
  int names(int row) {
    return names[row];
  }

  /** The directory in which its last name was counted; 0 = none. */
  long namedIn(int row) {
    return namedIn[row];
  }

  /** Counts an entry of this directory. */
  void countChild(int row, boolean directory) {
    children[row]++;
    if (directory) {
      subdirectories[row]++;
    }
  }

  /** Entries counted. */
  int children(int row) {
    return children[row];
  }

  /** Of the entries, those that are directories. */
  int subdirectories(int row) {
    return subdirectories[row];
  }

  private int place(long id) {
    int mask = index.length - 1;
    long mixed = id * 0x9E3779B97F4A7C15L;
    int place = (int) (mixed >>> 32) & mask;
    while (index[place] != 0 && ids[index[place] - 1] != id) {
      place = (place + 1) & mask;
    }
    return place;
  }

  private void grow() {
    int capacity = Math.multiplyExact(ids.length, 2);
    ids = Arrays.copyOf(ids, capacity);
    sizes = Arrays.copyOf(sizes, capacity);
    parents = Arrays.copyOf(parents, capacity);
    links = Arrays.copyOf(links, capacity);
    slots = Arrays.copyOf(slots, capacity);
    types = Arrays.copyOf(types, capacity);
    flags = Arrays.copyOf(flags, capacity);
    chunkShifts = Arrays.copyOf(chunkShifts, capacity);
    exponents = Arrays.copyOf(exponents, capacity);
    names = Arrays.copyOf(names, capacity);
    children = Arrays.copyOf(children, capacity);
    subdirectories = Arrays.copyOf(subdirectories, capacity);
    namedIn = Arrays.copyOf(namedIn, capacity);
    index = new int[Math.multiplyExact(capacity, 4)];
    for (int row = 0; row < size; row++) {
      index[place(ids[row])] = row + 1;
    }
  }
}
