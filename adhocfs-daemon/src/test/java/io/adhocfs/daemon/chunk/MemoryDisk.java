package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.StorageSpace;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A file system in memory. A process that dies loses nothing; a power failure takes, by chance,
 * what was not synced: sectors of files, their sizes, names that came, and brings back names that
 * went. Directories stay. Thread-safe.
 */
public final class MemoryDisk implements Disk {
  private static final int BLOCK_BYTES = 4096;
  private static final int SECTOR_BYTES = 512;
  private static final byte[] NO_BYTES = new byte[BLOCK_BYTES];

  /** Bytes of a file; a block is replaced, never changed. */
  private static final class Content {
    long sizeBytes;
    final TreeMap<Long, byte[]> blocks = new TreeMap<>();

    Content copy() {
      var copy = new Content();
      copy.sizeBytes = sizeBytes;
      copy.blocks.putAll(blocks);
      return copy;
    }
  }

  private static final class Inode {
    Content now = new Content();
    Content synced = new Content();
  }

  private final String name;
  private long capacityBlocks;
  private final Map<Path, Inode> names = new TreeMap<>();
  private final Map<Path, Inode> syncedNames = new TreeMap<>();
  private final Set<Path> directories = new TreeSet<>();
  private long usedBlocks;

  public MemoryDisk(long capacityBytes) {
    this("memory", capacityBytes);
  }

  /**
   * Makes an empty disk.
   *
   * @param name by which two are told apart
   */
  public MemoryDisk(String name, long capacityBytes) {
    this.name = name;
    resize(capacityBytes);
  }

  /** Gives it another capacity; what is there stays. */
  public final synchronized void resize(long capacityBytes) {
    capacityBlocks = capacityBytes / BLOCK_BYTES;
  }

  /** Makes the disk as large as what is on it and so many bytes more. */
  public synchronized void leaveRoom(long bytes) {
    capacityBlocks = usedBlocks + bytes / BLOCK_BYTES;
  }

  /** The power fails: what was not synced is there or not. */
  public synchronized void losePower(RandomGenerator random) {
    Set<Path> all = new TreeSet<>(names.keySet());
    all.addAll(syncedNames.keySet());
    Map<Path, Inode> left = new TreeMap<>();
    for (Path path : all) {
      Inode inode = random.nextBoolean() ? names.get(path) : syncedNames.get(path);
      if (inode != null) {
        left.put(path, inode);
      }
    }
    for (Inode inode : new LinkedHashSet<>(left.values())) {
      inode.now = mixed(inode, random);
      inode.synced = inode.now.copy();
    }
    names.clear();
    names.putAll(left);
    syncedNames.clear();
    syncedNames.putAll(left);
    usedBlocks = names.values().stream().distinct().mapToLong(one -> one.now.blocks.size()).sum();
  }

  private static Content mixed(Inode inode, RandomGenerator random) {
    var mixed = new Content();
    mixed.sizeBytes = random.nextBoolean() ? inode.now.sizeBytes : inode.synced.sizeBytes;
    Set<Long> numbers = new TreeSet<>(inode.now.blocks.keySet());
    numbers.addAll(inode.synced.blocks.keySet());
    for (long number : numbers) {
      byte[] newer = inode.now.blocks.get(number);
      byte[] older = inode.synced.blocks.get(number);
      byte[] block;
      if (Arrays.equals(newer, older) || random.nextInt(3) > 0) {
        block = random.nextBoolean() ? newer : older;
      } else {
        block = torn(newer, older, random);
      }
      if (block != null && number * BLOCK_BYTES < mixed.sizeBytes) {
        mixed.blocks.put(number, block);
      }
    }
    return mixed;
  }

  private static byte[] torn(
      byte @Nullable [] newer, byte @Nullable [] older, RandomGenerator random) {
    byte[] torn = Objects.requireNonNullElse(newer, NO_BYTES).clone();
    byte[] other = Objects.requireNonNullElse(older, NO_BYTES);
    for (int sector = 0; sector < BLOCK_BYTES; sector += SECTOR_BYTES) {
      if (random.nextBoolean()) {
        System.arraycopy(other, sector, torn, sector, SECTOR_BYTES);
      }
    }
    return torn;
  }

  @Override
  public Path directory() {
    return Path.of("/chunks");
  }

  @Override
  public synchronized @Nullable DiskFile open(Path path, boolean create) {
    Inode inode = names.get(path);
    if ((inode != null) == create) {
      return null;
    }
    if (inode == null) {
      inode = new Inode();
      names.put(path, inode);
    }
    return new MemoryFile(inode);
  }

  @Override
  public synchronized @Nullable Extent extent(Path path) {
    Inode inode = names.get(path);
    return inode == null ? null : extent(inode);
  }

  private static Extent extent(Inode inode) {
    return new Extent(inode.now.sizeBytes, (long) inode.now.blocks.size() * BLOCK_BYTES);
  }

  @Override
  public synchronized boolean exists(Path path) {
    return names.containsKey(path) || directories.contains(path);
  }

  @Override
  public synchronized boolean isDirectory(Path path) {
    return directories.contains(path);
  }

  @Override
  public synchronized List<Path> list(Path directory) {
    List<Path> found = new ArrayList<>();
    for (Path path : names.keySet()) {
      if (directory.equals(path.getParent())) {
        found.add(path);
      }
    }
    for (Path path : directories) {
      if (directory.equals(path.getParent())) {
        found.add(path);
      }
    }
    return found;
  }

