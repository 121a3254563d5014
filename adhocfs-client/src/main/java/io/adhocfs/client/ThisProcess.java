package io.adhocfs.client;

import io.adhocfs.protocol.model.Owner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** This process as the system knows it. */
public final class ThisProcess {
  private ThisProcess() {}

  /**
   * The user and the group that this process runs as.
   *
   * @throws IOException if the system does not tell
   */
  public static Owner owner() throws IOException {
    Path self = Path.of("/proc/self");
    return new Owner(
        (Integer) Files.getAttribute(self, "unix:uid"),
        (Integer) Files.getAttribute(self, "unix:gid"));
  }
}
