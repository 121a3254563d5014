package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import java.time.Duration;

/**
 * Who calls, and with what means.
 *
 * @param session of this client alone: its connections are numbered, and two clients of one session
 *     would push each other out
 * @param dataConnections per node, 1 to 63
 * @param dataThreads event loops that all data connections share
 * @param maxUnanswered calls of one connection that are not answered; further ones fail OVERLOADED
 * @param connectTimeout to connect and to prove each other, before calls fail UNREACHABLE
 */
public record RpcClientConfiguration(
    InstanceIdentity identity,
    SessionId session,
    PeerRole role,
    int dataConnections,
    SocketDriver driver,
    int dataThreads,
    int maxUnanswered,
    Duration connectTimeout) {
  public RpcClientConfiguration {
    if (dataConnections < 1
        || dataConnections >= Handshake.LANES_MAX
        || dataThreads < 1
        || maxUnanswered < 1) {
      throw new IllegalArgumentException(
          "data connections "
              + dataConnections
              + ", data threads "
              + dataThreads
              + ", unanswered calls "
              + maxUnanswered);
    }
  }

  /** With the best driver and the usual limits. */
  public RpcClientConfiguration(
      InstanceIdentity identity, SessionId session, PeerRole role, int dataConnections) {
    this(
        identity,
        session,
        role,
        dataConnections,
        SocketDriver.best(),
        usualDataThreads(),
        1 << 14,
        Duration.ofSeconds(5));
  }

  static int usualDataThreads() {
    return Math.clamp(Runtime.getRuntime().availableProcessors() / 4, 1, 2);
  }
}
