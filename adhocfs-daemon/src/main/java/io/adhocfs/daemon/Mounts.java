package io.adhocfs.daemon;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which paths lie on a mount of this program: a daemon that stored there would wait for itself. */
final class Mounts {
  private static final String OWN_TYPE = "fuse.adhocfs";

  private Mounts() {}

  /**
   * Refuses a path on a mount of this program. Looks only at names first, so that a dead mount
   * cannot block it.
   *
   * @throws FsException INVALID, naming the mount
   */
  static void refuseOwn(Path path) throws FsException {
    List<String> lines;
    try {
      lines =
          Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.UTF_8)
              .lines()
              .toList();
    } catch (IOException e) {
      // No Linux, no mounts of ours.
      return;
    }
    refuse(path.toAbsolutePath().normalize(), lines);
    try {
      Path existing = path.toAbsolutePath().normalize();
      while (existing.getParent() != null && !Files.exists(existing)) {
        existing = existing.getParent();
      }
      refuse(existing.toRealPath(), lines);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot resolve " + path + ": " + e, e);
    }
  }

  private static void refuse(Path path, List<String> mountInfo) throws FsException {
    Path mount = ownMountOf(path, mountInfo);
    if (mount != null) {
      throw new FsException(
          FsError.INVALID,
          "the data directory %s lies on the adhocfs mount %s; give one on a local disk"
              .formatted(path, mount));
    }
  }

  /** The mount of this program that a path lies on, or null. The last of equal mounts is on top. */
  static @Nullable Path ownMountOf(Path path, List<String> mountInfo) {
    Path nearest = null;
    boolean own = false;
    for (String line : mountInfo) {
      int dash = line.indexOf(" - ");
      String[] fields = line.split(" ", -1);
      if (dash < 0 || fields.length < 5) {
        continue;
      }
      Path mount = Path.of(unescape(fields[4]));
      if (path.startsWith(mount)
          && (nearest == null || mount.getNameCount() >= nearest.getNameCount())) {
        nearest = mount;
        own = line.substring(dash + 3).split(" ", 2)[0].equals(OWN_TYPE);
      }
    }
    return own ? nearest : null;
  }

  /** Spaces and the like are written as three octal digits. */
  private static String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    var plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '\\' && i + 3 < text.length()) {
        plain.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        plain.append(text.charAt(i));
      }
    }
    return plain.toString();
  }
}
