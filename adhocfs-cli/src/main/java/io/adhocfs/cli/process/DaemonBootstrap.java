package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.InstanceIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The content of a daemon's configuration file. */
final class DaemonBootstrap {
  private DaemonBootstrap() {}

  /** The configuration file for one node. */
  static String of(InstanceDescription description, Place place) throws FsException {
    Instance instance = description.instance();
    NodeAddress address = NodeAddress.of(description, place);
    Path self = Path.of("/proc/self");
    try {
      return new String(
          new DaemonConfiguration(
                  new InstanceIdentity(instance.id(), instance.secret()),
                  place.id(),
                  Path.of(place.dataDirectory()),
                  address.bind(),
                  address.advertised(),
                  0,
                  "",
                  instance.settings(),
                  (Integer) Files.getAttribute(self, "unix:uid"),
                  (Integer) Files.getAttribute(self, "unix:gid"))
              .toJson(),
          UTF_8);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read /proc/self: " + e.getMessage(), e);
    }
  }
}
