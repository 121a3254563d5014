package io.adhocfs.client.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.Owner;
import io.adhocfs.client.Surroundings;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.settings.Settings;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One client of a simulated cluster. */
public final class SimulatedClient {
  public final Simulation simulation;
  public final SimulatedCluster cluster;

  /** Of all sessions that this client has had, the newest last. */
  public final SimulatedConnections rpc;

  public final AdhocFileSystem fileSystem;

  /** What the description of the instance says; may be changed. */
  public List<Node> contacts;

  public SimulatedClient(
      Simulation simulation, SimulatedCluster cluster, long session, Map<String, String> settings)
      throws FsException {
    this.simulation = simulation;
    this.cluster = cluster;
    this.rpc = new SimulatedConnections(cluster, session);
    this.contacts = cluster.map().nodes();
    var surroundings =
        new Surroundings(
            rpc::connect,
            rpc::nextId,
            simulation,
            () -> Instant.ofEpochSecond(1_000_000, simulation.nanoTime()),
            new Random(simulation.seed + session),
            action -> simulation.after(0, action));
    var instanceSettings = new Settings(settings);
    ClientOptions options = ClientOptions.DEFAULT.withOwner(new Owner(10, 20));
    this.fileSystem =
        simulation.await(
            AdhocFileSystem.over(
                () -> new Instance("test", "id", new byte[32], instanceSettings, contacts),
                options,
                surroundings));
    rpc.forgetSent();
  }

  public <T extends @Nullable Object> T await(CompletableFuture<T> future) throws FsException {
    return simulation.await(future);
  }

  /** The error that a call ends with. */
  public FsException failure(CompletableFuture<?> future) {
    try {
      Object value = simulation.await(future);
      throw new AssertionError("it succeeded with " + value);
    } catch (FsException e) {
      return e;
    }
  }

  public FsError error(CompletableFuture<?> future) {
    return failure(future).error();
  }

  public static AdhocPath path(String text) throws FsException {
    return AdhocPath.ofText(text);
  }
}
