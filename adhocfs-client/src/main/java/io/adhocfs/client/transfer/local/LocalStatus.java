package io.adhocfs.client.transfer.local;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.adhocfs.protocol.model.FileType;
import java.lang.foreign.MemorySegment;

/**
 * What statx(2) says of a file.
 *
 * @param mode permission, set-id and sticky bits, without the type
 * @param allocatedBytes what the file takes on its disk; less than the size where it has holes
 * @param atimeNanos nanoseconds since 1970-01-01T00:00Z, as mtime and ctime; times before 1677 and
 *     after 2262 are moved to that range's ends
 * @param deviceNumber st_rdev of a device node, else 0
 * @param device with the inode number, what makes two names the same file
 */
public record LocalStatus(
    FileType type,
    int mode,
    int uid,
    int gid,
    int linkCount,
    long sizeBytes,
    long allocatedBytes,
    long atimeNanos,
    long mtimeNanos,
    long ctimeNanos,
    long deviceNumber,
    long device,
    long inode) {

  private static final int MODE_MASK = 07777;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  public boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  /** Whether it is still the same content as far as size and times can tell. */
  public boolean sameContentAs(LocalStatus other) {
    return sizeBytes == other.sizeBytes
        && mtimeNanos == other.mtimeNanos
        && inode == other.inode
        && device == other.device;
  }

  /** Reads a struct statx, which looks the same on every architecture. */
  static LocalStatus of(MemorySegment statx) {
    int mode = Short.toUnsignedInt(statx.get(JAVA_SHORT, 28));
    return new LocalStatus(
        FileType.ofMode(mode),
        mode & MODE_MASK,
        statx.get(JAVA_INT, 20),
        statx.get(JAVA_INT, 24),
        statx.get(JAVA_INT, 16),
        statx.get(JAVA_LONG, 40),
        statx.get(JAVA_LONG, 48) * 512,
        nanos(statx, 64),
        nanos(statx, 112),
        nanos(statx, 96),
        deviceNumber(statx.get(JAVA_INT, 128), statx.get(JAVA_INT, 132)),
        deviceNumber(statx.get(JAVA_INT, 136), statx.get(JAVA_INT, 140)),
        statx.get(JAVA_LONG, 32));
  }

  /** makedev(3): how a device's two numbers become the one in st_dev and st_rdev. */
  public static long deviceNumber(int major, int minor) {
    long wideMajor = Integer.toUnsignedLong(major);
    long wideMinor = Integer.toUnsignedLong(minor);
    return (wideMajor & 0xfffL) << 8
        | (wideMajor & 0xfffff000L) << 32
        | (wideMinor & 0xffL)
        | (wideMinor & 0xffffff00L) << 12;
  }

  private static long nanos(MemorySegment statx, long offset) {
    long seconds = statx.get(JAVA_LONG, offset);
    long limitSeconds = Long.MAX_VALUE / NANOS_PER_SECOND - 1;
    if (seconds > limitSeconds) {
      return Long.MAX_VALUE;
    }
    if (seconds < -limitSeconds) {
      return Long.MIN_VALUE;
    }
    return seconds * NANOS_PER_SECOND + statx.get(JAVA_INT, offset + 8);
  }

  /** Writes a struct timespec. */
  static void putTime(MemorySegment timespecs, long offset, long nanos) {
    timespecs.set(JAVA_LONG, offset, Math.floorDiv(nanos, NANOS_PER_SECOND));
    timespecs.set(JAVA_LONG, offset + 8, Math.floorMod(nanos, NANOS_PER_SECOND));
  }
}
