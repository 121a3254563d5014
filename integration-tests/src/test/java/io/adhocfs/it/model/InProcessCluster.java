package io.adhocfs.it.model;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.daemon.Daemon;
import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Daemons of one instance in this process. */
final class InProcessCluster implements AutoCloseable {
  private static final String ID = "0123456789abcdef0123456789abcdef";

  private final Path root;
  private final Settings settings;
  private final InstanceIdentity identity =
      new InstanceIdentity(ID, new byte[InstanceIdentity.SECRET_BYTES]);
  private final List<Daemon> daemons = new ArrayList<>();

  /** What the description of the instance says. */
  private volatile List<ClusterMap.Node> contacts = List.of();

  InProcessCluster(Path root, int nodes, Map<String, String> settings) throws Exception {
    this.root = root;
    this.settings = new Settings(settings);
    try {
      for (int i = 0; i < nodes; i++) {
        daemons.add(start(i));
      }
      ClusterMap map = ClusterMap.initial(addresses());
      try (var admin = new NettyRpcClient(identity, new SessionId(99), PeerRole.ADMIN, 1, map)) {
        for (int i = 0; i < nodes; i++) {
          Response response =
              admin
                  .call(
                      new NodeId(i),
                      new ControlRequest.InstallMap(map),
                      Unpooled.EMPTY_BUFFER,
                      TrafficClass.CONTROL,
                      Deadline.after(Duration.ofSeconds(20)))
                  .get();
          response.payload().release();
        }
      }
      contacts = addresses();
    } catch (Exception e) {
      close();
      throw e;
    }
  }

  private Daemon start(int node) throws FsException {
    return Daemon.start(
        new DaemonConfiguration(
            identity,
            new NodeId(node),
            root.resolve("node-" + node).toAbsolutePath(),
            "127.0.0.1",
            "127.0.0.1",
            0,
            "",
            settings,
            0,
            0));
  }

  private List<ClusterMap.Node> addresses() {
    return daemons.stream().map(Daemon::address).toList();
  }

  int size() {
    return daemons.size();
  }

  /** Stops a daemon and starts it again, at another address. */
  void restart(int node) throws FsException {
    stop(node);
    startAgain(node);
  }

  /** Stops a daemon, which keeps its data. */
  void stop(int node) {
    daemons.get(node).stop(false);
  }

  /** Starts a daemon that was stopped, at another address. */
  void startAgain(int node) throws FsException {
    daemons.set(node, start(node));
    contacts = addresses();
  }

  AdhocFileSystem client() throws FsException {
    return AdhocFileSystem.open(
        () -> new Instance("model", ID, identity.secret(), settings, contacts),
        ClientOptions.DEFAULT.withOwner(new Owner(1, 2)));
  }

  @Override
  public void close() {
    daemons.forEach(daemon -> daemon.stop(true));
  }
}
