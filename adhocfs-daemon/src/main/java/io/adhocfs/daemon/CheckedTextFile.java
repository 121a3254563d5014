package io.adhocfs.daemon;

import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A small file of {@code name value} lines that people can read: a first line that says what it is,
 * a version, a checksum in the last line. Replaced whole and synced, so that a crash leaves the old
 * or the new one.
 */
final class CheckedTextFile {
  private static final int BYTES_MAX = 64 << 10;
  private static final String CHECKSUM = "checksum";
  private static final String VERSION = "version";

  private final Path path;
  private final String magic;
  private final int oldestVersion;
  private final int version;

  /**
   * @param magic the first line
   * @param oldestVersion the oldest version that can be read
   * @param version the newest, which is written
   */
  CheckedTextFile(Path path, String magic, int oldestVersion, int version) {
    this.path = path;
    this.magic = magic;
    this.oldestVersion = oldestVersion;
    this.version = version;
  }

  /**
   * The values, or null when there is no file.
   *
   * @throws FsException CORRUPT; NOT_SUPPORTED, saying whether it is too old or too new;
   *     STORAGE_FAILED
   */
  @Nullable Map<String, String> read() throws FsException {
    String text;
    try {
      if (Files.size(path) > BYTES_MAX) {
        throw corrupt("it is too large");
      }
      text = Files.readString(path, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return null;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read " + path + ": " + e, e);
    }
    List<String> lines = text.lines().toList();
    if (lines.size() < 3 || !lines.getFirst().equals(magic)) {
      throw corrupt("it does not start with '" + magic + "'");
    }
    var values = new LinkedHashMap<String, String>();
    for (String line : lines.subList(1, lines.size())) {
      int space = line.indexOf(' ');
      if (space < 1) {
        throw corrupt("a line without a value");
      }
      values.put(line.substring(0, space), line.substring(space + 1));
    }
    // The version decides first: another one may have its checksum elsewhere.
    requireVersion(values.getOrDefault(VERSION, ""));
    int sumStart = text.lastIndexOf(CHECKSUM + " ");
    String sum = values.remove(CHECKSUM);
    if (sum == null || sumStart < 0 || !sum.equals(checksum(text.substring(0, sumStart)))) {
      throw corrupt("its checksum is wrong");
    }
    values.remove(VERSION);
    return values;
  }

  private void requireVersion(String text) throws FsException {
    int found;
    try {
      found = Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw corrupt("its version is '" + text + "'");
    }
    if (found > version) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "%s is too new: version %d, this program reads up to %d; use the newer program"
              .formatted(path, found, version));
    }
    if (found < oldestVersion) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "%s is too old: version %d, this program reads from %d; use the older program to save the data"
              .formatted(path, found, oldestVersion));
    }
  }

  private FsException corrupt(String why) {
    return new FsException(FsError.CORRUPT, path + " is corrupt: " + why);
  }

  /** Writes values, none of which has a line end; on return they survive a power failure. */
  void write(Map<String, String> values) throws FsException {
    var text = new StringBuilder(magic).append('\n');
    text.append(VERSION).append(' ').append(version).append('\n');
    values.forEach((name, value) -> text.append(name).append(' ').append(value).append('\n'));
    String sum = checksum(text.toString());
    text.append(CHECKSUM).append(' ').append(sum).append('\n');
    SmallFile.at(path).replace(text.toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String checksum(String text) {
    var sum = new CRC32C();
    sum.update(text.getBytes(StandardCharsets.ISO_8859_1));
    return Long.toHexString(sum.getValue());
  }
}
