package io.adhocfs.daemon;

import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.cluster.Policies;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.data.DataService;
import io.adhocfs.daemon.data.StoredChunks;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metrics.NodeFigures;
import io.adhocfs.daemon.metrics.OperationMetrics;
import io.adhocfs.daemon.migration.Migrator;
import io.adhocfs.daemon.service.MetadataServices;
import io.adhocfs.daemon.service.NodeControl;
import io.adhocfs.daemon.service.RequestDatasets;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.daemon.throttle.Throttling;
import io.adhocfs.daemon.throttle.ThrottlingHandler;
import io.adhocfs.daemon.transaction.TransactionTiming;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.RpcClient;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/**
 * What a daemon has once it knows which slots it owns: everything that answers requests and moves
 * slots, on the stores, the connections and the threads that it is given, the system's or those of
 * a simulation. Those stay their owner's.
 */
public final class ServingNode implements NodeFigures.Serving, AutoCloseable {
  /** How long a request that is ahead of this node waits for it to catch up. */
  private static final Duration CATCH_UP_PATIENCE = Duration.ofSeconds(3);

  /**
   * What a node is built on.
   *
   * @param random thread-safe
   * @param blocking runs what waits for a disk: a few at a time
   * @param syncing runs what transactions wait for, so nothing that takes long
   * @param whenGone run once when this node has left the instance and has nothing of it any more
   * @param whenGivenUp run, perhaps several times, when the others go on without this node
   */
  public record Surroundings(
      Threads threads,
      MetadataThread metadataThread,
      RandomGenerator random,
      Settings settings,
      ClusterState cluster,
      ControlPlane control,
      RpcClient client,
      SessionId session,
      MetadataStore metadata,
      FileChunkStore chunks,
      Executor blocking,
      Executor syncing,
      NodeControl nodeControl,
      OperationMetrics operations,
      Accounts accounts,
      CrashPoints crashPoints,
      MetadataServices.RootOwner rootOwner,
      Runnable whenGone,
      Runnable whenGivenUp) {}

  private final MetadataServices services;
  private final DataService data;
  private final Migrator migrator;
  private final Throttling throttling;
  private final RequestHandler handler;

  /**
   * Takes up what is stored. On the metadata thread.
   *
   * @throws FsException as {@link MetadataServices#start}
   */
  public ServingNode(Surroundings s) throws FsException {
    s.chunks().lostSlots(() -> s.cluster().map().lost());
    data =
        new DataService(
            s.threads(), s.cluster(), s.chunks(), s.settings().number(Setting.DAEMON_DATA_THREADS));
    var policies = new Policies(s.settings());
    ControlState agreed = s.control().state();
    policies.use(agreed.settingsEpoch(), agreed.inheritedChanges());
    try {
      services = MetadataServices.start(metadataSurroundings(s, policies), s.rootOwner());
    } catch (FsException | RuntimeException e) {
      data.close();
      throw e;
    }
    throttling =
        new Throttling(
            s.threads(),
            s.random(),
            s.cluster().self(),
            s.cluster()::map,
            s.client(),
            s.accounts()::heldBack);
    migrator =
        new Migrator(
            s.threads(),
            s.cluster(),
            s.control(),
            s.metadataThread(),
            services.slots(),
            data,
            s.metadata().slotStore(),
            s.chunks().transfer(),
            s.client(),
            throttling,
            s.crashPoints(),
            s.whenGone(),
            s.whenGivenUp());
    services.router().takesSlotsIn(migrator.receiver());
    handler =
        new ThrottlingHandler(
            services.router(),
            throttling,
            s.accounts(),
            s.metadataThread(),
            new RequestDatasets(s.metadata()));
    follow(s.control(), policies);
  }

  private MetadataServices.Surroundings metadataSurroundings(Surroundings s, Policies policies) {
    return new MetadataServices.Surroundings(
        s.metadataThread(),
        s.metadata(),
        s.cluster(),
        new Peers(s.cluster(), s.client(), s.session()),
        s.settings(),
        policies,
        s.blocking(),
        s.syncing(),
        data,
        s.chunks().transfer(),
        new StoredChunks(s.cluster(), s.chunks()),
        s.nodeControl(),
        s.operations(),
        s.accounts(),
        s.crashPoints(),
        TransactionTiming.DEFAULT,
        epoch -> s.control().caughtUp(epoch, Deadline.after(CATCH_UP_PATIENCE)),
        MetadataServices.randomOf(s.random().nextLong()));
  }

  /** Goes by switches and limits that are agreed on. */
  private void follow(ControlPlane control, Policies policies) {
    control.onChange(state -> {
      boolean synced = policies.anyOnDisk();
      policies.use(state.settingsEpoch(), state.inheritedChanges());
      if (!synced && policies.anyOnDisk()) {
        services.syncEarlier();
      }
    });
    control.onChange(state -> throttling.useRules(state.throttles(), state.datasets()));
  }

  /** What answers requests. */
  public RequestHandler handler() {
    return handler;
  }

  /** Begins to move slots as agreed on. Once, when requests are answered. */
  public void startMoving() {
    migrator.start();
  }

  @Override
  public int sessions() {
    return services.sessions();
  }

  @Override
  public int pending() {
    return services.slots().pending();
  }

  @Override
  public int queuedForData() {
    return data.queued();
  }

  public MetadataServices services() {
    return services;
  }

  public DataService data() {
    return data;
  }

  /** Ends what runs here: moves first, then requests for chunks. */
  @Override
  public void close() {
    throttling.close();
    migrator.close();
    data.close();
  }
}