  @Override
  public synchronized void makeDirectories(Path path) {
    for (Path one = path; one != null; one = one.getParent()) {
      directories.add(one);
    }
  }

  @Override
  public synchronized void makeFile(Path path) {
    names.computeIfAbsent(path, _ -> new Inode());
  }

  @Override
  public synchronized boolean delete(Path path) {
    Inode gone = names.remove(path);
    if (gone != null) {
      usedBlocks -= gone.now.blocks.size();
      return true;
    }
    return list(path).isEmpty() && directories.remove(path);
  }

  @Override
  public synchronized void syncDirectory(Path path) {
    syncedNames.keySet().removeIf(name -> path.equals(name.getParent()));
    names.forEach((name, inode) -> {
      if (path.equals(name.getParent())) {
        syncedNames.put(name, inode);
      }
    });
  }

  @Override
  public synchronized BackingDisk.Room room() {
    return new BackingDisk.Room(
        capacityBlocks * BLOCK_BYTES,
        (capacityBlocks - usedBlocks) * BLOCK_BYTES,
        StorageSpace.INODES_UNLIMITED,
        StorageSpace.INODES_UNLIMITED);
  }

  @Override
  public String name() {
    return name;
  }

  private final class MemoryFile implements DiskFile {
    private final Inode inode;

    MemoryFile(Inode inode) {
      this.inode = inode;
    }

    // What callers pass is memory that they keep alive.
    @SuppressWarnings("restricted")
    private static MemorySegment memory(long address, long length) {
      return MemorySegment.ofAddress(address).reinterpret(length);
    }

    @Override
    public long read(long address, long length, long position) {
      synchronized (MemoryDisk.this) {
        long there = Math.clamp(inode.now.sizeBytes - position, 0, length);
        MemorySegment into = memory(address, length);
        for (long done = 0; done < there; ) {
          long at = position + done;
          int within = (int) (at % BLOCK_BYTES);
          long part = Math.min(BLOCK_BYTES - within, there - done);
          byte[] block = inode.now.blocks.getOrDefault(at / BLOCK_BYTES, NO_BYTES);
          MemorySegment.copy(MemorySegment.ofArray(block), within, into, done, part);
          done += part;
        }
        return there;
      }
    }

    @Override
    public void write(long address, long length, long position) throws FsException {
      synchronized (MemoryDisk.this) {
        MemorySegment from = memory(address, length);
        for (long done = 0; done < length; ) {
          long at = position + done;
          int within = (int) (at % BLOCK_BYTES);
          long part = Math.min(BLOCK_BYTES - within, length - done);
          byte[] before = inode.now.blocks.get(at / BLOCK_BYTES);
          if (before == null) {
            if (usedBlocks >= capacityBlocks) {
              throw new FsException(FsError.NO_SPACE, "this disk is full");
            }
            usedBlocks++;
          }
          byte[] block = Objects.requireNonNullElse(before, NO_BYTES).clone();
          MemorySegment.copy(from, done, MemorySegment.ofArray(block), within, part);
          inode.now.blocks.put(at / BLOCK_BYTES, block);
          done += part;
          inode.now.sizeBytes = Math.max(inode.now.sizeBytes, at + part);
        }
      }
    }

    @Override
    public void setSize(long sizeBytes) {
      synchronized (MemoryDisk.this) {
        inode.now.sizeBytes = sizeBytes;
      }
    }

    @Override
    public boolean punch(long position, long length) {
      synchronized (MemoryDisk.this) {
        long end = position + length;
        long first = position / BLOCK_BYTES;
        for (long number : List.copyOf(inode.now.blocks.tailMap(first).keySet())) {
          long start = number * BLOCK_BYTES;
          if (start >= end) {
            break;
          }
          if (start >= position && start + BLOCK_BYTES <= end) {
            inode.now.blocks.remove(number);
            usedBlocks--;
          } else {
            byte[] block = Objects.requireNonNull(inode.now.blocks.get(number)).clone();
            Arrays.fill(
                block,
                (int) Math.max(0, position - start),
                (int) Math.min(BLOCK_BYTES, end - start),
                (byte) 0);
            inode.now.blocks.put(number, block);
          }
        }
        return true;
      }
    }

    @Override
    public long data(long position) {
      synchronized (MemoryDisk.this) {
        Long number = inode.now.blocks.ceilingKey(position / BLOCK_BYTES);
        return number == null ? -1 : Math.max(position, number * BLOCK_BYTES);
      }
    }

    @Override
    public long hole(long position) {
      synchronized (MemoryDisk.this) {
        if (position >= inode.now.sizeBytes) {
          return -1;
        }
        long number = position / BLOCK_BYTES;
        while (inode.now.blocks.containsKey(number)) {
          number++;
        }
        return Math.min(inode.now.sizeBytes, Math.max(position, number * BLOCK_BYTES));
      }
    }

    @Override
    public Extent extent() {
      synchronized (MemoryDisk.this) {
        return MemoryDisk.extent(inode);
      }
    }

    @Override
    public void sync() {
      synchronized (MemoryDisk.this) {
        inode.synced = inode.now.copy();
      }
    }

    @Override
    public void close() {}
  }
}
