package io.adhocfs.fuse.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The mounts of this process's namespace, from /proc/self/mountinfo (proc_pid_mountinfo(5)). */
final class MountTable {
  private static final Path MOUNT_INFO = Path.of("/proc/self/mountinfo");

  /**
   * One mount.
   *
   * @param device the file system's number, major:minor
   * @param mountPoint absolute path as mounted, each byte as the character of that number
   * @param type file-system type, such as "fuse.adhocfs"
   * @param source the source that was given at mounting
   */
  record Mount(String device, String mountPoint, String type, String source) {
    boolean isAt(byte[] path) {
      return mountPoint.equals(new String(path, StandardCharsets.ISO_8859_1));
    }
  }

  private MountTable() {}

  /** All mounts, the oldest first. Asks no file system anything, so it cannot hang. */
  static List<Mount> read() throws IOException {
    return parse(Files.readAllBytes(MOUNT_INFO));
  }

  /** The mount that a lookup of this path would meet: the last one made there; null = none. */
  static @Nullable Mount topmostAt(byte[] path) throws IOException {
    Mount topmost = null;
    for (Mount mount : read()) {
      if (mount.isAt(path)) {
        topmost = mount;
      }
    }
    return topmost;
  }

  static List<Mount> parse(byte[] mountInfo) {
    List<Mount> mounts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < mountInfo.length; i++) {
      if (mountInfo[i] == '\n') {
        Mount mount = parseLine(Arrays.copyOfRange(mountInfo, start, i));
        if (mount != null) {
          mounts.add(mount);
        }
        start = i + 1;
      }
    }
    return mounts;
  }

  /** Parses a line; null if its form is not that of the manual. */
  private static @Nullable Mount parseLine(byte[] line) {
    // Latin-1 keeps every byte; blanks inside a field are escaped.
    List<String> fields = List.of(new String(line, StandardCharsets.ISO_8859_1).split(" ", -1));
    int separator = fields.indexOf("-");
    if (separator < 6 || fields.size() < separator + 3) {
      return null;
    }
    return new Mount(
        fields.get(2),
        unescape(fields.get(4)),
        unescape(fields.get(separator + 1)),
        unescape(fields.get(separator + 2)));
  }

  /** Blank, tab, line feed and backslash are written as a backslash and three octal digits. */
  private static String unescape(String field) {
    StringBuilder text = new StringBuilder(field.length());
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      if (c == '\\' && i + 3 < field.length() && isOctal(field, i + 1)) {
        text.append((char) Integer.parseInt(field.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }

  private static boolean isOctal(String text, int start) {
    for (int i = start; i < start + 3; i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '7') {
        return false;
      }
    }
    return true;
  }
}
