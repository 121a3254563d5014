package io.adhocfs.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** User and group that what is made belongs to, as unsigned 32-bit numbers. */
public record Owner(int uid, int gid) {
  /**
   * The user and group of this process.
   *
   * @throws IOException where the system does not tell
   */
  public static Owner ofThisProcess() throws IOException {
    Path self = Path.of("/proc/self");
    return new Owner(
        (Integer) Files.getAttribute(self, "unix:uid"),
        (Integer) Files.getAttribute(self, "unix:gid"));
  }
}
