package io.adhocfs.cli.process;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Keeps a log within its bound: when the log reaches half of the bound, its content replaces that
 * of the earlier log beside it, and the log begins anew. The log stays the same file, since the JVM
 * itself writes to it by a descriptor that was opened, for appending, before any Java code ran.
 * Lines that others write in the microseconds of the copy may be lost. If the earlier log cannot be
 * written, its content is lost instead: the bound also holds on a full disk. Thread-safe.
 */
public final class BoundedLog {
  private static final String EARLIER = ".1";

  private final Path log;
  private final long bytesMax;

  /** Bytes that may still be written before the size is checked again. */
  @GuardedBy("this")
  private long unlooked;

  /**
   * For a log that this process writes to.
   *
   * @param bytesMax of the log and the earlier one together; 0 = no bound
   */
  BoundedLog(Path log, long bytesMax) {
    this.log = log;
    this.bytesMax = bytesMax;
  }

  /** The earlier log beside a log. */
  static Path earlier(Path log) {
    return log.resolveSibling(log.getFileName() + EARLIER);
  }

  /** To be called after this many bytes have been written. */
  synchronized void written(long bytes) {
    unlooked -= bytes;
    if (bytesMax == 0 || unlooked > 0) {
      return;
    }
    try {
      long size = Files.size(log);
      if (size >= bytesMax / 2) {
        rotate();
        size = 0;
      }
      // Others write to the log too, so the size is checked more often than our bytes require.
      unlooked = Math.max(1, (bytesMax / 2 - size) / 8);
    } catch (IOException e) {
      // The log was removed, so there is nothing left to bound.
      unlooked = bytesMax / 2;
    }
  }

  @GuardedBy("this")
  private void rotate() throws IOException {
    try (FileChannel from =
        FileChannel.open(log, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      try (FileChannel to =
          FileChannel.open(
              earlier(log),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        // If more was written at once, its beginning is left out: the newest lines matter most.
        long start = Math.max(0, from.size() - bytesMax / 2);
        long position = start;
        while (position < from.size()) {
          position += from.transferTo(position, from.size() - position, to);
        }
      } finally {
        from.truncate(0);
      }
    }
  }

  /**
   * The last lines of a log, those of the earlier log included.
   *
   * @throws FsException NOT_FOUND or STORAGE_FAILED, naming the log
   */
  public static List<String> tail(Path log, int lines) throws FsException {
    var last = new ArrayDeque<String>();
    try {
      if (Files.exists(earlier(log))) {
        read(earlier(log), lines, last);
      }
      read(log, lines, last);
    } catch (NoSuchFileException e) {
      throw new FsException(FsError.NOT_FOUND, "there is no log " + log, e);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read " + log + ": " + e, e);
    }
    return List.copyOf(last);
  }

  private static void read(Path log, int lines, ArrayDeque<String> last) throws IOException {
    // A reader of this kind also accepts bytes that are not UTF-8.
    try (var reader =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(log), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        last.add(line);
        if (last.size() > lines) {
          last.remove();
        }
      }
    }
  }
}
