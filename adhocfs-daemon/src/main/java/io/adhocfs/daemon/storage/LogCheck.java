package io.adhocfs.daemon.storage;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks through the logs of a RocksDB that nobody has open, and tells the end of a log that a death
 * has cut short from a log that is damaged. RocksDB cannot tell them apart: it either drops all
 * that comes after a damaged record, or refuses also what every death leaves.
 *
 * <p>A log is in blocks of 32 KiB, each filled with fragments {@code [masked CRC32C of type and
 * data: 4][length: 2][type: 1][data]}, numbers little-endian, in some types with four more bytes of
 * a log number before the data; a fragment never goes over the end of a block, and the last six
 * bytes of one may be unused. The manifest is such a log too.
 *
 * <p>A process that dies leaves the beginning of what it wrote: the file ends in the middle of a
 * fragment. A machine that dies may leave zeros in place of what was not written, from the end of a
 * fragment or from the start of a page on; as pages reach the disk in any order, others may be
 * there behind such a page. Nothing from it on was synced, or it would be there. Anything else has
 * come about otherwise: a fragment that is all there and does not match its sum, one that others
 * follow, one whose data goes just to the end of the file if its length is taken from there.
 */
final class LogCheck {
  private static final int BLOCK_BYTES = 32 << 10;
  private static final int HEADER_BYTES = 7;
  private static final int RECYCLABLE_HEADER_BYTES = 11;
  private static final int PAGE_BYTES = 4 << 10;
  private static final int MASK_DELTA = 0xa282ead8;

  private static final Logger LOG = LoggerFactory.getLogger(LogCheck.class);

  /** The end of a log that nothing has to be cut off from. */
  private static final int WHOLE = -1;

  private final Path path;
  private final ByteBuffer bytes;
  private final int end;

  /** Where the last record begins whose fragments have not all been seen; negative = none. */
  private int begun = WHOLE;

  private LogCheck(Path path, ByteBuffer bytes) {
    this.path = path;
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
    this.end = bytes.limit();
  }

  /**
   * Checks the manifest and all logs of a database's directory, and cuts off what a death has left
   * at the end of the newest log: a part of a record, which nobody was told of.
   *
   * @return whether something was cut off
   * @throws FsException CORRUPT, naming the file and what to do; STORAGE_FAILED
   */
  static boolean check(Path directory) throws FsException {
    List<Path> logs = new ArrayList<>();
    try (DirectoryStream<Path> names = Files.newDirectoryStream(directory)) {
      for (Path name : names) {
        String text = String.valueOf(name.getFileName());
        if (text.startsWith("MANIFEST-")) {
          // RocksDB reads over a torn end of its own.
          var _ = wholeBytes(name);
        } else if (text.endsWith(".log")) {
          logs.add(name);
        }
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed("listing " + directory, e);
    }
    // Their names are numbers of at least six digits.
    logs.sort((a, b) -> {
      String left = a.toString();
      String right = b.toString();
      return left.length() != right.length()
          ? Integer.compare(left.length(), right.length())
          : left.compareTo(right);
    });
    Path torn = null;
    int wholeBytes = WHOLE;
    for (Path log : logs) {
      if (torn != null && size(log) > 0) {
        throw corrupt(torn, "it ends in the middle of a record, and " + log + " goes on");
      }
      int found = wholeBytes(log);
      if (found != WHOLE) {
        torn = log;
        wholeBytes = found;
      }
    }
    if (torn == null) {
      return false;
    }
    cut(torn, wholeBytes);
    return true;
  }

  /** Where the last whole record of a torn log ends; WHOLE for one that is not torn. */
  private static int wholeBytes(Path path) throws FsException {
    // Unmapped at once: a mapping that waits for the collector would hold the disk's mount.
    try (FileChannel file = FileChannel.open(path);
        Arena arena = Arena.ofConfined()) {
      if (file.size() > Integer.MAX_VALUE) {
        throw corrupt(path, "it has " + file.size() + " bytes");
      }
      return new LogCheck(
              path, file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena).asByteBuffer())
          .wholeBytes();
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed("reading " + path, e);
    }
  }

  private static void cut(Path log, int wholeBytes) throws FsException {
    LOG.info(
        "log ends in the middle of a record, which is cut off file={} bytes={} of {}",
        log,
        wholeBytes,
        size(log));
    try (FileChannel file = FileChannel.open(log, StandardOpenOption.WRITE)) {
      file.truncate(wholeBytes);
      file.force(true);
    } catch (IOException e) {
      throw failed("cutting " + log, e);
    }
  }

  private static long size(Path path) throws FsException {
    try {
      return Files.size(path);
    } catch (IOException e) {
      throw failed("reading " + path, e);
    }
  }

