package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Which devices of this host are mounts of instances: a file that is reached through one is the
 * file of the same inode number in the instance, and must not be copied onto itself. A mount of
 * another instance looks the same; copying between equal inodes of two instances is refused too,
 * which does no harm but needs another way.
 */
final class HostMounts {
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final String TYPE_OF_OURS = "fuse.adhocfs";

  private final Set<Long> devices;

  private HostMounts(Set<Long> devices) {
    this.devices = devices;
  }

  /** The mounts as they are now; none where the system does not tell. */
  static HostMounts current() {
    try {
      return parse(Files.readString(MOUNTS, StandardCharsets.ISO_8859_1));
    } catch (IOException noProc) {
      return new HostMounts(Set.of());
    }
  }

  /** Reads lines of proc(5)'s mountinfo: id, parent, major:minor, ... - type, source, options. */
  static HostMounts parse(String mountinfo) {
    var devices = new HashSet<Long>();
    for (String line : mountinfo.lines().toList()) {
      int separator = line.indexOf(" - ");
      if (separator < 0 || !line.startsWith(TYPE_OF_OURS + " ", separator + 3)) {
        continue;
      }
      String[] device = line.split(" ", 4)[2].split(":", 2);
      devices.add(
          LocalStatus.deviceNumber(
              Integer.parseUnsignedInt(device[0]), Integer.parseUnsignedInt(device[1])));
    }
    return new HostMounts(devices);
  }

  /** Takes st_dev. */
  boolean isOfAnInstance(long device) {
    return devices.contains(device);
  }
}
