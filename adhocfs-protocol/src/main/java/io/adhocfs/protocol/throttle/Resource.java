package io.adhocfs.protocol.throttle;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a limit counts (requirements 33, 67, 74). On the wire and in files a resource is its name: a
 * daemon keeps, and does not enforce, limits of resources that it does not know.
 */
public enum Resource {
  /** Requests about names, attributes, locks. */
  METADATA_OPS("metadata-ops", false),
  /** Requests to read or write. */
  DATA_OPS("data-ops", false),
  /** Bytes of files that are read or written. */
  DATA_BANDWIDTH("data-bandwidth", true),
  /** Bytes that a daemon receives and sends, frames included. */
  NETWORK_BANDWIDTH("network-bandwidth", true),
  /** One for each request, and for each further MiB of its data that has begun. */
  RPC_TOKENS("rpc-tokens", false);

  private final String label;
  private final boolean inBytes;

  Resource(String label, boolean inBytes) {
    this.label = label;
    this.inBytes = inBytes;
  }

  /** Its name for people, in files and on the wire. */
  public String label() {
    return label;
  }

  /** Whether limits are bytes a second; else they are so many a second. */
  public boolean inBytes() {
    return inBytes;
  }

  /** The resource of a name, or null where there is none. */
  public static @Nullable Resource ofLabel(String label) {
    for (Resource resource : values()) {
      if (resource.label.equals(label)) {
        return resource;
      }
    }
    return null;
  }

  /** All names, for messages. */
  public static String labels() {
    return Arrays.stream(values()).map(Resource::label).collect(Collectors.joining(", "));
  }
}
