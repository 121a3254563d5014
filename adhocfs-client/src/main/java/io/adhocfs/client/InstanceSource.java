package io.adhocfs.client;

import io.adhocfs.protocol.instance.Instance;
import java.io.IOException;

/**
 * Where an instance is described, typically its file. Asked again, on a thread that may wait, when
 * a node cannot be reached: a daemon that was started anew may have another address.
 */
@FunctionalInterface
public interface InstanceSource {
  /**
   * The instance as it is described now.
   *
   * @throws IOException when it cannot be read; the client goes on with what it knows
   */
  Instance read() throws IOException;
}
