package io.adhocfs.cli.process;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import java.io.IOException;
import java.util.HexFormat;
import java.util.LinkedHashMap;

/** What a daemon's configuration file says. */
final class DaemonBootstrap {
  private static final String LOOPBACK = "127.0.0.1";
  private static final String ALL_ADDRESSES = "0.0.0.0";

  private DaemonBootstrap() {}

  /** The content of the file for one node. */
  static String of(InstanceDescription description, Place place) {
    Instance instance = description.instance();
    var json = new LinkedHashMap<String, Object>();
    json.put("format", 1);
    json.put("instance", instance.name());
    json.put("instanceId", instance.id());
    json.put("secret", HexFormat.of().formatHex(instance.secret()));
    json.put("node", place.id().value());
    json.put("listen", place.isLocal() ? LOOPBACK : ALL_ADDRESSES);
    json.put("host", place.isLocal() ? LOOPBACK : HostsFile.address(place.host()));
    json.put("settings", instance.settings().given());
    try {
      return JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(json) + "\n";
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
