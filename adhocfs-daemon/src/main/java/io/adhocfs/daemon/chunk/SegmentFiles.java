package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The chunk files of a directory, and which of them are open.
 *
 * <p>Segment 0 of an inode, nearly always the only one, is {@code xx/<inode>.0}; further ones lie
 * below {@code xx/<inode>.more/<segment>}, so that two look-ups tell all segments of an inode; all
 * numbers in hexadecimal, xx from a hash of the inode. Thread-safe, except where a method says so.
 */
final class SegmentFiles implements AutoCloseable {
  /** Chunks of a segment: 2^21 of 512 KiB are 1 TiB; ext4 ends at 16 TiB. */
  static final long SEGMENT_CHUNKS = 1L << 21;

  static final int SEGMENT_SHIFT = 21;
  static final int BUCKETS = 256;

  /** There once anybody has asked for something to survive a power failure. */
  private static final String SURVIVES = "survives-power-failure";

  private static final Pattern FIRST_NAME = Pattern.compile("([0-9a-f]{16})\\.0");
  private static final Pattern MORE_NAME = Pattern.compile("([0-9a-f]{16})\\.more");
  private static final Pattern SEGMENT_NAME = Pattern.compile("[1-9a-f][0-9a-f]{0,10}");

  /** Who says whether one more file may be made. */
  interface FileRoom {
    /** Whether there is room for one more, which counts as made then. */
    boolean takeFile() throws FsException;
  }

  /** Names a file of chunks. */
  record Key(long inode, long segment) {}

  private final Disk disk;
  private final Path directory;
  private final int openMax;
  private final FileRoom room;
  private final AtomicLong fileCount = new AtomicLong();

  /** By last use, oldest first. */
  @GuardedBy("this")
  private final LinkedHashMap<Key, SegmentFile> open = new LinkedHashMap<>(64, 0.75f, true);

  private volatile boolean survivesPowerFailure;

  /** Blocks of all files; those that are open as of when they were last asked. */
  @GuardedBy("this")
  private long allocatedBytes;

