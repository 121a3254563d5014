package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RpcClient;

/** Makes the connections of one more session of this client. Thread-safe; must not block. */
@FunctionalInterface
public interface ConnectionSource {
  /**
   * Connections that nobody else uses, on threads that all sessions share. This client closes them.
   *
   * @param session never the same twice
   */
  RpcClient connect(SessionId session);
}
