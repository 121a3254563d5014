package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.Frame;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Where a server listens, who it is and what it takes on.
 *
 * @param bindHost name or address to listen at
 * @param port TCP port; 0 = any free one
 * @param socketPath Unix socket to listen at as well; a file left there is replaced
 * @param self the node that clients must be looking for
 * @param driver how sockets are served
 * @param limits what it takes on
 */
public record RpcServerConfiguration(
    String bindHost,
    int port,
    Optional<Path> socketPath,
    InstanceIdentity identity,
    NodeId self,
    SocketDriver driver,
    Limits limits) {

  /**
   * The bounds of a server.
   *
   * @param dataThreads event loops for data connections, accepting and handshakes
   * @param maxConnections of peers that have proved themselves; further ones are refused
   * @param maxUnproved connections that have not; the oldest give way to new ones
   * @param maxRequestsInFlight of one connection, taken and not answered; beyond, it is not read
   * @param maxPayloadBytesPerConnection payloads of one connection's requests under way and of
   *     their answers, until they have left; one request alone may have more
   * @param maxPayloadBytes the same over all connections
   * @param handshakeTimeout for a peer to prove itself
   * @param stallTimeout a connection is given up when the rest of a frame does not come, or nothing
   *     of what waits to be sent is taken, for so long (seen after at most twice the time)
   * @param drainTimeout how long {@link RpcServer#stop} waits for answers under way
   */
  public record Limits(
      int dataThreads,
      int maxConnections,
      int maxUnproved,
      int maxRequestsInFlight,
      long maxPayloadBytesPerConnection,
      long maxPayloadBytes,
      Duration handshakeTimeout,
      Duration stallTimeout,
      Duration drainTimeout) {
    public Limits {
      if (dataThreads < 1 || maxConnections < 1 || maxUnproved < 1 || maxRequestsInFlight < 1) {
        throw new IllegalArgumentException(
            "data threads "
                + dataThreads
                + ", connections "
                + maxConnections
                + ", unproved "
                + maxUnproved
                + ", requests in flight "
                + maxRequestsInFlight);
      }
      if (maxPayloadBytesPerConnection < 1 || maxPayloadBytes < 2L * Frame.PAYLOAD_BYTES_MAX) {
        throw new IllegalArgumentException(
            "payload bytes per connection "
                + maxPayloadBytesPerConnection
                + ", in all "
                + maxPayloadBytes
                + " (at least two payloads)");
      }
    }

    /** The usual ones. */
    public static Limits usual() {
      return new Limits(
          Math.clamp(Runtime.getRuntime().availableProcessors() / 4, 1, 2),
          4096,
          1024,
          1024,
          32L << 20,
          256L << 20,
          Duration.ofSeconds(5),
          Duration.ofSeconds(60),
          Duration.ofSeconds(2));
    }

    /** The same with other numbers of connections. */
    public Limits withConnections(int proved, int unproved) {
      return new Limits(
          dataThreads,
          proved,
          unproved,
          maxRequestsInFlight,
          maxPayloadBytesPerConnection,
          maxPayloadBytes,
          handshakeTimeout,
          stallTimeout,
          drainTimeout);
    }
  }

  public RpcServerConfiguration {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("port " + port);
    }
  }

  /** With the best driver. */
  public RpcServerConfiguration(
      String bindHost,
      int port,
      Optional<Path> socketPath,
      InstanceIdentity identity,
      NodeId self,
      Limits limits) {
    this(bindHost, port, socketPath, identity, self, SocketDriver.best(), limits);
  }

  /** With the best driver and the usual limits. */
  public RpcServerConfiguration(
      String bindHost,
      int port,
      Optional<Path> socketPath,
      InstanceIdentity identity,
      NodeId self) {
    this(bindHost, port, socketPath, identity, self, SocketDriver.best(), Limits.usual());
  }
}