  /**
   * Makes the directories that are missing and adds up what lies in them.
   *
   * @param room asked before each file that is made, but not here
   */
  SegmentFiles(Disk disk, int openMax, FileRoom room) throws FsException {
    this.disk = disk;
    this.directory = disk.directory();
    this.openMax = openMax;
    this.room = room;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      disk.makeDirectories(bucketPath(bucket));
    }
    survivesPowerFailure = disk.exists(directory.resolve(SURVIVES));
    var sum = new long[1];
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      walk(
          bucket,
          new Visitor() {
            @Override
            public void file(Key key, Path path) throws FsException {
              Disk.Extent extent = disk.extent(path);
              if (extent != null) {
                sum[0] += extent.allocatedBytes();
                fileCount.incrementAndGet();
              }
            }

            @Override
            public void stranger(Path path) {}
          });
    }
    synchronized (this) {
      allocatedBytes = sum[0];
    }
  }

  /** Part of the on-disk format. */
  static int bucket(long inode) {
    return (int) ((inode * 0x9E3779B97F4A7C15L) >>> 56);
  }

  /** The file that a chunk lies in. */
  static Key key(long inode, long chunk) {
    return new Key(inode, chunk >>> SEGMENT_SHIFT);
  }

  static long chunkInSegment(long chunk) {
    return chunk & (SEGMENT_CHUNKS - 1);
  }

  /** Where in its file a chunk begins. */
  static long position(FileLayout layout, long chunk) {
    return chunkInSegment(chunk) * layout.chunkSizeBytes();
  }

  /** Chunks that a segment's file can have: all of its records are below. */
  static long lastChunk(FileLayout layout, long segment, long sizeBytes) {
    long count = (sizeBytes + layout.chunkSizeBytes() - 1) / layout.chunkSizeBytes();
    return (segment << SEGMENT_SHIFT) + count - 1;
  }

  /** A chunk that is not as its record says. */
  FsException corrupt(long inode, long chunk, String why) {
    return new FsException(
        FsError.CORRUPT,
        "chunk %d of inode %s in %s: %s"
            .formatted(chunk, Long.toUnsignedString(inode), path(key(inode, chunk)), why));
  }

  private Path bucketPath(int bucket) {
    return directory.resolve(hexadecimal(bucket, 2));
  }

  private Path morePath(long inode) {
    return bucketPath(bucket(inode)).resolve(hexadecimal(inode, 16) + ".more");
  }

  Path path(Key key) {
    return key.segment == 0
        ? bucketPath(bucket(key.inode)).resolve(hexadecimal(key.inode, 16) + ".0")
        : morePath(key.inode).resolve(Long.toHexString(key.segment));
  }

  private static String hexadecimal(long number, int digits) {
    String text = Long.toHexString(number);
    return "0".repeat(digits - text.length()) + text;
  }

  /**
   * Opens a file, or takes it as it is open, and keeps it so until it is released.
   *
   * @return null if there is none and it is not to be made
   * @throws FsException NO_SPACE where there is room for bytes at most
   */
  @Nullable SegmentFile acquire(Key key, boolean create) throws FsException {
    synchronized (this) {
      SegmentFile file = open.get(key);
      if (file != null) {
        file.users++;
        return file;
      }
    }
    // Making a file can take a while: not under the lock. Who comes second closes his own.
    Path path = path(key);
    DiskFile bytes = disk.open(path, false);
    while (bytes == null) {
      if (!create) {
        return null;
      }
      if (!room.takeFile()) {
        throw new FsException(
            FsError.NO_SPACE, "the disk of " + directory + " has no inodes left for chunk files");
      }
      if (key.segment > 0) {
        disk.makeDirectories(morePath(key.inode));
      }
      bytes = disk.open(path, true);
      if (bytes != null) {
        fileCount.incrementAndGet();
      } else {
        bytes = disk.open(path, false);
      }
    }
    synchronized (this) {
      SegmentFile file = open.get(key);
      if (file != null) {
        bytes.close();
      } else {
        file = new SegmentFile(key, bytes);
        closeOldest();
        open.put(key, file);
      }
      file.users++;
      return file;
    }
  }

  synchronized void release(SegmentFile file) {
    file.users--;
  }

  /** Makes room for one more; all may be in use, then there are a few more than allowed. */
  @GuardedBy("this")
  private void closeOldest() throws FsException {
    if (open.size() < openMax) {
      return;
    }
    Iterator<SegmentFile> files = open.values().iterator();
    while (files.hasNext() && open.size() >= openMax) {
      SegmentFile file = files.next();
      if (file.users == 0) {
        account(file);
        file.bytes().close();
        files.remove();
      }
    }
  }

  @GuardedBy("this")
  private void account(SegmentFile file) throws FsException {
    long now = file.bytes().extent().allocatedBytes();
    allocatedBytes += now - file.accountedBytes;
    file.accountedBytes = now;
  }

  /** Deletes a file if it is there. Nobody else may use it meanwhile. */
  void delete(Key key) throws FsException {
    Path path = path(key);
    synchronized (this) {
      Disk.Extent extent = disk.extent(path);
      SegmentFile file = open.remove(key);
      if (file != null) {
        allocatedBytes -= file.accountedBytes;
        file.bytes().close();
      } else if (extent != null) {
        allocatedBytes -= extent.allocatedBytes();
      }
    }
    if (disk.delete(path)) {
      fileCount.decrementAndGet();
    }
  }

  /** Removes the directory of an inode's further segments once it is empty. */
  void deleteEmptyDirectory(long inode) throws FsException {
    // Where other segments go on, it stays.
    boolean _ = disk.delete(morePath(inode));
  }

  /** The segments of which an inode has files, ascending. Nobody may add one meanwhile. */
  long[] segments(long inode) throws FsException {
    var found = new long[4];
    int count = 0;
    if (disk.exists(path(new Key(inode, 0)))) {
      found[count++] = 0;
    }
    Path more = morePath(inode);
    if (disk.exists(more)) {
      for (Path name : disk.list(more)) {
        String text = String.valueOf(name.getFileName());
        if (SEGMENT_NAME.matcher(text).matches()) {
          if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
          }
          found[count++] = Long.parseLong(text, 16);
        }
      }
    }
    long[] segments = Arrays.copyOf(found, count);
    Arrays.sort(segments);
    return segments;
  }

  /** The size of a file, -1 if there is none. */
  long sizeBytes(Key key) throws FsException {
    Disk.Extent extent = disk.extent(path(key));
    return extent == null ? -1 : extent.sizeBytes();
  }

  /** Makes the bytes of a file survive a power failure, if it is there. */
  void syncBytes(Key key) throws FsException {
    SegmentFile file = acquire(key, false);
    if (file != null) {
      try {
        file.bytes().sync();
      } finally {
        release(file);
      }
    }
  }

  /** Makes an inode's files and their names survive a power failure. */
  void sync(long inode) throws FsException {
    for (long segment : segments(inode)) {
      syncBytes(new Key(inode, segment));
      Path path = path(new Key(inode, segment)).getParent();
      while (path != null && !path.equals(directory)) {
        disk.syncDirectory(path);
        path = path.getParent();
      }
    }
  }

  /** Makes it survive a power failure that files of inodes are gone. */
  void syncRemovals(long[] inodes) throws FsException {
    int[] buckets = Arrays.stream(inodes).mapToInt(SegmentFiles::bucket).distinct().toArray();
    for (int bucket : buckets) {
      disk.syncDirectory(bucketPath(bucket));
    }
  }

  /** Whether anybody has ever asked for something here to survive a power failure. */
  boolean survivesPowerFailure() {
    return survivesPowerFailure;
  }

  /** Notes, for good, that somebody asks for something to survive a power failure. */
  void surviveFromNowOn() throws FsException {
    if (survivesPowerFailure) {
      return;
    }
    disk.makeFile(directory.resolve(SURVIVES));
    survivesPowerFailure = true;
    disk.syncDirectory(directory);
  }

  /** Blocks that all files take now. */
  synchronized long allocatedBytes() throws FsException {
    for (SegmentFile file : open.values()) {
      account(file);
    }
    return Math.max(0, allocatedBytes);
  }

  long fileCount() {
    return fileCount.get();
  }

  synchronized int openCount() {
    return open.size();
  }

  /** What a walk meets. */
  interface Visitor {
    void file(Key key, Path path) throws FsException;

    /** Something that no inode of this directory would be called. */
    void stranger(Path path) throws FsException;
  }

  /**
   * Shows all files of one of the {@link #BUCKETS} directories. Files may come and go meanwhile.
   */
  void walk(int bucket, Visitor visitor) throws FsException {
    for (Path name : disk.list(bucketPath(bucket))) {
      String text = String.valueOf(name.getFileName());
      var first = FIRST_NAME.matcher(text);
      if (first.matches()) {
        visit(visitor, bucket, Long.parseUnsignedLong(first.group(1), 16), 0, name);
        continue;
      }
      var more = MORE_NAME.matcher(text);
      if (!more.matches() || !disk.isDirectory(name)) {
        visitor.stranger(name);
        continue;
      }
      for (Path segment : disk.list(name)) {
        String number = String.valueOf(segment.getFileName());
        if (SEGMENT_NAME.matcher(number).matches()) {
          long inode = Long.parseUnsignedLong(more.group(1), 16);
          visit(visitor, bucket, inode, Long.parseLong(number, 16), segment);
        } else {
          visitor.stranger(segment);
        }
      }
    }
  }

  private static void visit(Visitor visitor, int bucket, long inode, long segment, Path path)
      throws FsException {
    if (bucket(inode) == bucket) {
      visitor.file(new Key(inode, segment), path);
    } else {
      visitor.stranger(path);
    }
  }

  @Override
  public synchronized void close() {
    for (SegmentFile file : open.values()) {
      file.bytes().close();
    }
    open.clear();
  }
}