  private int wholeBytes() throws FsException {
    int position = 0;
    while (position < end) {
      int left = BLOCK_BYTES - position % BLOCK_BYTES;
      if (left < HEADER_BYTES) {
        requireUnused(position, Math.min(end, position + left));
        position += left;
        continue;
      }
      int next = next(position);
      if (next < 0) {
        requireTorn(position);
        return begun == WHOLE ? position : begun;
      }
      switch (bytes.get(position + 6)) {
        // The first of several fragments, the last, all in one.
        case 2, 6 -> begun = position;
        case 4, 8, 1, 5 -> begun = WHOLE;
        default -> {}
      }
      position = next;
    }
    return begun;
  }

  /** What RocksDB fills a block with that has no room for another header. */
  private void requireUnused(int from, int to) throws FsException {
    if (!isZeros(from, to)) {
      throw corrupt(path, "its bytes from " + from + " to " + to + " should not be used");
    }
  }

  /** Where the fragment at a position ends; negative if there is none that is right. */
  private int next(int position) {
    if (end - position < HEADER_BYTES) {
      return -1;
    }
    int length = Short.toUnsignedInt(bytes.getShort(position + 4));
    int headerBytes = headerBytes(position);
    int after = position + headerBytes + length;
    boolean fits = after <= end && position % BLOCK_BYTES + headerBytes + length <= BLOCK_BYTES;
    return fits && matches(position, after) ? after : -1;
  }

  private int headerBytes(int position) {
    return switch (bytes.get(position + 6) & 0x7f) {
      case 5, 6, 7, 8, 11 -> RECYCLABLE_HEADER_BYTES;
      // The second of a pair whose first has the short one.
      case 3 -> bytes.get(position + 6) < 0 ? RECYCLABLE_HEADER_BYTES : HEADER_BYTES;
      default -> HEADER_BYTES;
    };
  }

  /** Whether the bytes after sum and length match the sum. */
  private boolean matches(int position, int after) {
    if (bytes.get(position + 6) == 0) {
      return false;
    }
    var sum = new CRC32C();
    sum.update(bytes.slice(position + 6, after - position - 6));
    int value = (int) sum.getValue();
    return Integer.rotateRight(value, 15) + MASK_DELTA == bytes.getInt(position);
  }

  /** Refuses a log whose fragment at a position is not right, unless a death explains it. */
  private void requireTorn(int position) throws FsException {
    int blockEnd = Math.min(end, (position / BLOCK_BYTES + 1) * BLOCK_BYTES);
    if (isUnwritten(position) || lacksPage(position)) {
      return;
    }
    // Within the block the next fragment may begin anywhere; further blocks begin with one.
    for (int other = position + 1; other + HEADER_BYTES <= blockEnd; other++) {
      if (next(other) > 0) {
        throw damaged(position);
      }
    }
    for (int other = blockEnd; other < end; other += BLOCK_BYTES) {
      if (next(other) > 0) {
        throw damaged(position);
      }
    }
    if (end - position < HEADER_BYTES) {
      return;
    }
    int length = Short.toUnsignedInt(bytes.getShort(position + 4));
    int after = position + headerBytes(position) + length;
    boolean cutShort = after > end && after <= (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
    // With another length, or with a type of the short header, it would be whole: so that is what
    // has changed.
    boolean whole = matches(position, end) || position + HEADER_BYTES + length == end;
    if (!cutShort || !isKnownType(position) || whole) {
      throw damaged(position);
    }
  }

  private boolean isKnownType(int position) {
    int type = bytes.get(position + 6) & 0x7f;
    return type >= 1 && type <= 11;
  }

  /** Whether there are only zeros to the end, from a position or from the start of a page on. */
  private boolean isUnwritten(int position) {
    int used = end;
    while (used > position && bytes.get(used - 1) == 0) {
      used--;
    }
    int page = (used + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return used == position || (page < end && page > position);
  }

  /**
   * Whether a page of the fragment at a position never reached the disk: where its bytes would be
   * are zeros up to the page's end. A few bits that change do not make such a thing.
   */
  private boolean lacksPage(int position) {
    if (end - position < HEADER_BYTES) {
      return false;
    }
    int length = Short.toUnsignedInt(bytes.getShort(position + 4));
    int after = Math.min(end, position + headerBytes(position) + length);
    for (int page = position / PAGE_BYTES * PAGE_BYTES; page < after; page += PAGE_BYTES) {
      int from = Math.max(page, position);
      int to = Math.min(page + PAGE_BYTES, end);
      if (to - from >= HEADER_BYTES && isZeros(from, to)) {
        return true;
      }
    }
    return false;
  }

  private boolean isZeros(int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  private FsException damaged(int position) {
    return corrupt(path, "its record at byte " + position + " is damaged");
  }

  private static FsException corrupt(Path path, String why) {
    return new FsException(
        FsError.CORRUPT,
        "%s is damaged: %s. What came after it would be lost, so this node does not start; put the file back as it was, or give the node up with its data"
            .formatted(path, why));
  }

  private static FsException failed(String doing, IOException e) {
    return new FsException(FsError.STORAGE_FAILED, doing + ": " + e, e);
  }
}
