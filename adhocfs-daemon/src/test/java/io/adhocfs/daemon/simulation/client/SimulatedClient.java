package io.adhocfs.daemon.simulation.client;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.daemon.simulation.ClientProcess;
import io.adhocfs.daemon.simulation.SimulatedNetwork;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One client of a cluster, whose requests meet the fates that a test gives them. */
final class SimulatedClient {
  final DaemonCluster cluster;

  /** Of all sessions that this client has had. */
  final FatefulConnections rpc;

  final AdhocFileSystem fileSystem;

  /** What the description of the instance says; may be changed. */
  List<Node> contacts;

  private final ClientProcess process;

  SimulatedClient(DaemonCluster cluster) throws FsException {
    this(cluster, Map.of());
  }

  /**
   * Connects.
   *
   * @param settings that it has in the place of the instance's
   */
  SimulatedClient(DaemonCluster cluster, Map<String, String> settings) throws FsException {
    this(cluster, settings, cluster.map().nodes());
  }

  SimulatedClient(DaemonCluster cluster, Map<String, String> settings, List<Node> contacts)
      throws FsException {
    this.cluster = cluster;
    this.rpc = new FatefulConnections(cluster.instance.network());
    this.contacts = contacts;
    this.process =
        cluster.instance.newProcess(
            new ClientProcess.Setup(cluster.settings(settings), () -> this.contacts, rpc::around));
    this.fileSystem = cluster.await(process.connected());
    rpc.forgetSent();
  }

  <T extends @Nullable Object> T await(CompletableFuture<T> future) throws FsException {
    return cluster.await(future);
  }

  /** The error that a call ends with. */
  FsException failure(CompletableFuture<?> future) {
    try {
      Object value = cluster.await(future);
      throw new AssertionError("it succeeded with " + value);
    } catch (FsException e) {
      return e;
    }
  }

  FsError error(CompletableFuture<?> future) {
    return failure(future).error();
  }

  /** Stops its process for a while, in which the daemons go on. */
  void stopFor(Duration duration) {
    process.stopFor(duration.toNanos());
  }

  /** Cuts it off from nodes for a while. */
  void cutOff(List<NodeId> nodes, Duration duration) {
    SimulatedNetwork network = cluster.instance.network();
    nodes.forEach(node -> network.separate(process.name(), node.toString(), true));
    cluster.pass(duration);
    nodes.forEach(node -> network.separate(process.name(), node.toString(), false));
  }

  static AdhocPath path(String text) throws FsException {
    return AdhocPath.ofText(text);
  }
}
